#include "rpc/zap_handler.h"
#include "rpc/wake.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_PARTS    7 /* version, request id, domain, address, identity, mechanism, credentials */
#define ZAP_PART_MAX 256

struct phi_rpc_zap_handler {
    void *socket;
    struct phi_rpc_allow_list *allow;
    struct phi_rpc_wake wake;
    atomic_bool is_closing;
    pthread_t thread;
};

struct part {
    uint8_t data[ZAP_PART_MAX];
    size_t len; /* over ZAP_PART_MAX when the part was longer than that */
};

/* How many parts came; those past ZAP_PARTS are read and forgotten. 0 when nothing is there. */
static size_t receive_parts(void *socket, struct part parts[ZAP_PARTS])
{
    size_t count = 0;
    int more = 1;
    size_t size = sizeof(more);
    while (more) {
        struct part spare;
        struct part *part = count < ZAP_PARTS ? &parts[count] : &spare;
        int len = zmq_recv(socket, part->data, sizeof(part->data), ZMQ_DONTWAIT);
        if (len < 0)
            return 0;
        part->len = (size_t)len;
        count++;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0)
            return 0;
    }
    return count;
}

static bool part_is(const struct part *part, const char *text)
{
    return part->len == strlen(text) && memcmp(part->data, text, part->len) == 0;
}

static bool is_allowed(struct phi_rpc_zap_handler *handler, const struct part parts[ZAP_PARTS],
                       size_t count)
{
    struct phi_rpc_peer peer;
    return count == ZAP_PARTS && part_is(&parts[2], PHI_RPC_ZAP_DOMAIN) &&
           part_is(&parts[5], "CURVE") && parts[6].len == PHI_CURVE_KEY_LEN &&
           phi_rpc_allow_list_find(handler->allow, parts[6].data, &peer);
}

static void send_answer(void *socket, const struct part *request_id, const char *status,
                        const char *user_id)
{
    size_t id_len = request_id->len < ZAP_PART_MAX ? request_id->len : ZAP_PART_MAX;
    bool sent = zmq_send(socket, "1.0", 3, ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, request_id->data, id_len, ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, status, 3, ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, "", 0, ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, user_id, strlen(user_id), ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, "", 0, 0) >= 0;
    (void)sent; /* unsent means unanswered: the handshake times out and nobody gets in */
}

/* Who isn't on the list is cut off in silence (300), never told so (400): at a 400 the asking
 * libzmq gives the address up, and would stay outside even when it is listed a second later. */
static bool answer_one(struct phi_rpc_zap_handler *handler)
{
    struct part parts[ZAP_PARTS];
    char user_id[2 * PHI_CURVE_KEY_LEN + 1] = "";
    size_t count = receive_parts(handler->socket, parts);
    if (count == 0)
        return false;
    if (count < 2)
        parts[1].len = 0;
    bool allowed = is_allowed(handler, parts, count);
    if (allowed)
        phi_hex_encode(phi_view_of(parts[6].data, PHI_CURVE_KEY_LEN), user_id);
    send_answer(handler->socket, &parts[1], allowed ? "200" : "300", user_id);
    return true;
}

static void *handler_main(void *context)
{
    struct phi_rpc_zap_handler *handler = context;
    while (!atomic_load(&handler->is_closing)) {
        zmq_pollitem_t items[] = {
            {.socket = handler->socket, .events = ZMQ_POLLIN},
            {.fd = handler->wake.fd, .events = ZMQ_POLLIN},
        };
        zmq_poll(items, 2, 1000);
        if (items[1].revents != 0)
            phi_rpc_wake_hear(&handler->wake);
        while (answer_one(handler))
            continue;
    }
    return NULL;
}

enum phi_err phi_rpc_zap_handler_open(void *zmq_context, struct phi_rpc_allow_list *allow,
                                      struct phi_rpc_zap_handler **out)
{
    enum phi_err err = PHI_OK;
    int linger_ms = 0;
    struct phi_rpc_zap_handler *handler = calloc(1, sizeof(*handler));
    if (handler == NULL)
        return PHI_ERR_MEMORY;
    handler->allow = allow;
    handler->wake.fd = -1;
    PHI_GUARD(phi_rpc_wake_open(&handler->wake));
    handler->socket = zmq_socket(zmq_context, ZMQ_REP);
    err = PHI_ERR_INTERNAL;
    if (handler->socket == NULL || zmq_bind(handler->socket, ZAP_ENDPOINT) != 0 ||
        zmq_setsockopt(handler->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)) != 0)
        goto out;
    if (pthread_create(&handler->thread, NULL, handler_main, handler) != 0)
        goto out;
    err = PHI_OK;
    *out = handler;
    handler = NULL;
out:
    if (handler != NULL) {
        if (handler->socket != NULL)
            zmq_close(handler->socket);
        phi_rpc_wake_close(&handler->wake);
        free(handler);
    }
    return err;
}

void phi_rpc_zap_handler_close(struct phi_rpc_zap_handler *handler)
{
    if (handler == NULL)
        return;
    atomic_store(&handler->is_closing, true);
    phi_rpc_wake_knock(&handler->wake);
    pthread_join(handler->thread, NULL);
    zmq_close(handler->socket);
    phi_rpc_wake_close(&handler->wake);
    free(handler);
}
