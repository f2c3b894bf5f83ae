/* Events on their way to the broker, and the waiting for all of them.
 *
 *   struct phi_sending *sending = phi_sending_new();
 *   PHI_GUARD(phi_sending_add(sending, producer, &event));
 *   PHI_GUARD(phi_sending_wait(sending, phi_deadline_in_ms(5000)));   // each is kept
 *   phi_sending_drop(sending);
 *
 * What is still on its way when the owner drops it keeps the object until it is answered. One
 * thread sends and waits.
 */
#ifndef PHI_BUS_SENDING_H
#define PHI_BUS_SENDING_H

#include "bus/producer.h"

struct phi_sending;

/* The caller drops it; NULL when out of memory. */
struct phi_sending *phi_sending_new(void);
void phi_sending_drop(struct phi_sending *sending); /* NULL is fine */

/* Errors of phi_producer_send, which the next wait tells once more. Doesn't block. */
enum phi_err phi_sending_add(struct phi_sending *sending, struct phi_producer *producer,
                             const struct phi_event *event) PHI_MUST_USE;

/* Blocks until each is answered: PHI_OK, or the first error since the last wait that saw all of
 * them answered. PHI_ERR_DEADLINE: some are on their way still. */
enum phi_err phi_sending_wait(struct phi_sending *sending,
                              struct phi_deadline deadline) PHI_MUST_USE;

#endif
