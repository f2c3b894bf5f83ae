/* Servers, clients and keys for the tests of the verify RPC. The server does what the payload's
 * first byte says:  'e' echo with the server's mark in front · 'p' who the caller is · 's' never an
 * answer · 'h' holds the call for the test (kit->held) · 'f' refuses as forbidden · 'w' works 200
 * ms, then echoes.
 */
#ifndef PHI_TESTS_UNIT_RPC_KIT_H
#define PHI_TESTS_UNIT_RPC_KIT_H

#include "case.h"

#include "rpc/client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct rpc_keys {
    uint8_t public_key[PHI_CURVE_KEY_LEN];
    uint8_t secret_key[PHI_CURVE_KEY_LEN];
};

struct rpc_kit {
    struct rpc_keys server_keys;
    struct rpc_keys client_keys;
    struct phi_rpc_allow_list *allow;
    struct phi_rpc_server *server;
    char mark;
    pid_t pid; /* of a server in a process of its own */
    struct phi_rpc_endpoint endpoint;
    atomic_int handled;
    atomic_int batches;
    _Atomic(struct phi_rpc_call *) held;
};

/* The server in this process; `change` may alter the options (or is NULL). */
void rpc_kit_open(struct rpc_kit *kit, char mark, const struct rpc_keys *client_keys,
                  void (*change)(struct phi_rpc_server_options *));
void rpc_kit_close(struct rpc_kit *kit);
/* The same in a child process, to be killed; call while no other thread runs. */
void rpc_kit_fork(struct rpc_kit *kit, char mark, const struct rpc_keys *client_keys);
void rpc_kit_kill(struct rpc_kit *kit, int signal_number); /* SIGKILL also waits for the end */

void rpc_kit_allow(struct rpc_kit *kit, bool is_allowed);

struct rpc_keys rpc_keys_new(void);
struct phi_rpc_client *rpc_client(const struct rpc_keys *keys,
                                  const struct phi_rpc_endpoint *endpoints, size_t count);

/* One call; the answer's text goes to `out` (64 bytes). */
enum phi_err rpc_ask(struct phi_rpc_client *client, const char *text, int64_t left_ms, char *out);

/* Waits until `*value` is at least `least`, 5 s at most. */
bool rpc_wait_for(atomic_int *value, int least);

/* A DEALER of libzmq itself, to send what the client never would. NULL keys: no CURVE. */
void *rpc_raw_dealer(void *zmq_context, const struct rpc_keys *keys,
                     const struct phi_rpc_endpoint *endpoint);

#endif
