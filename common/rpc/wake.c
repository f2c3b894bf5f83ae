#include "rpc/wake.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum phi_err phi_rpc_wake_open(struct phi_rpc_wake *wake)
{
    atomic_init(&wake->is_knocked, false);
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wake->fd < 0 ? PHI_ERR_INTERNAL : PHI_OK;
}

void phi_rpc_wake_close(struct phi_rpc_wake *wake)
{
    if (wake->fd >= 0)
        close(wake->fd);
    wake->fd = -1;
}

void phi_rpc_wake_knock(struct phi_rpc_wake *wake)
{
    uint64_t one = 1;
    if (atomic_exchange(&wake->is_knocked, true))
        return;
    /* fails only when the counter is full, and then the poller wakes anyway */
    ssize_t ignored = write(wake->fd, &one, sizeof(one));
    (void)ignored;
}

void phi_rpc_wake_hear(struct phi_rpc_wake *wake)
{
    uint64_t count;
    ssize_t ignored = read(wake->fd, &count, sizeof(count));
    (void)ignored;
    /* after the read and before the queues are looked at: a knock in between writes again */
    atomic_store(&wake->is_knocked, false);
}
