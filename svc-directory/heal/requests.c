/* The nation's requests for buckets: laid down for whoever owns the bucket's partition. */
#include "svc-directory/heal/heal.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "bus/reader.h"
#include "bus/signed.h"
#include "codes/bucket.h"
#include "codes/region.h"
#include "json/json.h"
#include "svc-directory/publish/publish.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORD_ARENA (64 * 1024)
#define ACQUIRE_MS   2000
#define RETRY_MS     500

struct heal_requests {
    struct directory *directory;
    struct phi_topic_reader *reader;
    uint64_t begun_us;
    atomic_bool is_stopping;
    struct phi_counter *taken;
    struct phi_counter *refused;
};

struct request {
    bool is_for_digests; /* of the buckets from `first` to `last`, now */
    int64_t first;
    int64_t last;
    int64_t bucket;
    uint64_t version;
};

/* The unified platform's answer key, as the trust list in force has it. */
static enum phi_err verify(struct heal_requests *requests, const struct phi_msg *msg,
                           uint64_t *version)
{
    struct phi_pinned_key pinned[PHI_TRUST_KEYS];
    size_t count = 0;
    struct phi_trust *trust = phi_service_trust(requests->directory->service);
    if (!phi_trust_is_usable(trust))
        return PHI_ERR_NEIGHBOUR; /* no list yet: it is tried again */
    int64_t now_us = phi_clock_now_us(phi_service_clock(requests->directory->service));
    const struct phi_trust_view *view = phi_trust_acquire(trust);
    const struct phi_trust_platform *nation = phi_trust_platform(view, PHI_REGION_NATION);
    for (size_t i = 0; nation != NULL && i < nation->key_count && count < PHI_TRUST_KEYS; i++) {
        const struct phi_trust_key *key = &nation->keys[i];
        if (key->use != PHI_TRUST_ANSWER || now_us < key->from_us || now_us >= key->to_us)
            continue;
        memcpy(pinned[count].key_serial, key->serial, sizeof(pinned[count].key_serial));
        pinned[count++].key = key->public_key;
    }
    enum phi_err err = phi_signed_verify(msg, pinned, count, version, NULL);
    phi_trust_release(view);
    return err;
}

static enum phi_err read_request(struct heal_requests *requests, const struct phi_msg *msg,
                                 struct phi_arena *arena, struct request *out)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"bucket", "digests", "first",
                                          "last",   "region",  "version"};
    struct phi_json_at root;
    const char *region = NULL, *version = NULL;
    int64_t number = 0;
    PHI_GUARD(verify(requests, msg, &out->version));
    PHI_GUARD(phi_json_read(msg->value, 2, arena, &root, NULL));
    PHI_GUARD(phi_json_only(&root, members, 6, NULL));
    PHI_GUARD(phi_json_bool_opt(&root, "digests", false, &out->is_for_digests, NULL));
    PHI_GUARD(phi_json_int_opt(&root, "first", 0, PHI_BUCKETS - 1, 0, &out->first, NULL));
    PHI_GUARD(phi_json_int_opt(&root, "last", out->first, PHI_BUCKETS - 1, PHI_BUCKETS - 1,
                               &out->last, NULL));
    if (!out->is_for_digests)
        PHI_GUARD(phi_json_int(&root, "bucket", 0, PHI_BUCKETS - 1, &out->bucket, NULL));
    PHI_GUARD(phi_json_word(&root, "region", 6, &region, NULL));
    PHI_GUARD(phi_json_word(&root, "version", 20, &version, NULL));
    PHI_GUARD(phi_text_to_i64(phi_view_text(version), 1, INT64_MAX, &number));
    bool is_ours = strcmp(region, phi_service_region(requests->directory->service)) == 0;
    if (!is_ours || (uint64_t)number != out->version)
        err = PHI_ERR_FIELD_VALUE;
out:
    return err;
}

static enum phi_err lay_down(struct heal_requests *requests, const struct request *request)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    const struct phi_param params[] = {PHI_I64(request->bucket),
                                       PHI_I64((int64_t)request->version)};
    PHI_GUARD(phi_store_acquire(phi_service_store(requests->directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(conn, "heal_request_put",
                            "INSERT INTO heal_requests AS h (bucket, version) VALUES ($1, $2) ON "
                            "CONFLICT (bucket) DO UPDATE SET version = excluded.version WHERE "
                            "h.version < excluded.version",
                            params, 2, NULL, NULL));
out:
    phi_store_release(conn);
    return err;
}

/* Each replica tells those of its own partitions; what was asked before it began is stale. */
static void hurry(struct heal_requests *requests, const struct request *request)
{
    if (request->version < requests->begun_us)
        return;
    for (int64_t bucket = request->first; bucket <= request->last; bucket++)
        atomic_fetch_or(&requests->directory->tells[bucket / 64], UINT64_C(1) << (bucket % 64));
}

static enum phi_err take(struct heal_requests *requests, const struct phi_msg *msg)
{
    enum phi_err err = PHI_OK;
    struct request request;
    struct phi_arena *arena = phi_arena_new(RECORD_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_request(requests, msg, arena, &request));
    if (request.is_for_digests)
        hurry(requests, &request);
    else
        PHI_GUARD(lay_down(requests, &request));
out:
    phi_arena_free(arena);
    return err;
}

/* Neither the database being away nor a list that is still to come is the record's fault. */
static void on_record(const struct phi_msg *msg, void *context)
{
    struct heal_requests *requests = context;
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    enum phi_err err = take(requests, msg);
    while (phi_err_is_retryable(err) && !atomic_load(&requests->is_stopping)) {
        nanosleep(&pause, NULL);
        err = take(requests, msg);
    }
    if (err == PHI_OK) {
        phi_counter_add(requests->taken, 1);
        publisher_wake(requests->directory->publisher);
    } else if (!phi_err_is_retryable(err)) {
        phi_counter_add(requests->refused, 1);
        phi_log(PHI_LOG_WARN, "heal_request_refused", PHI_L_INT("offset", msg->offset),
                PHI_L_ERR(err));
    }
}

enum phi_err heal_requests_start(struct directory *directory, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = directory->service;
    struct heal_requests *requests = calloc(1, sizeof(*requests));
    PHI_GUARD(requests == NULL ? PHI_ERR_MEMORY : PHI_OK);
    directory->heal_requests = requests;
    requests->directory = directory;
    requests->begun_us = (uint64_t)phi_clock_now_us(phi_service_clock(service));
    requests->taken = phi_counter_new("phi_directory_heal_requests_total",
                                      "buckets that the nation asked for", "result=\"taken\"");
    requests->refused = phi_counter_new("phi_directory_heal_requests_total",
                                        "buckets that the nation asked for", "result=\"refused\"");
    const struct phi_topic_reader_options options = {
        .bus = phi_service_platform_bus(service),
        .topic = phi_service_topic(service, "directory.request"),
        .record = on_record,
        .context = requests};
    PHI_GUARD(phi_topic_reader_open(&options, &requests->reader, error));
out:
    return err;
}

void heal_requests_close(struct heal_requests *requests)
{
    if (requests == NULL)
        return;
    atomic_store(&requests->is_stopping, true);
    phi_topic_reader_close(requests->reader);
    free(requests);
}
