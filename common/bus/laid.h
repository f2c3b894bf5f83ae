/* Events that a consumer's transaction laid into the outbox, kept until its COMMIT and then offered
 * to the relay, so that they don't wait for its next look at the table. A COMMIT whose answer was
 * lost offers nothing: the table's rows go out all the same.
 *
 *   phi_laid_clear(&laid);                              // a batch begins
 *   PHI_GUARD(phi_event_put_all(tx, events, count, arena, error));
 *   phi_laid_keep(&laid, arena, events, count);         // the last of the handler: takes the arena
 *   …
 *   phi_laid_offer(&laid, relay);                       // in the consumer's `committed`
 *
 * One thread: that of the batch. Never blocks.
 */
#ifndef PHI_BUS_LAID_H
#define PHI_BUS_LAID_H

#include "bus/relay.h"

struct phi_laid {
    struct phi_arena *arena;
    const struct phi_event *events;
    size_t count;
};

/* All parts of the events live in `arena` or as long as the program. */
void phi_laid_keep(struct phi_laid *laid, struct phi_arena *arena, const struct phi_event *events,
                   size_t count);
void phi_laid_offer(struct phi_laid *laid, struct phi_relay *relay);
void phi_laid_clear(struct phi_laid *laid);

#endif
