#include "rpc/server_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define TURN_US     250
#define RECEIVE_MAX 64 /* messages a turn, so that neither workers nor answers wait for a flood */

/* What one turn of reading finds: the connection and the last part of its message. */
struct arrival {
    uint8_t route[PHI_RPC_ROUTE_MAX];
    size_t route_len;
    zmq_msg_t body;
    size_t parts;
};

static void send_message(struct phi_rpc_server *server, const uint8_t *route, size_t route_len,
                         zmq_msg_t *message)
{
    /* with ROUTER_MANDATORY the first part fails when the peer is gone or takes nothing: then the
     * answer is lost to a caller that lost patience or its connection, and who asks again gets it
     */
    if (zmq_send(server->router, route, route_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(message, server->router, ZMQ_DONTWAIT) < 0)
        phi_counter_add(server->undelivered_total, 1);
}

static void refuse_at_once(struct phi_rpc_server *server, const struct arrival *arrival,
                           const struct phi_rpc_frame *request, enum phi_err err)
{
    zmq_msg_t message;
    struct phi_rpc_frame frame = {.kind = PHI_RPC_FRAME_REFUSAL,
                                  .number = phi_rpc_refusal_number(err),
                                  .call = request->call};
    memcpy(frame.request_id, request->request_id, sizeof(frame.request_id));
    phi_counter_add(server->refused_total, 1);
    if (!phi_rpc_message_build(&message, &frame))
        return;
    send_message(server, arrival->route, arrival->route_len, &message);
    zmq_msg_close(&message);
}

static void send_answers(struct phi_rpc_server *server)
{
    void *items[PHI_RPC_BATCH_MAX];
    struct phi_deadline now = {.at_us = 0};
    struct phi_rpc_peer peer;
    size_t count;
    while ((count = phi_queue_pop(server->answers, items, PHI_RPC_BATCH_MAX, now)) > 0) {
        for (size_t i = 0; i < count; i++) {
            struct phi_rpc_call *call = items[i];
            if (phi_rpc_allow_reader_find(&server->allowed, call->public_key, &peer))
                send_message(server, call->route, call->route_len, &call->answer);
            phi_rpc_call_free(call);
        }
    }
}

/* Reads one whole message; false when none is there. The body is always initialised. */
static bool receive(struct phi_rpc_server *server, struct arrival *arrival)
{
    zmq_msg_init(&arrival->body);
    int len = zmq_recv(server->router, arrival->route, sizeof(arrival->route), ZMQ_DONTWAIT);
    if (len < 0)
        return false;
    arrival->route_len = (size_t)len;
    arrival->parts = 1;
    int more = 1;
    size_t size = sizeof(more);
    while (zmq_getsockopt(server->router, ZMQ_RCVMORE, &more, &size) == 0 && more) {
        if (zmq_msg_recv(&arrival->body, server->router, ZMQ_DONTWAIT) < 0)
            return false;
        arrival->parts++;
    }
    return true;
}

/* The key that libzmq's handshake proved, and its row as of this moment. */
static bool identify(struct phi_rpc_server *server, zmq_msg_t *body,
                     uint8_t public_key[PHI_CURVE_KEY_LEN], struct phi_rpc_peer *peer)
{
    const char *user_id = zmq_msg_gets(body, "User-Id");
    struct phi_rpc_seen *seen = &server->seen;
    if (user_id == NULL)
        return false;
    if (strcmp(user_id, seen->user_id) != 0) {
        if (phi_hex_decode(phi_view_text(user_id), seen->public_key, PHI_CURVE_KEY_LEN) != PHI_OK) {
            seen->user_id[0] = '\0';
            return false;
        }
        memcpy(seen->user_id, user_id, sizeof(seen->user_id));
    }
    memcpy(public_key, seen->public_key, PHI_CURVE_KEY_LEN);
    return phi_rpc_allow_reader_find(&server->allowed, public_key, peer);
}

static struct phi_deadline deadline_of(const struct phi_rpc_server *server, uint32_t left_ms)
{
    int64_t max_ms = server->options.deadline_max_ms;
    return phi_deadline_in_ms(left_ms < max_ms ? left_ms : max_ms);
}

/* NULL: it was refused. */
static struct phi_rpc_call *take_request(struct phi_rpc_server *server, struct arrival *arrival,
                                         const struct phi_rpc_frame *frame,
                                         const struct phi_rpc_call *who)
{
    if (atomic_load(&server->is_draining)) {
        refuse_at_once(server, arrival, frame, PHI_ERR_DRAINING);
        return NULL;
    }
    struct phi_rpc_call *call = phi_rpc_call_new(server);
    if (call == NULL) {
        refuse_at_once(server, arrival, frame, PHI_ERR_OVERLOAD);
        return NULL;
    }
    call->peer = who->peer;
    memcpy(call->public_key, who->public_key, sizeof(call->public_key));
    memcpy(call->route, arrival->route, arrival->route_len);
    call->route_len = arrival->route_len;
    call->number = frame->call;
    memcpy(call->request_id, frame->request_id, sizeof(call->request_id));
    call->deadline = deadline_of(server, frame->number);
    zmq_msg_move(&call->body, &arrival->body);
    /* a short message lives inside zmq_msg_t itself, so its bytes moved with it */
    call->payload = phi_view_of((uint8_t *)zmq_msg_data(&call->body) + PHI_RPC_FRAME_HEADER_LEN,
                                zmq_msg_size(&call->body) - PHI_RPC_FRAME_HEADER_LEN);
    return call;
}

static struct phi_rpc_call *take(struct phi_rpc_server *server, struct arrival *arrival)
{
    struct phi_rpc_frame frame;
    struct phi_rpc_call who; /* only its peer and key are used */
    if (!identify(server, &arrival->body, who.public_key, &who.peer)) {
        phi_counter_add(server->strangers_total, 1);
        return NULL;
    }
    struct phi_view bytes = phi_view_of(zmq_msg_data(&arrival->body), zmq_msg_size(&arrival->body));
    enum phi_err err = phi_rpc_frame_decode(bytes, &frame);
    if (err == PHI_OK && frame.kind == PHI_RPC_FRAME_REQUEST && arrival->parts == 2) {
        phi_counter_add(server->requests_total, 1);
        return take_request(server, arrival, &frame, &who);
    }
    phi_counter_add(server->malformed_total, 1);
    if (err != PHI_OK && frame.can_refuse && arrival->parts == 2)
        refuse_at_once(server, arrival, &frame, PHI_ERR_FRAME);
    return NULL;
}

static void hand_out(struct phi_rpc_server *server, struct phi_rpc_call **calls, size_t count)
{
    size_t taken = phi_queue_push_many(server->work, (void *const *)calls, count);
    for (size_t i = taken; i < count; i++)
        phi_rpc_refuse(calls[i], PHI_ERR_OVERLOAD);
}

/* What one turn reads is handed to the workers at once: they find a batch, not its first. */
static void receive_some(struct phi_rpc_server *server)
{
    struct arrival arrival;
    struct phi_rpc_call *calls[RECEIVE_MAX];
    size_t count = 0;
    bool has_more = true;
    for (int i = 0; has_more && i < RECEIVE_MAX; i++) {
        has_more = receive(server, &arrival);
        /* a connection that names itself at length isn't one of our clients */
        if (has_more && arrival.route_len <= sizeof(arrival.route))
            calls[count] = take(server, &arrival);
        else
            calls[count] = NULL;
        count += calls[count] != NULL;
        zmq_msg_close(&arrival.body);
    }
    if (count > 0)
        hand_out(server, calls, count);
}

/* Turns begin TURN_US apart: under load a turn finds several messages and answers, which saves
 * wake-ups of this thread, of the workers and of libzmq's; a message after a silence waits for
 * nothing. */
static void pace(int64_t *turn_us)
{
    int64_t now_us = phi_monotonic_us();
    int64_t early_us = *turn_us + TURN_US - now_us;
    if (early_us > 0)
        nanosleep(&(struct timespec){.tv_nsec = early_us * 1000}, NULL);
    *turn_us = early_us > 0 ? now_us + early_us : now_us;
}

void *phi_rpc_server_io_main(void *context)
{
    struct phi_rpc_server *server = context;
    int64_t turn_us = 0;
    pthread_setname_np(pthread_self(), "rpc");
    while (!atomic_load(&server->is_closing)) {
        zmq_pollitem_t items[] = {
            {.socket = server->router, .events = ZMQ_POLLIN},
            {.fd = server->wake.fd, .events = ZMQ_POLLIN},
        };
        zmq_poll(items, 2, 1000);
        pace(&turn_us);
        if (items[1].revents != 0)
            phi_rpc_wake_hear(&server->wake);
        send_answers(server);
        if (items[0].revents != 0)
            receive_some(server);
    }
    return NULL;
}
