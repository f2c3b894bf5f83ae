/* The nationwide query (全国健康信息目录查询): the receipt goes to the unified platform, its
 * entries of the receipt's subject come back, while we look at our own. */
#include "codes/query_message.h"
#include "svc-directory/query/query.h"

#include "base/metrics.h"

#include <stdlib.h>
#include <string.h>

#define ASK_MS     1500
#define RESERVE_MS 300 /* of the call's time, for the answer */
#define DEPTH_MAX  6

struct nation {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    bool is_done;
    enum phi_err err;
    uint8_t request_id[16];
    size_t len;
    uint8_t frame[PHI_QUERY_REPLY_MAX];
};

static void nation_free(struct nation *nation)
{
    pthread_cond_destroy(&nation->seen);
    pthread_mutex_destroy(&nation->lock);
    free(nation);
}

static void on_done(void *context, enum phi_err err, struct phi_view reply)
{
    struct nation *nation = context;
    pthread_mutex_lock(&nation->lock);
    nation->err = err == PHI_OK && reply.len > sizeof(nation->frame) ? PHI_ERR_FRAME : err;
    if (nation->err == PHI_OK) {
        memcpy(nation->frame, reply.data, reply.len);
        nation->len = reply.len;
    }
    nation->is_done = true;
    pthread_cond_signal(&nation->seen);
    pthread_mutex_unlock(&nation->lock);
}

static enum phi_err start(struct phi_api_call *call, struct nation *nation, struct phi_view receipt)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_QUERY_REQUEST_MAX];
    int64_t left_ms = phi_deadline_left_ms(phi_api_deadline(call)) - RESERVE_MS;
    struct phi_deadline until = phi_deadline_in_ms(left_ms < ASK_MS ? left_ms : ASK_MS);
    struct phi_query_request request = {.left_ms = (uint32_t)phi_deadline_left_ms(until),
                                        .receipt = receipt};
    memcpy(request.request_id, nation->request_id, sizeof(request.request_id));
    struct phi_writer out = phi_writer_of(bytes, sizeof(bytes));
    PHI_GUARD(left_ms > 0 ? PHI_OK : PHI_ERR_DEADLINE);
    PHI_GUARD(phi_query_request_encode(&request, &out));
    PHI_GUARD(phi_rpc_call_start(directory_of(call)->platform,
                                 phi_view_of(bytes, phi_writer_len(&out)), request.request_id,
                                 until, on_done, nation));
out:
    return err;
}

void nation_metrics(struct directory *directory)
{
    static const char name[] = "phi_directory_nation_asked_total", help[] = "nationwide queries";
    directory->nation[0] = phi_counter_new(name, help, "result=\"unanswered\"");
    directory->nation[1] = phi_counter_new(name, help, "result=\"answered\"");
}

struct nation *nation_ask(struct phi_api_call *call, struct phi_view receipt,
                          const uint8_t request_id[16])
{
    struct nation *nation = calloc(1, sizeof(*nation));
    if (nation == NULL)
        return NULL;
    pthread_mutex_init(&nation->lock, NULL);
    pthread_cond_init(&nation->seen, NULL);
    memcpy(nation->request_id, request_id, sizeof(nation->request_id));
    if (start(call, nation, receipt) != PHI_OK) {
        nation_free(nation);
        return NULL;
    }
    return nation;
}

static enum phi_err read_reply(const struct nation *nation, struct phi_arena *arena,
                               const json_t **out)
{
    enum phi_err err = nation->err;
    struct phi_query_reply reply;
    struct phi_json_at root, entries;
    size_t count = 0;
    PHI_GUARD(err);
    PHI_GUARD(phi_query_reply_decode(phi_view_of(nation->frame, nation->len), &reply));
    PHI_GUARD(memcmp(reply.request_id, nation->request_id, sizeof(reply.request_id)) == 0
                  ? PHI_OK
                  : PHI_ERR_FRAME);
    PHI_GUARD(reply.status);
    PHI_GUARD(phi_json_read(reply.json, DEPTH_MAX, arena, &root, NULL));
    PHI_GUARD(phi_json_array(&root, "entries", 0, 256, &entries, &count, NULL));
    *out = entries.value;
out:
    return err;
}

const json_t *nation_finish(struct directory *directory, struct nation *nation,
                            struct phi_arena *arena)
{
    const json_t *entries = NULL;
    if (nation == NULL)
        return NULL;
    pthread_mutex_lock(&nation->lock);
    while (!nation->is_done) /* the client answers each call by its deadline */
        pthread_cond_wait(&nation->seen, &nation->lock);
    pthread_mutex_unlock(&nation->lock);
    phi_counter_add(directory->nation[read_reply(nation, arena, &entries) == PHI_OK], 1);
    nation_free(nation);
    return entries;
}
