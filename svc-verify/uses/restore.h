/* Uses, ledger and recorded answers made again of code.verified, where the database is a backup's.
 *
 * What the tables hold and the event does not say in clear travels sealed in it, as `kept`: under a
 * key of the code side, bound to the event's id, so that nobody else reads it or makes one.
 *
 *   PHI_GUARD(verify_kept_seal(job, &text));        // on the way out
 *   PHI_GUARD(verify_restore(service, error));      // in start
 */
#ifndef SVC_VERIFY_RESTORE_H
#define SVC_VERIFY_RESTORE_H

#include "svc-verify/verify.h"

/* Base64 in the batch's arena, of a job that has its event's id. PHI_ERR_KEY, PHI_ERR_CRYPTO,
 * PHI_ERR_MEMORY. */
enum phi_err verify_kept_seal(struct verify_job *job, const char **out) PHI_MUST_USE;

/* Errors and blocking of phi_service_catch_up. */
enum phi_err verify_restore(struct phi_service *service, struct phi_error *error) PHI_MUST_USE;

#endif
