/* The calls under way, soonest timer first. One thread; room for all is made at the start. Inside
 * the room.
 */
#ifndef PHI_RPC_CALL_HEAP_H
#define PHI_RPC_CALL_HEAP_H

#include "base/err.h"

#include <stdint.h>

/* What the heap needs of its items; stands first in each. */
struct phi_rpc_timer {
    int64_t at_us;
    size_t index; /* place in the heap, the heap's */
};

struct phi_rpc_call_heap {
    struct phi_rpc_timer **items;
    size_t count;
    size_t capacity;
};

enum phi_err phi_rpc_call_heap_init(struct phi_rpc_call_heap *heap, size_t capacity) PHI_MUST_USE;
void phi_rpc_call_heap_fini(struct phi_rpc_call_heap *heap);
void phi_rpc_call_heap_add(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer,
                           int64_t at_us);
void phi_rpc_call_heap_move(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer,
                            int64_t at_us);
void phi_rpc_call_heap_remove(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer);
struct phi_rpc_timer *
phi_rpc_call_heap_first(const struct phi_rpc_call_heap *heap); /* NULL: empty */

#endif
