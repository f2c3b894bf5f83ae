/* A bounded queue of pointers between threads: pushing never waits, popping waits with a deadline
 * and takes what has arrived, up to `max`. Any number of threads on both sides.
 */
#ifndef PHI_BASE_QUEUE_H
#define PHI_BASE_QUEUE_H

#include "base/time.h"

struct phi_queue;

struct phi_queue *phi_queue_new(size_t capacity); /* NULL when out of memory */
void phi_queue_free(struct phi_queue *queue);     /* must be empty */
enum phi_err phi_queue_push(struct phi_queue *queue, void *item) PHI_MUST_USE; /* PHI_ERR_OVERLOAD, PHI_ERR_DRAINING */
/* Blocks until something is there, the deadline passes or the queue is closed; 0 in the last two cases. */
size_t phi_queue_pop(struct phi_queue *queue, void **items, size_t max, struct phi_deadline deadline);
void phi_queue_close(struct phi_queue *queue);    /* pushes are refused from now on, waiters wake */
bool phi_queue_is_closed(struct phi_queue *queue);
size_t phi_queue_len(struct phi_queue *queue);

#endif
