/* What all acts of officers share.
 *
 *   PHI_GUARD(officer_find(call, &now, &key, error));              // the case, and may they act?
 *   PHI_GUARD(officer_check_other(call, now.officer, now.unit, error));   // the second of two
 *
 * On the request's thread; officer_find blocks on the database.
 */
#ifndef SVC_CORRECTION_OFFICER_H
#define SVC_CORRECTION_OFFICER_H

#include "svc-correction/flow/case.h"

/* The case of the path. PHI_ERR_RULE: its source no longer exists; else as case_find and
 * case_check_officer. */
enum phi_err officer_find(struct phi_api_call *call, struct case_now *now,
                          struct phi_person_key *key, struct phi_error *error) PHI_MUST_USE;

/* Another account and another unit than who proposed: PHI_ERR_FORBIDDEN. */
enum phi_err officer_check_other(struct phi_api_call *call, struct phi_view proposer,
                                 const char *unit, struct phi_error *error) PHI_MUST_USE;

/* `note`, up to CASE_TEXT_MAX characters; NULL without. */
enum phi_err officer_read_note(struct phi_api_call *call, const char **out,
                               struct phi_error *error) PHI_MUST_USE;

#endif
