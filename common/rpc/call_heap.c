#include "rpc/call_heap.h"

#include <assert.h>
#include <stdlib.h>

enum phi_err phi_rpc_call_heap_init(struct phi_rpc_call_heap *heap, size_t capacity)
{
    heap->items = calloc(capacity, sizeof(struct phi_rpc_timer *));
    heap->count = 0;
    heap->capacity = capacity;
    return heap->items == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

void phi_rpc_call_heap_fini(struct phi_rpc_call_heap *heap)
{
    free(heap->items);
    heap->items = NULL;
}

static void put(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer, size_t index)
{
    heap->items[index] = timer;
    timer->index = index;
}

static void sift_up(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer)
{
    size_t index = timer->index;
    while (index > 0 && heap->items[(index - 1) / 2]->at_us > timer->at_us) {
        put(heap, heap->items[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    put(heap, timer, index);
}

static void sift_down(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer)
{
    size_t index = timer->index;
    while (2 * index + 1 < heap->count) {
        size_t child = 2 * index + 1;
        if (child + 1 < heap->count && heap->items[child + 1]->at_us < heap->items[child]->at_us)
            child++;
        if (heap->items[child]->at_us >= timer->at_us)
            break;
        put(heap, heap->items[child], index);
        index = child;
    }
    put(heap, timer, index);
}

void phi_rpc_call_heap_add(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer,
                           int64_t at_us)
{
    assert(heap->count < heap->capacity);
    timer->at_us = at_us;
    put(heap, timer, heap->count++);
    sift_up(heap, timer);
}

void phi_rpc_call_heap_move(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer,
                            int64_t at_us)
{
    timer->at_us = at_us;
    sift_up(heap, timer);
    sift_down(heap, timer);
}

void phi_rpc_call_heap_remove(struct phi_rpc_call_heap *heap, struct phi_rpc_timer *timer)
{
    struct phi_rpc_timer *last = heap->items[--heap->count];
    if (last == timer)
        return;
    put(heap, last, timer->index);
    sift_up(heap, last);
    sift_down(heap, last);
}

struct phi_rpc_timer *phi_rpc_call_heap_first(const struct phi_rpc_call_heap *heap)
{
    return heap->count == 0 ? NULL : heap->items[0];
}
