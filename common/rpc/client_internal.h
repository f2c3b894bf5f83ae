/* What the parts of the client share. Nobody outside the room includes it.
 *
 * Everything but the marked fields belongs to the I/O thread. A call passes to it through `starts`.
 */
#ifndef PHI_RPC_CLIENT_INTERNAL_H
#define PHI_RPC_CLIENT_INTERNAL_H

#include "base/queue.h"
#include "rpc/call_heap.h"
#include "rpc/circuit.h"
#include "rpc/client.h"
#include "rpc/frame.h"
#include "rpc/wake.h"

#include <pthread.h>
#include <zmq.h>

#define PHI_RPC_TRIES_MAX 2
#define PHI_RPC_CALLS_MAX 65536

/* One replica and the connection to it. */
struct phi_rpc_replica {
    struct phi_rpc_endpoint endpoint;
    void *socket;
    struct phi_rpc_circuit circuit;
    int64_t
        deaf_since_us; /* since when it has taken nothing (not connected, or full); 0: it takes */
    bool is_kept;      /* while the list is being replaced */
};

struct phi_rpc_try {
    struct phi_rpc_replica *replica; /* NULL when the list no longer has it */
    bool is_answered;
};

struct phi_rpc_asked {
    struct phi_rpc_timer timer; /* first: the heap's */
    uint64_t number;
    uint8_t request_id[PHI_RPC_REQUEST_ID_LEN];
    struct phi_deadline deadline;
    struct phi_rpc_try tries[PHI_RPC_TRIES_MAX];
    int tries_count;
    bool is_waiting; /* for a replica that takes it; in the list of these */
    struct phi_rpc_asked *waiting_next;
    struct phi_rpc_asked *waiting_previous;
    enum phi_err refusal; /* the last, PHI_OK for none */
    phi_rpc_done *done;
    void *context;
    size_t payload_len;
    uint8_t payload[];
};

struct phi_rpc_client {
    struct phi_rpc_client_options options;
    uint8_t public_key[PHI_CURVE_KEY_LEN];
    void *zmq_context;
    struct phi_rpc_wake wake;                /* any thread */
    struct phi_queue *starts;                /* any thread */
    atomic_size_t calls;                     /* any thread */
    atomic_size_t usable_count;              /* any thread */
    atomic_bool is_closing;                  /* any thread */
    pthread_mutex_t lock;                    /* of the next two */
    struct phi_rpc_endpoint *next_endpoints; /* to be taken over by the I/O thread, or NULL */
    size_t next_count;
    pthread_t io_thread;

    struct phi_rpc_replica *replicas[PHI_RPC_ENDPOINTS_MAX];
    size_t replicas_count;
    size_t turn;
    struct phi_rpc_asked **slots;
    uint16_t *free_slots; /* a stack */
    size_t free_count;
    uint64_t generation;
    struct phi_rpc_call_heap timers;
    struct phi_rpc_asked *waiting_first;
    struct phi_rpc_asked *waiting_last;
};

void *phi_rpc_client_io_main(void *client);

/* Takes over a replaced list, if there is one. True when a replica went: calls on it have lost
 * their try. */
bool phi_rpc_client_take_endpoints(struct phi_rpc_client *client);
void phi_rpc_client_close_replicas(struct phi_rpc_client *client);

#endif
