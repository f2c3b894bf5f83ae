/* The producer: idempotent, acks=all, bounded, with an acknowledgement for each message.
 *
 *   PHI_GUARD(phi_producer_open(&(struct phi_producer_options){.bus = bus}, &producer, error));
 *   PHI_GUARD(phi_producer_send(producer, &event, done, context));   // done(context, err)
 *   ...
 *   (void)phi_producer_flush(producer, phi_deadline_in_ms(5000));
 *   phi_producer_close(producer);
 */
#ifndef PHI_BUS_PRODUCER_H
#define PHI_BUS_PRODUCER_H

#include "bus/bus.h"
#include "bus/event.h"

struct phi_producer;

/* Zero means the default in brackets. */
struct phi_producer_options {
    struct phi_bus_options bus;
    const char *name;            /* label of the metrics: "bus", "platform_bus" ["bus"] */
    int queue_max_count;         /* messages waiting or in flight [20,000] */
    int queue_max_kbytes;        /* [65,536] */
    int64_t message_deadline_ms; /* from send to done at the latest, about [30,000] */
    int64_t linger_ms;           /* [2] */
};

/* Starts two threads (delivery reports; health). Doesn't wait for a broker: it may come later.
 * PHI_ERR_CONFIG, PHI_ERR_MEMORY. The caller closes. */
enum phi_err phi_producer_open(const struct phi_producer_options *options,
                               struct phi_producer **out, struct phi_error *error) PHI_MUST_USE;

/* Copies the event and returns at once; any thread. With PHI_OK, `done` (may be NULL) is called
 * exactly once, on the producer's own thread, and must not block: PHI_OK when all replicas have it,
 * PHI_ERR_BUS (not known to be kept) or PHI_ERR_DEADLINE. Otherwise `done` is never called:
 * PHI_ERR_OVERLOAD (the queue is full), PHI_ERR_DRAINING (closing), PHI_ERR_BUS, or what
 * phi_event_check says. */
enum phi_err phi_producer_send(struct phi_producer *producer, const struct phi_event *event,
                               void (*done)(void *context, enum phi_err err),
                               void *context) PHI_MUST_USE;

/* Blocks until everything sent so far has been answered, or PHI_ERR_DEADLINE. */
enum phi_err phi_producer_flush(struct phi_producer *producer,
                                struct phi_deadline deadline) PHI_MUST_USE;

/* Messages sent and not answered yet. Any thread. */
size_t phi_producer_waiting(const struct phi_producer *producer);

/* Did a broker answer lately (within about 3 s)? For readyz: false → degraded:["bus"]. Any thread.
 */
bool phi_bus_is_up(const struct phi_producer *producer);

/* Answers what is still waiting with PHI_ERR_BUS (flush first), joins the threads. NULL is fine. */
void phi_producer_close(struct phi_producer *producer);

#endif
