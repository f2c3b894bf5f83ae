/* What the owner of a partition does so that the nation's list heals: over the hour each bucket's
 * digest, as the next record after all that the bucket holds; and the buckets that the nation asks
 * for, listed whole.
 *
 *   struct heal *heal = heal_new(directory, producer, topic);
 *   PHI_GUARD(heal_run(heal, &has_more));      // between two rounds of the publisher
 *   heal_free(heal);
 *
 * The publisher's thread, since nothing else of the partition may be sent in between; blocks for
 * database and broker.
 */
#ifndef SVC_DIRECTORY_HEAL_H
#define SVC_DIRECTORY_HEAL_H

#include "svc-directory/directory.h"

struct heal;

#define HEAL_TURN_ROW                                                                              \
    {                                                                                              \
        .name = "PHI_HEAL_TURN_S", .type = PHI_CONFIG_INT, .fallback = "3600", .min = 0,           \
        .max = 604800, .unit = "s",                                                                \
        .text = "in which time the digest of every bucket goes to the nation once; 0: never"       \
    }

/* Pointers are borrowed. NULL when out of memory. */
struct heal *heal_new(struct directory *directory, struct phi_producer *producer,
                      const char *topic);
void heal_free(struct heal *heal); /* NULL is fine */

/* Some of what is due; `has_more` when there is more at once. PHI_ERR_BUS, PHI_ERR_STORE,
 * PHI_ERR_MEMORY …: what is left comes again. */
enum phi_err heal_run(struct heal *heal, bool *has_more) PHI_MUST_USE;

/* Follows phi.<region>.directory.request of the platform bus: the newest request of each bucket,
 * signed by the unified platform's answer key, into heal_requests. PHI_ERR_CONFIG, PHI_ERR_MEMORY.
 */
struct heal_requests;
enum phi_err heal_requests_start(struct directory *directory, struct phi_error *error) PHI_MUST_USE;
void heal_requests_close(struct heal_requests *requests); /* NULL is fine; joins the thread */

#endif
