/* Who may call a verify RPC server: CURVE public key -> platform, program, scopes. The server asks
 * it at the handshake (ZAP, ZeroMQ RFC 27) and again for every message, so a row that goes cuts
 * running connections too.
 *
 *   struct phi_rpc_allow_list *allow = phi_rpc_allow_list_new();
 *   PHI_GUARD(phi_rpc_allow_list_swap(allow, rows, count));   // again when the registry changes
 *   options.allow = allow;                                    // shared by any number of servers
 *   ...
 *   phi_rpc_server_close(server, deadline);
 *   phi_rpc_allow_list_free(allow);
 */
#ifndef PHI_RPC_ZAP_H
#define PHI_RPC_ZAP_H

#include "rpc/curve.h"

#define PHI_RPC_ALLOWED_MAX 4096

/* Who calls, as its row says; the replicas of one program share platform and program. */
struct phi_rpc_peer {
    char platform[7]; /* six digits */
    char program[32]; /* "svc-directory" */
    uint32_t scopes;  /* bits, given meaning by the service */
};

struct phi_rpc_allowed {
    uint8_t public_key[PHI_CURVE_KEY_LEN];
    struct phi_rpc_peer peer;
};

struct phi_rpc_allow_list;

/* An empty list lets nobody in. NULL when out of memory; the caller frees it after every server
 * that uses it is closed. */
struct phi_rpc_allow_list *phi_rpc_allow_list_new(void);
void phi_rpc_allow_list_free(struct phi_rpc_allow_list *allow);

/* Replaces the whole list at once; `rows` are copied. PHI_ERR_CONFIG for more than
 * PHI_RPC_ALLOWED_MAX rows, a key twice, or an empty or unterminated platform or program (the old
 * list stays); PHI_ERR_MEMORY. Any thread; readers see the old list or the new one, never a
 * mixture. */
enum phi_err phi_rpc_allow_list_swap(struct phi_rpc_allow_list *allow,
                                     const struct phi_rpc_allowed *rows, size_t count) PHI_MUST_USE;

/* The row of this key in the list of this moment; `peer` is written only when it is there. Any
 * thread. */
bool phi_rpc_allow_list_find(struct phi_rpc_allow_list *allow,
                             const uint8_t public_key[PHI_CURVE_KEY_LEN],
                             struct phi_rpc_peer *peer);

#endif
