/* Records that this service wrote itself: signed by its key of decisions, or by the one that the
 * trust list had for the province at the time that the record names, since keys change between a
 * backup and its restore.
 *
 *   err = own_check(service, msg, at_us);
 *   if (err != PHI_OK)
 *       return own_pass_over(err, "correction.step");      // said, and not believed
 *   PHI_GUARD(own_is_erased(tx, subject, sealed, arena, &is_gone, error));
 *
 * own_check waits once, for seconds at most, until the trust list has been read.
 */
#ifndef SVC_CORRECTION_OWN_H
#define SVC_CORRECTION_OWN_H

#include "bus/event.h"
#include "svc-correction/correction.h"

/* `at_us`: of the value, which the signature covers. PHI_ERR_UNSIGNED, PHI_ERR_HEADER,
 * PHI_ERR_KEY, PHI_ERR_SIGNATURE, PHI_ERR_DATA_BROKEN (keyed by no person), PHI_ERR_MEMORY,
 * PHI_ERR_CRYPTO. */
enum phi_err own_check(struct phi_service *service, const struct phi_msg *msg,
                       int64_t at_us) PHI_MUST_USE;

/* What is not believed is passed over, and said; PHI_ERR_MEMORY and PHI_ERR_CRYPTO are no verdict
 * and come back. */
enum phi_err own_pass_over(enum phi_err err, const char *stream) PHI_MUST_USE;

/* Sealed under a data key of the person that is known to be gone. Blocks on the database. */
enum phi_err own_is_erased(struct phi_conn *tx, const uint8_t *subject, struct phi_view sealed,
                           struct phi_arena *arena, bool *is, struct phi_error *error) PHI_MUST_USE;

#endif
