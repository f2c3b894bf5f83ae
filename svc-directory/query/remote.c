#include "svc-directory/query/remote.h"

#include "service/neighbours.h"
#include "svc-directory/directory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS     1500
#define RESERVE_MS 300 /* of the call's time, for the answer */
#define DEPTH_MAX  16
#define RELAY_MORE 1024 /* what the envelope adds */
#define DIRECT_MS  900  /* of ASK_MS, where the relay can be asked then */

struct remote {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    bool is_done;
    enum phi_err err;
    enum phi_query_operation operation;
    uint8_t request_id[16];
    struct phi_api_call *call; /* may ask again through the relay; else NULL */
    char platform[7];
    struct phi_query_request request;
    struct phi_deadline until;
    bool is_relayed;
    struct phi_forward_sent sent;
    size_t len;
    uint8_t frame[PHI_QUERY_REPLY_MAX + RELAY_MORE];
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

static struct phi_deadline deadline_of(struct phi_api_call *call)
{
    int64_t left_ms = phi_deadline_left_ms(phi_api_deadline(call)) - RESERVE_MS;
    return phi_deadline_in_ms(left_ms < ASK_MS ? left_ms : ASK_MS);
}

static enum phi_err start(struct phi_rpc_client *client, struct phi_query_request request,
                          struct phi_deadline until, struct remote *remote)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_QUERY_REQUEST_MAX];
    struct phi_writer out = phi_writer_of(bytes, sizeof(bytes));
    PHI_GUARD(phi_deadline_is_past(until) ? PHI_ERR_DEADLINE : PHI_OK);
    request.left_ms = (uint32_t)phi_deadline_left_ms(until);
    PHI_GUARD(phi_query_request_encode(&request, &out));
    PHI_GUARD(phi_rpc_call_start(client, phi_view_of(bytes, phi_writer_len(&out)),
                                 request.request_id, until, on_done, remote));
out:
    return err;
}

/* The same through the relay, in the time that is left. */
static enum phi_err start_relayed(struct phi_api_call *call, const struct phi_trust_view *trust,
                                  struct remote *remote)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_QUERY_REQUEST_MAX];
    struct phi_writer out = phi_writer_of(bytes, sizeof(bytes));
    struct phi_query_request request = remote->request;
    request.left_ms = (uint32_t)phi_deadline_left_ms(remote->until);
    PHI_GUARD(request.left_ms == 0 ? PHI_ERR_DEADLINE : PHI_OK);
    PHI_GUARD(phi_query_request_encode(&request, &out));
    const struct phi_forward_ask ask = {.trust = trust,
                                        .target = remote->platform,
                                        .service = PHI_RELAY_QUERY,
                                        .request_id = remote->request_id,
                                        .left_ms = request.left_ms,
                                        .frame = phi_view_of(bytes, phi_writer_len(&out))};
    PHI_GUARD(
        phi_forward_wrap(directory_of(call)->forward, &ask, phi_api_arena(call), &remote->sent));
    remote->is_relayed = true;
    remote->is_done = false;
    PHI_GUARD(phi_rpc_call_start(remote->sent.client, remote->sent.payload, remote->request_id,
                                 remote->until, on_done, remote));
out:
    if (err != PHI_OK)
        remote->is_done = true;
    return err;
}

static struct remote *remote_new(const struct phi_query_request *request)
{
    struct remote *remote = calloc(1, sizeof(*remote));
    if (remote == NULL)
        return NULL;
    pthread_mutex_init(&remote->lock, NULL);
    pthread_cond_init(&remote->seen, NULL);
    remote->operation = request->operation;
    remote->request = *request;
    memcpy(remote->request_id, request->request_id, sizeof(remote->request_id));
    return remote;
}

struct remote *remote_ask(struct phi_api_call *call, struct phi_rpc_client *client,
                          const struct phi_query_request *request)
{
    struct remote *remote = client == NULL ? NULL : remote_new(request);
    if (remote == NULL)
        return NULL;
    if (start(client, *request, deadline_of(call), remote) != PHI_OK) {
        remote_free(remote);
        return NULL;
    }
    return remote;
}

static enum phi_err start_home(struct phi_api_call *call, const struct phi_trust_view *trust,
                               struct remote *remote)
{
    struct directory *directory = directory_of(call);
    struct phi_rpc_client *client =
        phi_forward_is_wanted(directory->forward, remote->platform)
            ? NULL
            : phi_neighbours_client(directory->homes, trust, remote->platform);
    bool can_relay = phi_forward_is_possible(directory->forward, trust, remote->platform);
    remote->until = deadline_of(call);
    if (client == NULL || (can_relay && phi_rpc_client_usable_count(client) == 0))
        return start_relayed(call, trust, remote);
    remote->call = can_relay ? call : NULL;
    struct phi_deadline until =
        can_relay ? phi_deadline_min(remote->until, phi_deadline_in_ms(DIRECT_MS)) : remote->until;
    return start(client, remote->request, until, remote);
}

struct remote *remote_ask_home(struct phi_api_call *call, const char *platform,
                               const struct phi_query_request *request)
{
    const struct phi_trust_view *trust =
        phi_trust_acquire(phi_service_trust(directory_of(call)->service));
    struct remote *remote = remote_new(request);
    if (remote != NULL)
        memcpy(remote->platform, platform, sizeof(remote->platform));
    if (remote != NULL && start_home(call, trust, remote) != PHI_OK) {
        remote_free(remote);
        remote = NULL;
    }
    phi_trust_release(trust);
    return remote;
}

static enum phi_err read_reply(const struct remote *remote, struct phi_arena *arena,
                               struct phi_json_at *root)
{
    enum phi_err err = remote->err;
    struct phi_query_reply reply;
    struct phi_view frame = phi_view_of(remote->frame, remote->len);
    PHI_GUARD(err);
    if (remote->is_relayed)
        PHI_GUARD(phi_forward_unwrap(&remote->sent, frame, arena, &frame));
    PHI_GUARD(phi_query_reply_decode(frame, &reply));
    bool is_ours = reply.operation == remote->operation &&
                   memcmp(reply.request_id, remote->request_id, sizeof(reply.request_id)) == 0;
    PHI_GUARD(is_ours ? PHI_OK : PHI_ERR_FRAME);
    PHI_GUARD(reply.status);
    PHI_GUARD(phi_json_read(reply.json, DEPTH_MAX, arena, root, NULL));
out:
    return err;
}

static void await(struct remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    while (!remote->is_done) /* the client answers each call by its deadline */
        pthread_cond_wait(&remote->seen, &remote->lock);
    pthread_mutex_unlock(&remote->lock);
}

/* No way there: the relay may have one. */
static void try_relay(struct remote *remote)
{
    bool is_away = remote->err == PHI_ERR_NEIGHBOUR || remote->err == PHI_ERR_DEADLINE;
    if (remote->call == NULL || !is_away)
        return;
    const struct phi_trust_view *trust =
        phi_trust_acquire(phi_service_trust(directory_of(remote->call)->service));
    if (start_relayed(remote->call, trust, remote) == PHI_OK)
        await(remote);
    phi_trust_release(trust);
}

struct phi_json_at *remote_finish(struct remote *remote, struct phi_arena *arena)
{
    if (remote == NULL)
        return NULL;
    await(remote);
    try_relay(remote);
    struct phi_json_at *root = phi_arena_alloc(arena, sizeof(*root));
    if (root != NULL && read_reply(remote, arena, root) != PHI_OK)
        root = NULL;
    remote_free(remote);
    return root;
}
