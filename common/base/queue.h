/* A bounded queue of pointers between threads: pushing never waits, popping waits with a deadline
 * and takes what has arrived, up to `max`. Any number of threads on both sides. The items are the
 * caller's.
 *
 *   if (phi_queue_push(queue, job) != PHI_OK) refuse(job);
 *   size_t n = phi_queue_pop(queue, jobs, 64, phi_deadline_in_ms(100));
 *   phi_queue_close(queue);      // then pop until it gives 0
 *   phi_queue_free(queue);
 */
#ifndef PHI_BASE_QUEUE_H
#define PHI_BASE_QUEUE_H

#include "base/time.h"

struct phi_queue;

struct phi_queue *phi_queue_new(size_t capacity); /* NULL when out of memory or for 0 */
void phi_queue_free(struct phi_queue *queue);     /* must be empty */
enum phi_err phi_queue_push(struct phi_queue *queue,
                            void *item) PHI_MUST_USE; /* PHI_ERR_OVERLOAD, PHI_ERR_DRAINING */
/* The first so many of `items` that there is room for, at once; gives how many went in: none when
 * closed.
 */
size_t phi_queue_push_many(struct phi_queue *queue, void *const *items, size_t count);
/* Blocks until something is there, the deadline passes or the queue is closed; 0 in the last two
 * cases. What a closed queue still holds is given out first. */
size_t phi_queue_pop(struct phi_queue *queue, void **items, size_t max,
                     struct phi_deadline deadline);
/* Never waits: takes from the front as long as `goes(item, context)` is true, up to `max`; `goes`
 * is short and doesn't call back. */
size_t phi_queue_take(struct phi_queue *queue, void **items, size_t max,
                      bool (*goes)(const void *item, const void *context), const void *context);
/* The same for one of several takers: of what is there it takes its share, but up to `least` it
 * takes all. */
size_t phi_queue_pop_share(struct phi_queue *queue, void **items, size_t max, size_t takers,
                           size_t least, struct phi_deadline deadline);
void phi_queue_close(struct phi_queue *queue); /* pushes are refused from now on, waiters wake */
bool phi_queue_is_closed(struct phi_queue *queue);
size_t phi_queue_len(struct phi_queue *queue);

#endif
