/* The circuit of one replica: closed (calls go), open after failures_max failures in a row (none
 * go), half open after the back-off (one goes; its fate decides). One thread. Inside the room.
 */
#ifndef PHI_RPC_CIRCUIT_H
#define PHI_RPC_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

struct phi_rpc_circuit {
    int failures_max;
    int64_t backoff_first_us;
    int64_t backoff_max_us;
    int failures;
    int64_t backoff_us;
    int64_t open_until_us;
    int64_t probe_until_us; /* a probe is out and has until then to be answered */
};

bool phi_rpc_circuit_is_closed(const struct phi_rpc_circuit *circuit);
bool phi_rpc_circuit_allows(const struct phi_rpc_circuit *circuit, int64_t now_us);
void phi_rpc_circuit_sent(struct phi_rpc_circuit *circuit, int64_t until_us);
void phi_rpc_circuit_succeeded(struct phi_rpc_circuit *circuit);
void phi_rpc_circuit_failed(struct phi_rpc_circuit *circuit, int64_t now_us);

#endif
