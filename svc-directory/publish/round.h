/* One round of what the owner owes the nation: pending entries in order, signed, sent, each one's
 * acknowledgement awaited, and those that were kept marked.
 *
 *   struct round *round = round_new(directory, producer, topic);
 *   PHI_GUARD(round_run(round, &count));
 *   round_free(round);
 *
 * One thread; blocks for database and broker, holding no connection while it waits for the latter.
 */
#ifndef SVC_DIRECTORY_ROUND_H
#define SVC_DIRECTORY_ROUND_H

#include "svc-directory/directory.h"

#define ROUND_MAX 2000

struct round;

/* Pointers are borrowed. NULL when out of memory. */
struct round *round_new(struct directory *directory, struct phi_producer *producer,
                        const char *topic);
void round_free(struct round *round); /* NULL is fine */

/* `count` is what was pending, up to ROUND_MAX. PHI_ERR_BUS when not all were kept, PHI_ERR_STORE …
 * The next round takes up what is left. */
enum phi_err round_run(struct round *round, size_t *count) PHI_MUST_USE;

#endif
