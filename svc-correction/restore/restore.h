/* Cases with their steps and all that these brought, made again of correction.step, and what was
 * attached of correction.attachment, where the database is a backup's (service/catch_up.h). Each
 * is believed by this service's own signature (restore/own.h). Texts come back under
 * the person's data key; what an erasure has ended since, the reader of person.key empties again.
 *
 *   PHI_GUARD(case_restore(service, error));      // in start, before anything is consumed
 */
#ifndef SVC_CORRECTION_RESTORE_H
#define SVC_CORRECTION_RESTORE_H

#include "service/service.h"

/* Errors and blocking of phi_service_catch_up. */
enum phi_err case_restore(struct phi_service *service, struct phi_error *error) PHI_MUST_USE;

#endif
