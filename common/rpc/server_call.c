#include "rpc/server_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

struct phi_rpc_call *phi_rpc_call_new(struct phi_rpc_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool has_room = server->calls < server->options.calls_max;
    if (has_room)
        server->calls++;
    pthread_mutex_unlock(&server->lock);
    if (!has_room)
        return NULL;
    atomic_fetch_add(&server->references, 1);
    struct phi_rpc_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        pthread_mutex_lock(&server->lock);
        server->calls--;
        pthread_mutex_unlock(&server->lock);
        phi_rpc_server_unref(server);
        return NULL;
    }
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
    pthread_mutex_lock(&server->lock);
    server->calls--;
    if (server->calls == 0)
        pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
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

static void answer(struct phi_rpc_call *call, enum phi_rpc_frame_kind kind, uint32_t number,
                   struct phi_view payload)
{
    struct phi_rpc_server *server = call->server;
    struct phi_rpc_frame frame = {
        .kind = kind, .number = number, .call = call->number, .payload = payload};
    memcpy(frame.request_id, call->request_id, sizeof(frame.request_id));
    call->has_answer = phi_rpc_message_build(&call->answer, &frame);
    /* once pushed the call may be freed at any moment, and the server with it but for this
     * reference */
    atomic_fetch_add(&server->references, 1);
    /* the queue has room for calls_max, so only a closed server refuses */
    if (call->has_answer && phi_queue_push(server->answers, call) == PHI_OK)
        phi_rpc_wake_knock(&server->wake);
    else
        phi_rpc_call_free(call);
    phi_rpc_server_unref(server);
}

void phi_rpc_reply(struct phi_rpc_call *call, struct phi_view payload)
{
    if (payload.len > PHI_RPC_PAYLOAD_MAX) {
        phi_rpc_refuse(call, PHI_ERR_INTERNAL);
        return;
    }
    answer(call, PHI_RPC_FRAME_REPLY, 0, payload);
}

void phi_rpc_refuse(struct phi_rpc_call *call, enum phi_err err)
{
    phi_counter_add(call->server->refused_total, 1);
    answer(call, PHI_RPC_FRAME_REFUSAL, phi_rpc_refusal_number(err), phi_view_of(NULL, 0));
}

void phi_rpc_drop(struct phi_rpc_call *call)
{
    phi_rpc_call_free(call);
}

/* A worker's fair share of what waits, so that one doesn't take all while the others idle. */
static size_t share_of(struct phi_rpc_server *server)
{
    size_t workers = (size_t)server->options.workers_count;
    size_t share = (phi_queue_len(server->work) + workers - 1) / workers;
    if (share == 0)
        return 1;
    return share < server->options.batch_max ? share : server->options.batch_max;
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
    while (true) {
        size_t count =
            phi_queue_pop(server->work, items, share_of(server), phi_deadline_in_ms(1000));
        if (count == 0 && phi_queue_is_closed(server->work))
            return NULL;
        for (size_t i = 0; i < count; i++)
            calls[i] = items[i];
        count = drop_expired(server, calls, count);
        if (count > 0)
            server->options.handle(calls, count, server->options.context);
    }
}
