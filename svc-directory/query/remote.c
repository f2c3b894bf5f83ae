#include "svc-directory/query/remote.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS     1500
#define RESERVE_MS 300 /* of the call's time, for the answer */
#define DEPTH_MAX  16

struct remote {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    bool is_done;
    enum phi_err err;
    enum phi_query_operation operation;
    uint8_t request_id[16];
    size_t len;
    uint8_t frame[PHI_QUERY_REPLY_MAX];
};

static void remote_free(struct remote *remote)
{
    pthread_cond_destroy(&remote->seen);
    pthread_mutex_destroy(&remote->lock);
    free(remote);
}

static void on_done(void *context, enum phi_err err, struct phi_view reply)
{
    struct remote *remote = context;
    pthread_mutex_lock(&remote->lock);
    remote->err = err == PHI_OK && reply.len > sizeof(remote->frame) ? PHI_ERR_FRAME : err;
    if (remote->err == PHI_OK) {
        memcpy(remote->frame, reply.data, reply.len);
        remote->len = reply.len;
    }
    remote->is_done = true;
    pthread_cond_signal(&remote->seen);
    pthread_mutex_unlock(&remote->lock);
}

static enum phi_err start(struct phi_api_call *call, struct phi_rpc_client *client,
                          struct phi_query_request request, struct remote *remote)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_QUERY_REQUEST_MAX];
    int64_t left_ms = phi_deadline_left_ms(phi_api_deadline(call)) - RESERVE_MS;
    struct phi_deadline until = phi_deadline_in_ms(left_ms < ASK_MS ? left_ms : ASK_MS);
    struct phi_writer out = phi_writer_of(bytes, sizeof(bytes));
    PHI_GUARD(left_ms > 0 ? PHI_OK : PHI_ERR_DEADLINE);
    request.left_ms = (uint32_t)phi_deadline_left_ms(until);
    PHI_GUARD(phi_query_request_encode(&request, &out));
    PHI_GUARD(phi_rpc_call_start(client, phi_view_of(bytes, phi_writer_len(&out)),
                                 request.request_id, until, on_done, remote));
out:
    return err;
}

struct remote *remote_ask(struct phi_api_call *call, struct phi_rpc_client *client,
                          const struct phi_query_request *request)
{
    struct remote *remote = client == NULL ? NULL : calloc(1, sizeof(*remote));
    if (remote == NULL)
        return NULL;
    pthread_mutex_init(&remote->lock, NULL);
    pthread_cond_init(&remote->seen, NULL);
    remote->operation = request->operation;
    memcpy(remote->request_id, request->request_id, sizeof(remote->request_id));
    if (start(call, client, *request, remote) != PHI_OK) {
        remote_free(remote);
        return NULL;
    }
    return remote;
}

static enum phi_err read_reply(const struct remote *remote, struct phi_arena *arena,
                               struct phi_json_at *root)
{
    enum phi_err err = remote->err;
    struct phi_query_reply reply;
    PHI_GUARD(err);
    PHI_GUARD(phi_query_reply_decode(phi_view_of(remote->frame, remote->len), &reply));
    bool is_ours = reply.operation == remote->operation &&
                   memcmp(reply.request_id, remote->request_id, sizeof(reply.request_id)) == 0;
    PHI_GUARD(is_ours ? PHI_OK : PHI_ERR_FRAME);
    PHI_GUARD(reply.status);
    PHI_GUARD(phi_json_read(reply.json, DEPTH_MAX, arena, root, NULL));
out:
    return err;
}

struct phi_json_at *remote_finish(struct remote *remote, struct phi_arena *arena)
{
    if (remote == NULL)
        return NULL;
    pthread_mutex_lock(&remote->lock);
    while (!remote->is_done) /* the client answers each call by its deadline */
        pthread_cond_wait(&remote->seen, &remote->lock);
    pthread_mutex_unlock(&remote->lock);
    struct phi_json_at *root = phi_arena_alloc(arena, sizeof(*root));
    if (root != NULL && read_reply(remote, arena, root) != PHI_OK)
        root = NULL;
    remote_free(remote);
    return root;
}
