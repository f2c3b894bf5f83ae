/* What a case is filed about, as the request says it: the matter's kind, and what names it.
 *
 *   PHI_GUARD(subject_read(call, &now, error));        // matter_kind, fact
 *   memcpy(now.subject, whose, PHI_SUBJECT_LEN);
 *   PHI_GUARD(subject_name(&now));                     // matter: one open case has it
 *   json_object_update_new(one, subject_show(kind, &fact));
 *
 * Pure; any thread. What it hands out is the call's.
 */
#ifndef SVC_CORRECTION_SUBJECTS_H
#define SVC_CORRECTION_SUBJECTS_H

#include "svc-correction/flow/move.h"

#include <jansson.h>

/* `matter` of the body and the member that goes with it; those of other matters are refused. The
 * errors of the readers; PHI_ERR_RULE: of another region, or no source that there is. */
enum phi_err subject_read(struct phi_api_call *call, struct case_now *out,
                          struct phi_error *error) PHI_MUST_USE;

/* now->matter of subject, kind and fact. PHI_ERR_CRYPTO. */
enum phi_err subject_name(struct case_now *now) PHI_MUST_USE;

/* {"matter", and "fact", "missing", "identity" or "batch"}; the caller's reference, NULL: out of
 * memory. */
json_t *subject_show(enum matter_kind kind, const struct case_fact *fact);

#endif
