#include "rpc/client_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define RECEIVE_MAX      256     /* messages of one replica a turn */
#define STARTS_MAX       64      /* calls taken at once */
#define CONNECT_GRACE_US 1000000 /* how long a call waits for a connection that isn't there */

static void wait_add(struct phi_rpc_client *client, struct phi_rpc_asked *asked)
{
    asked->is_waiting = true;
    asked->waiting_next = NULL;
    asked->waiting_previous = client->waiting_last;
    if (client->waiting_last != NULL)
        client->waiting_last->waiting_next = asked;
    else
        client->waiting_first = asked;
    client->waiting_last = asked;
}

static void wait_remove(struct phi_rpc_client *client, struct phi_rpc_asked *asked)
{
    if (!asked->is_waiting)
        return;
    asked->is_waiting = false;
    if (asked->waiting_previous != NULL)
        asked->waiting_previous->waiting_next = asked->waiting_next;
    else
        client->waiting_first = asked->waiting_next;
    if (asked->waiting_next != NULL)
        asked->waiting_next->waiting_previous = asked->waiting_previous;
    else
        client->waiting_last = asked->waiting_previous;
}

static void finish(struct phi_rpc_client *client, struct phi_rpc_asked *asked, enum phi_err err,
                   struct phi_view reply)
{
    size_t slot = asked->number % PHI_RPC_CALLS_MAX;
    wait_remove(client, asked);
    phi_rpc_call_heap_remove(&client->timers, &asked->timer);
    client->slots[slot] = NULL;
    client->free_slots[client->free_count++] = (uint16_t)slot;
    atomic_fetch_sub(&client->calls, 1);
    asked->done(asked->context, err, reply);
    phi_wipe(asked->payload, asked->payload_len);
    free(asked);
}

static void finish_without(struct phi_rpc_client *client, struct phi_rpc_asked *asked,
                           enum phi_err err)
{
    finish(client, asked, err, phi_view_of(NULL, 0));
}

static void replica_failed(struct phi_rpc_replica *replica, int64_t now_us)
{
    bool was_closed = phi_rpc_circuit_is_closed(&replica->circuit);
    phi_rpc_circuit_failed(&replica->circuit, now_us);
    if (was_closed && !phi_rpc_circuit_is_closed(&replica->circuit))
        phi_log(PHI_LOG_WARN, "rpc_circuit_opened",
                PHI_L_WORD("address", replica->endpoint.address));
}

static void replica_succeeded(struct phi_rpc_replica *replica)
{
    bool was_closed = phi_rpc_circuit_is_closed(&replica->circuit);
    phi_rpc_circuit_succeeded(&replica->circuit);
    if (!was_closed)
        phi_log(PHI_LOG_INFO, "rpc_circuit_closed",
                PHI_L_WORD("address", replica->endpoint.address));
}

static uint32_t left_ms(struct phi_deadline deadline)
{
    int64_t left = phi_deadline_left_ms(deadline);
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

static bool send_to(struct phi_rpc_replica *replica, const struct phi_rpc_asked *asked)
{
    zmq_msg_t message;
    struct phi_rpc_frame frame = {
        .kind = PHI_RPC_FRAME_REQUEST, .number = left_ms(asked->deadline), .call = asked->number};
    memcpy(frame.request_id, asked->request_id, sizeof(frame.request_id));
    if (zmq_msg_init_size(&message, PHI_RPC_FRAME_HEADER_LEN + asked->payload_len) != 0)
        return false;
    uint8_t *bytes = zmq_msg_data(&message);
    phi_rpc_frame_encode_header(&frame, bytes);
    memcpy(bytes + PHI_RPC_FRAME_HEADER_LEN, asked->payload, asked->payload_len);
    bool sent = zmq_msg_send(&message, replica->socket, ZMQ_DONTWAIT) >= 0;
    zmq_msg_close(&message);
    return sent;
}

static bool was_tried(const struct phi_rpc_asked *asked, const struct phi_rpc_replica *replica)
{
    for (int i = 0; i < asked->tries_count; i++) {
        if (asked->tries[i].replica == replica)
            return true;
    }
    return false;
}

/* Sends to the next replica in turn that may have it and takes it. */
static bool try_next(struct phi_rpc_client *client, struct phi_rpc_asked *asked, int64_t now_us)
{
    for (size_t i = 0; i < client->replicas_count; i++) {
        size_t place = (client->turn + i) % client->replicas_count;
        struct phi_rpc_replica *replica = client->replicas[place];
        if (was_tried(asked, replica) || !phi_rpc_circuit_allows(&replica->circuit, now_us))
            continue;
        if (!send_to(replica, asked)) {
            if (replica->deaf_since_us == 0)
                replica->deaf_since_us = now_us;
            continue;
        }
        replica->deaf_since_us = 0;
        phi_rpc_circuit_sent(&replica->circuit, asked->deadline.at_us);
        asked->tries[asked->tries_count++] = (struct phi_rpc_try){.replica = replica};
        client->turn = place + 1;
        return true;
    }
    return false;
}

/* A replica that may have this call but isn't connected yet, or has just lost its connection. */
static bool is_worth_waiting(const struct phi_rpc_client *client, const struct phi_rpc_asked *asked,
                             int64_t now_us)
{
    for (size_t i = 0; i < client->replicas_count; i++) {
        const struct phi_rpc_replica *replica = client->replicas[i];
        if (!was_tried(asked, replica) && phi_rpc_circuit_allows(&replica->circuit, now_us) &&
            now_us - replica->deaf_since_us < CONNECT_GRACE_US)
            return true;
    }
    return false;
}

/* Half of the time is the first replica's, the rest the second's. */
static void set_timer(struct phi_rpc_client *client, struct phi_rpc_asked *asked, int64_t now_us)
{
    int64_t at_us = asked->deadline.at_us;
    if (asked->tries_count < PHI_RPC_TRIES_MAX)
        at_us = now_us + (at_us - now_us) / 2;
    phi_rpc_call_heap_move(&client->timers, &asked->timer, at_us);
}

/* Sends a call that is with no replica now, or lets it wait for one, or ends it with `err`. */
static void dispatch(struct phi_rpc_client *client, struct phi_rpc_asked *asked, enum phi_err err,
                     int64_t now_us)
{
    if (try_next(client, asked, now_us)) {
        set_timer(client, asked, now_us);
        return;
    }
    if (!is_worth_waiting(client, asked, now_us)) {
        finish_without(client, asked, err);
        return;
    }
    int64_t until_us = now_us + CONNECT_GRACE_US;
    if (until_us > asked->deadline.at_us)
        until_us = asked->deadline.at_us;
    phi_rpc_call_heap_move(&client->timers, &asked->timer, until_us);
    wait_add(client, asked);
}

static void take_starts(struct phi_rpc_client *client)
{
    void *items[STARTS_MAX];
    size_t count;
    struct phi_deadline now = {.at_us = 0};
    while ((count = phi_queue_pop(client->starts, items, STARTS_MAX, now)) > 0) {
        int64_t now_us = phi_monotonic_us();
        for (size_t i = 0; i < count; i++) {
            struct phi_rpc_asked *asked = items[i];
            uint16_t slot = client->free_slots[--client->free_count];
            asked->number = ++client->generation * PHI_RPC_CALLS_MAX + slot;
            client->slots[slot] = asked;
            phi_rpc_call_heap_add(&client->timers, &asked->timer, asked->deadline.at_us);
            dispatch(client, asked, PHI_ERR_NEIGHBOUR, now_us);
        }
    }
}

static void send_waiting(struct phi_rpc_client *client, int64_t now_us)
{
    struct phi_rpc_asked *next;
    for (struct phi_rpc_asked *asked = client->waiting_first; asked != NULL; asked = next) {
        next = asked->waiting_next;
        if (!try_next(client, asked, now_us))
            continue;
        wait_remove(client, asked);
        set_timer(client, asked, now_us);
    }
}

static bool has_open_try(const struct phi_rpc_asked *asked)
{
    for (int i = 0; i < asked->tries_count; i++) {
        if (asked->tries[i].replica != NULL && !asked->tries[i].is_answered)
            return true;
    }
    return false;
}

/* Who had at least half of the call's time and said nothing has failed. */
static void charge_silent(const struct phi_rpc_asked *asked, int tries_count, int64_t now_us)
{
    for (int i = 0; i < tries_count; i++) {
        if (asked->tries[i].replica != NULL && !asked->tries[i].is_answered)
            replica_failed(asked->tries[i].replica, now_us);
    }
}

/* An overloaded or draining replica hands the call on to another; all else is the call's end. */
static void take_refusal(struct phi_rpc_client *client, struct phi_rpc_asked *asked,
                         struct phi_rpc_replica *replica, enum phi_err err, int64_t now_us)
{
    asked->refusal = err;
    if (err == PHI_ERR_DRAINING)
        replica_failed(replica, now_us);
    else
        replica_succeeded(replica);
    if (err != PHI_ERR_OVERLOAD && err != PHI_ERR_DRAINING) {
        finish_without(client, asked, err);
        return;
    }
    if (has_open_try(asked))
        return;
    if (asked->tries_count < PHI_RPC_TRIES_MAX)
        dispatch(client, asked, err, now_us);
    else
        finish_without(client, asked, err);
}

/* The call that this answer of this replica belongs to, or NULL when it comes too late or is none.
 */
static struct phi_rpc_asked *match(struct phi_rpc_client *client,
                                   const struct phi_rpc_replica *replica,
                                   const struct phi_rpc_frame *frame, int *try_index)
{
    size_t slot = frame->call % PHI_RPC_CALLS_MAX;
    struct phi_rpc_asked *asked = slot < client->options.calls_max ? client->slots[slot] : NULL;
    if (asked == NULL || asked->number != frame->call ||
        memcmp(asked->request_id, frame->request_id, sizeof(asked->request_id)) != 0)
        return NULL;
    for (int i = 0; i < asked->tries_count; i++) {
        if (asked->tries[i].replica == replica && !asked->tries[i].is_answered) {
            *try_index = i;
            return asked;
        }
    }
    return NULL;
}

static void take_answer(struct phi_rpc_client *client, struct phi_rpc_replica *replica,
                        struct phi_view bytes, int64_t now_us)
{
    struct phi_rpc_frame frame;
    int try_index = 0;
    if (phi_rpc_frame_decode(bytes, &frame) != PHI_OK || frame.kind == PHI_RPC_FRAME_REQUEST)
        return;
    struct phi_rpc_asked *asked = match(client, replica, &frame, &try_index);
    if (asked == NULL)
        return;
    asked->tries[try_index].is_answered = true;
    if (frame.kind == PHI_RPC_FRAME_REFUSAL) {
        take_refusal(client, asked, replica, phi_rpc_refusal_err(frame.number), now_us);
        return;
    }
    replica_succeeded(replica);
    charge_silent(asked, try_index, now_us);
    finish(client, asked, PHI_OK, frame.payload);
}

static void receive_some(struct phi_rpc_client *client, struct phi_rpc_replica *replica)
{
    int64_t now_us = phi_monotonic_us();
    bool has_more = true;
    for (int i = 0; has_more && i < RECEIVE_MAX; i++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        has_more = zmq_msg_recv(&message, replica->socket, ZMQ_DONTWAIT) >= 0;
        if (has_more)
            take_answer(client, replica,
                        phi_view_of(zmq_msg_data(&message), zmq_msg_size(&message)), now_us);
        zmq_msg_close(&message);
    }
}

static void time_out(struct phi_rpc_client *client, struct phi_rpc_asked *asked, int64_t now_us)
{
    if (asked->is_waiting) {
        finish_without(client, asked,
                       asked->refusal != PHI_OK ? asked->refusal : PHI_ERR_NEIGHBOUR);
        return;
    }
    if (now_us >= asked->deadline.at_us) {
        charge_silent(asked, asked->tries_count, now_us);
        finish_without(client, asked, asked->refusal != PHI_OK ? asked->refusal : PHI_ERR_DEADLINE);
        return;
    }
    /* half-time; nobody else to ask means waiting on */
    bool sent_again = asked->tries_count < PHI_RPC_TRIES_MAX && try_next(client, asked, now_us);
    (void)sent_again;
    phi_rpc_call_heap_move(&client->timers, &asked->timer, asked->deadline.at_us);
}

static void run_timers(struct phi_rpc_client *client)
{
    int64_t now_us = phi_monotonic_us();
    struct phi_rpc_timer *first;
    while ((first = phi_rpc_call_heap_first(&client->timers)) != NULL && first->at_us <= now_us)
        time_out(client, (struct phi_rpc_asked *)first, now_us);
}

/* Calls whose every replica left the list start over. */
static void redispatch_orphans(struct phi_rpc_client *client, int64_t now_us)
{
    for (size_t i = 0; i < client->options.calls_max; i++) {
        struct phi_rpc_asked *asked = client->slots[i];
        if (asked == NULL || asked->is_waiting || has_open_try(asked))
            continue;
        asked->tries_count = 0;
        dispatch(client, asked, PHI_ERR_NEIGHBOUR, now_us);
    }
}

static long poll_timeout_ms(const struct phi_rpc_client *client)
{
    const struct phi_rpc_timer *first = phi_rpc_call_heap_first(&client->timers);
    if (first == NULL)
        return 1000;
    int64_t left_us = first->at_us - phi_monotonic_us();
    if (left_us <= 0)
        return 0;
    return left_us > 1000000 ? 1000 : (long)((left_us + 999) / 1000);
}

static void poll_once(struct phi_rpc_client *client)
{
    zmq_pollitem_t items[PHI_RPC_ENDPOINTS_MAX + 1] = {
        {.fd = client->wake.fd, .events = ZMQ_POLLIN}};
    int64_t now_us = phi_monotonic_us();
    for (size_t i = 0; i < client->replicas_count; i++) {
        struct phi_rpc_replica *replica = client->replicas[i];
        /* only one that took nothing before: else a call waiting for another would spin here */
        bool is_wanted = client->waiting_first != NULL && replica->deaf_since_us != 0 &&
                         phi_rpc_circuit_allows(&replica->circuit, now_us);
        items[i + 1] = (zmq_pollitem_t){.socket = replica->socket,
                                        .events = ZMQ_POLLIN | (is_wanted ? ZMQ_POLLOUT : 0)};
    }
    zmq_poll(items, (int)client->replicas_count + 1, poll_timeout_ms(client));
    if (items[0].revents != 0)
        phi_rpc_wake_hear(&client->wake);
    for (size_t i = 0; i < client->replicas_count; i++) {
        if ((items[i + 1].revents & ZMQ_POLLOUT) != 0)
            client->replicas[i]->deaf_since_us = 0;
        if ((items[i + 1].revents & ZMQ_POLLIN) != 0)
            receive_some(client, client->replicas[i]);
    }
    if (client->waiting_first != NULL)
        send_waiting(client, phi_monotonic_us());
}

static void publish_usable(struct phi_rpc_client *client)
{
    size_t usable = 0;
    for (size_t i = 0; i < client->replicas_count; i++) {
        if (phi_rpc_circuit_is_closed(&client->replicas[i]->circuit))
            usable++;
    }
    atomic_store(&client->usable_count, usable);
}

static void finish_all(struct phi_rpc_client *client)
{
    for (size_t i = 0; i < client->options.calls_max; i++) {
        if (client->slots[i] != NULL)
            finish_without(client, client->slots[i], PHI_ERR_DRAINING);
    }
}

void *phi_rpc_client_io_main(void *context)
{
    struct phi_rpc_client *client = context;
    while (!atomic_load(&client->is_closing)) {
        if (phi_rpc_client_take_endpoints(client))
            redispatch_orphans(client, phi_monotonic_us());
        take_starts(client);
        run_timers(client);
        publish_usable(client);
        poll_once(client);
    }
    take_starts(client);
    finish_all(client);
    phi_rpc_client_close_replicas(client);
    return NULL;
}
