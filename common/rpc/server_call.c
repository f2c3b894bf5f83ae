#include "rpc/server_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* what rows of a batch share pays with a few already, so few calls are taken whole */
#define SHARE_MIN 16

bool phi_rpc_message_build(zmq_msg_t *message, const struct phi_rpc_frame *frame)
{
    if (zmq_msg_init_size(message, PHI_RPC_FRAME_HEADER_LEN + frame->payload.len) != 0)
        return false;
    uint8_t *bytes = zmq_msg_data(message);
    phi_rpc_frame_encode_header(frame, bytes);
    if (frame->payload.len > 0)
        memcpy(bytes + PHI_RPC_FRAME_HEADER_LEN, frame->payload.data, frame->payload.len);
    return true;
}

/* Only a server that drains is waited for: then the waiter has either seen the smaller number or is
 * woken. */
static void count_out(struct phi_rpc_server *server)
{
    if (atomic_fetch_sub(&server->calls, 1) != 1 || !atomic_load(&server->is_draining))
        return;
    pthread_mutex_lock(&server->lock);
    pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

struct phi_rpc_call *phi_rpc_call_new(struct phi_rpc_server *server)
{
    if (atomic_fetch_add(&server->calls, 1) >= server->options.calls_max) {
        count_out(server);
        return NULL;
    }
    struct phi_rpc_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        count_out(server);
        return NULL;
    }
    atomic_fetch_add(&server->references, 1);
    call->server = server;
    zmq_msg_init(&call->body);
    return call;
}

void phi_rpc_call_free(struct phi_rpc_call *call)
{
    struct phi_rpc_server *server = call->server;
    zmq_msg_close(&call->body);
    if (call->has_answer)
        zmq_msg_close(&call->answer);
    free(call);
    count_out(server);
    phi_rpc_server_unref(server);
}

const struct phi_rpc_peer *phi_rpc_call_peer(const struct phi_rpc_call *call)
{
    return &call->peer;
}

struct phi_view phi_rpc_call_payload(const struct phi_rpc_call *call)
{
    return call->payload;
}

struct phi_deadline phi_rpc_call_deadline(const struct phi_rpc_call *call)
{
    return call->deadline;
}

const uint8_t *phi_rpc_call_request_id(const struct phi_rpc_call *call)
{
    return call->request_id;
}

static enum phi_err lay(struct phi_rpc_call *call, enum phi_rpc_frame_kind kind, uint32_t number,
                        struct phi_view payload)
{
    struct phi_rpc_frame frame = {
        .kind = kind, .number = number, .call = call->number, .payload = payload};
    memcpy(frame.request_id, call->request_id, sizeof(frame.request_id));
    if (call->has_answer)
        zmq_msg_close(&call->answer);
    call->has_answer = phi_rpc_message_build(&call->answer, &frame);
    return call->has_answer ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err phi_rpc_lay(struct phi_rpc_call *call, struct phi_view payload)
{
    if (payload.len > PHI_RPC_PAYLOAD_MAX)
        return PHI_ERR_INTERNAL;
    return lay(call, PHI_RPC_FRAME_REPLY, 0, payload);
}

static void lay_refusal(struct phi_rpc_call *call, enum phi_err err)
{
    phi_counter_add(call->server->refused_total, 1);
    (void)lay(call, PHI_RPC_FRAME_REFUSAL, phi_rpc_refusal_number(err), phi_view_of(NULL, 0));
}

void phi_rpc_send(struct phi_rpc_call **calls, size_t count)
{
    struct phi_rpc_server *server = calls[0]->server;
    for (size_t i = 0; i < count; i++) {
        assert(calls[i]->server == server);
        if (!calls[i]->has_answer)
            lay_refusal(calls[i], PHI_ERR_MEMORY);
    }
    /* once pushed a call may be freed at any moment, and the server with it but for this reference
     */
    atomic_fetch_add(&server->references, 1);
    /* the queue has room for calls_max, so only a closed server refuses */
    size_t sent = phi_queue_push_many(server->answers, (void *const *)calls, count);
    if (sent > 0)
        phi_rpc_wake_knock(&server->wake);
    for (size_t i = sent; i < count; i++)
        phi_rpc_call_free(calls[i]);
    phi_rpc_server_unref(server);
}

void phi_rpc_reply(struct phi_rpc_call *call, struct phi_view payload)
{
    enum phi_err err = phi_rpc_lay(call, payload);
    if (err == PHI_ERR_INTERNAL)
        lay_refusal(call, err);
    phi_rpc_send(&call, 1);
}

void phi_rpc_refuse(struct phi_rpc_call *call, enum phi_err err)
{
    lay_refusal(call, err);
    phi_rpc_send(&call, 1);
}

void phi_rpc_drop(struct phi_rpc_call *call)
{
    phi_rpc_call_free(call);
}

static size_t drop_expired(struct phi_rpc_server *server, struct phi_rpc_call **calls, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!phi_deadline_is_past(calls[i]->deadline)) {
            calls[kept++] = calls[i];
            continue;
        }
        phi_counter_add(server->expired_total, 1);
        phi_rpc_drop(calls[i]);
    }
    return kept;
}

void *phi_rpc_server_worker_main(void *context)
{
    struct phi_rpc_server *server = context;
    void *items[PHI_RPC_BATCH_MAX];
    struct phi_rpc_call *calls[PHI_RPC_BATCH_MAX];
    pthread_setname_np(pthread_self(), "rpc-worker");
    while (true) {
        size_t count = phi_queue_pop_share(server->work, items, server->options.batch_max,
                                           (size_t)server->options.workers_count, SHARE_MIN,
                                           phi_deadline_in_ms(1000));
        if (count == 0 && phi_queue_is_closed(server->work))
            return NULL;
        for (size_t i = 0; i < count; i++)
            calls[i] = items[i];
        count = drop_expired(server, calls, count);
        if (count > 0)
            server->options.handle(calls, count, server->options.context);
    }
}
