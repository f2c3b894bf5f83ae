#include "rpc/circuit.h"

bool phi_rpc_circuit_is_closed(const struct phi_rpc_circuit *circuit)
{
    return circuit->failures < circuit->failures_max;
}

bool phi_rpc_circuit_allows(const struct phi_rpc_circuit *circuit, int64_t now_us)
{
    return phi_rpc_circuit_is_closed(circuit) ||
           (now_us >= circuit->open_until_us && now_us >= circuit->probe_until_us);
}

void phi_rpc_circuit_sent(struct phi_rpc_circuit *circuit, int64_t until_us)
{
    if (!phi_rpc_circuit_is_closed(circuit))
        circuit->probe_until_us = until_us;
}

void phi_rpc_circuit_succeeded(struct phi_rpc_circuit *circuit)
{
    circuit->failures = 0;
    circuit->backoff_us = 0;
    circuit->open_until_us = 0;
    circuit->probe_until_us = 0;
}

void phi_rpc_circuit_failed(struct phi_rpc_circuit *circuit, int64_t now_us)
{
    if (circuit->failures < circuit->failures_max)
        circuit->failures++;
    /* calls sent before it opened go on failing for a while: they must not stretch the back-off */
    if (phi_rpc_circuit_is_closed(circuit) || now_us < circuit->open_until_us)
        return;
    int64_t doubled_us = circuit->backoff_us * 2;
    circuit->backoff_us = circuit->backoff_us == 0 ? circuit->backoff_first_us : doubled_us;
    if (circuit->backoff_us > circuit->backoff_max_us)
        circuit->backoff_us = circuit->backoff_max_us;
    circuit->open_until_us = now_us + circuit->backoff_us;
    circuit->probe_until_us = 0;
}
