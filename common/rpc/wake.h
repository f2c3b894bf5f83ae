/* Waking a thread that sits in zmq_poll: one write however many knock. Inside the room.
 *
 *   phi_rpc_wake_open(&wake);
 *   phi_rpc_wake_knock(&wake);   // any thread
 *   phi_rpc_wake_hear(&wake);    // the poller, wake.fd being readable; then it looks at its queues
 */
#ifndef PHI_RPC_WAKE_H
#define PHI_RPC_WAKE_H

#include "base/err.h"

#include <stdatomic.h>

struct phi_rpc_wake {
    int fd;
    atomic_bool is_knocked;
};

enum phi_err phi_rpc_wake_open(struct phi_rpc_wake *wake) PHI_MUST_USE; /* PHI_ERR_INTERNAL */
void phi_rpc_wake_close(struct phi_rpc_wake *wake); /* also of one never opened: fd -1 */
void phi_rpc_wake_knock(struct phi_rpc_wake *wake); /* any thread, never blocks */
void phi_rpc_wake_hear(struct phi_rpc_wake *wake);

#endif
