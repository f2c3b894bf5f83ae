/* What the parts of the server share. Nobody outside the room includes it.
 *
 * Ownership: a call belongs to the I/O thread until it is pushed to `work`, then to a worker and
 * its handler, then (through `answers`) to the I/O thread again, which frees it. Only the I/O
 * thread touches the ROUTER. The server's memory lives until the last call is freed.
 */
#ifndef PHI_RPC_SERVER_INTERNAL_H
#define PHI_RPC_SERVER_INTERNAL_H

#include "base/metrics.h"
#include "base/queue.h"
#include "rpc/allow_list.h"
#include "rpc/frame.h"
#include "rpc/wake.h"
#include "rpc/zap_handler.h"

#include <pthread.h>
#include <zmq.h>

#define PHI_RPC_ROUTE_MAX   32
#define PHI_RPC_WORKERS_MAX 64

struct phi_rpc_call {
    struct phi_rpc_server *server;
    struct phi_rpc_peer peer;
    uint8_t public_key[PHI_CURVE_KEY_LEN];
    uint8_t route[PHI_RPC_ROUTE_MAX]; /* the connection, as the ROUTER names it */
    size_t route_len;
    uint64_t number;
    uint8_t request_id[PHI_RPC_REQUEST_ID_LEN];
    struct phi_deadline deadline;
    struct phi_view payload; /* inside `body` */
    zmq_msg_t body;
    bool has_answer;
    zmq_msg_t answer;
};

/* The User-Id of the last message and the key that it names: callers send many in a row. */
struct phi_rpc_seen {
    char user_id[2 * PHI_CURVE_KEY_LEN + 1];
    uint8_t public_key[PHI_CURVE_KEY_LEN];
};

struct phi_rpc_server {
    struct phi_rpc_server_options options;
    char address[256]; /* as ZMQ_LAST_ENDPOINT gives it */
    void *zmq_context;
    void *router;
    struct phi_rpc_zap_handler *zap;
    struct phi_rpc_wake wake;
    struct phi_rpc_allow_reader allowed; /* the I/O thread's */
    struct phi_rpc_seen seen;            /* likewise */
    struct phi_queue *work;
    struct phi_queue *answers;
    pthread_t io_thread;
    bool has_io_thread;
    pthread_t workers[PHI_RPC_WORKERS_MAX];
    int workers_started;
    atomic_bool is_draining;
    atomic_bool is_closing;
    atomic_size_t references; /* the owner and every call */
    atomic_size_t calls;
    pthread_mutex_t lock; /* of waiting for `calls` to become zero */
    pthread_cond_t idle;
    struct phi_counter *requests_total;
    struct phi_counter *malformed_total;
    struct phi_counter *strangers_total;
    struct phi_counter *refused_total;
    struct phi_counter *expired_total;
    struct phi_counter *undelivered_total;
};

void *phi_rpc_server_io_main(void *server);
void *phi_rpc_server_worker_main(void *server);

/* Counts the call in; NULL when there are calls_max of them or no memory. */
struct phi_rpc_call *phi_rpc_call_new(struct phi_rpc_server *server);
void phi_rpc_call_free(struct phi_rpc_call *call); /* counts it out, may free the server's memory */
void phi_rpc_server_unref(struct phi_rpc_server *server);

/* Writes envelope and payload to a fresh message; false when out of memory. */
bool phi_rpc_message_build(zmq_msg_t *message, const struct phi_rpc_frame *frame);

#endif
