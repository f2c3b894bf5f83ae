/* The asking end of the verify RPC: one thread holds a connection (DEALER, CURVE) to each replica
 * and carries the calls of any number of threads.
 *
 * Calls go to the replicas in turn. One that has had no answer for half of its time is sent once
 * more, to another replica (or when that refuses as overloaded or draining, at once). A replica
 * that fails `failures_max` times in a row is left alone for a back-off, then tried with a single
 * call (a circuit). The same call may therefore run on two replicas: what it asks for must be safe
 * to repeat under its request id.
 *
 *   struct phi_rpc_endpoint there = {.address = "tcp://10.0.0.7:5102"}; // and .server_key
 *   struct phi_rpc_client_options options = {.endpoints = &there, .endpoints_count = 1};
 *   PHI_GUARD(phi_rpc_client_open(&options, &client, &error));          // and .secret_key
 *   PHI_GUARD(phi_rpc_call(client, request, request_id, phi_deadline_in_ms(800), arena, &reply));
 *   ... phi_rpc_client_close(client);
 */
#ifndef PHI_RPC_CLIENT_H
#define PHI_RPC_CLIENT_H

#include "base/time.h"
#include "base/arena.h"
#include "rpc/server.h"

#define PHI_RPC_ADDRESS_MAX   128
#define PHI_RPC_ENDPOINTS_MAX 16

struct phi_rpc_client;

struct phi_rpc_endpoint {
    char address[PHI_RPC_ADDRESS_MAX]; /* "tcp://host:port" */
    uint8_t server_key[PHI_CURVE_KEY_LEN];
};

/* Zero means the default in brackets. */
struct phi_rpc_client_options {
    const struct phi_rpc_endpoint *endpoints; /* copied */
    size_t endpoints_count;                   /* 0..16; none: every call is PHI_ERR_NEIGHBOUR */
    uint8_t secret_key[PHI_CURVE_KEY_LEN];
    size_t calls_max;      /* calls under way; past it PHI_ERR_OVERLOAD [4096], at most 65536 */
    int failures_max;      /* in a row, to open a replica's circuit [5] */
    int backoff_ms;        /* first wait of an open circuit, doubled up to backoff_max_ms [500] */
    int backoff_max_ms;    /* [10000] */
    int message_hwm_count; /* messages a connection may have waiting, each way [1024] */
};

/* Copies the options; doesn't wait for a connection. PHI_ERR_CONFIG with the field in error->place,
 * PHI_ERR_MEMORY, PHI_ERR_INTERNAL (no socket or thread left). */
enum phi_err phi_rpc_client_open(const struct phi_rpc_client_options *options,
                                 struct phi_rpc_client **out, struct phi_error *error) PHI_MUST_USE;

/* Calls under way end with PHI_ERR_DRAINING. Not from a done callback; no call may be started any
 * more. NULL is fine. */
void phi_rpc_client_close(struct phi_rpc_client *client);

/* Replaces the replicas (the trust list changed). Those that stay keep connection and circuit;
 * calls on one that goes are sent to another. PHI_ERR_CONFIG, PHI_ERR_MEMORY: the old ones stay.
 * Any thread. */
enum phi_err phi_rpc_client_set_endpoints(struct phi_rpc_client *client,
                                          const struct phi_rpc_endpoint *endpoints,
                                          size_t count) PHI_MUST_USE;

/* Asks and waits. `reply` is the arena's. Blocks until answered or the deadline; any thread but the
 * client's own. PHI_ERR_DEADLINE sent but not answered in time; PHI_ERR_NEIGHBOUR no replica
 * reachable or every circuit open; PHI_ERR_OVERLOAD too many calls here, or every replica tried
 * said so; what the server refused with; PHI_ERR_BODY_TOO_LARGE over PHI_RPC_PAYLOAD_MAX;
 * PHI_ERR_DRAINING, PHI_ERR_MEMORY. */
enum phi_err phi_rpc_call(struct phi_rpc_client *client, struct phi_view request,
                          const uint8_t request_id[PHI_RPC_REQUEST_ID_LEN],
                          struct phi_deadline deadline, struct phi_arena *arena,
                          struct phi_view *reply) PHI_MUST_USE;

/* Called once on the client's own thread, with the errors of phi_rpc_call; `reply` is borrowed for
 * the time of the callback, which must not block. */
typedef void phi_rpc_done(void *context, enum phi_err err, struct phi_view reply);

/* Asks without waiting; `request` is copied. PHI_OK: `done` will be called, exactly once. Otherwise
 * (PHI_ERR_OVERLOAD, PHI_ERR_BODY_TOO_LARGE, PHI_ERR_DEADLINE, PHI_ERR_DRAINING, PHI_ERR_MEMORY) it
 * will not. Never blocks; any thread, also from a done callback. */
enum phi_err phi_rpc_call_start(struct phi_rpc_client *client, struct phi_view request,
                                const uint8_t request_id[PHI_RPC_REQUEST_ID_LEN],
                                struct phi_deadline deadline, phi_rpc_done *done,
                                void *context) PHI_MUST_USE;

/* Replicas whose circuit is closed now; for /readyz and metrics. Any thread. */
size_t phi_rpc_client_usable_count(const struct phi_rpc_client *client);

#endif
