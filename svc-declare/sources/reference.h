/* Records on the reference topics (reference.places, reference.sources): signed by this program's
 * places key, one key a matter, with a version that rises.
 *
 *   int64_t version = reference_version(last, now_us);
 *   PHI_GUARD(reference_put(service, tx, "reference.places", key, value, version, arena, error));
 *   … COMMIT …; phi_relay_wake(phi_service_relay(service));
 *
 * reference_put writes the outbox row inside the caller's transaction and blocks like a statement.
 * All records of a topic go through the table, so that versions of one key arrive in order.
 */
#ifndef SVC_DECLARE_REFERENCE_H
#define SVC_DECLARE_REFERENCE_H

#include "svc-declare/declare.h"

/* Past `last` (0: none) and not behind the clock, so that a restored database does not fall behind.
 */
int64_t reference_version(int64_t last, int64_t now_us);

/* Adds "version" to `value`, which stays the caller's. PHI_ERR_MEMORY, PHI_ERR_CRYPTO and the
 * errors of statements. */
enum phi_err reference_put(struct phi_service *service, struct phi_conn *tx, const char *stream,
                           const char *key, json_t *value, int64_t version, struct phi_arena *arena,
                           struct phi_error *error) PHI_MUST_USE;

#endif
