/* 临时措施: while a case runs, the record in dispute is set aside for a time: one officer proposes it,
 * a second one of another unit grants it, once a case, for PHI_RELIEF_MAX_H hours at most. It ends
 * by svc-directory's clock, or with the case. The grade is 审核中 meanwhile, by svc-directory.
 *
 * What is proposed and granted stands in the steps of the case: there is no other table.
 *
 *   PHI_GUARD(relief_end(call, &now, &key, error));     // whatever ends the case ends it
 *
 * On the request's thread; blocks on the database.
 */
#ifndef SVC_CORRECTION_RELIEF_H
#define SVC_CORRECTION_RELIEF_H

#include "svc-correction/flow/case.h"

#define RELIEF_HOURS_MAX 72

/* POST /v1/corrections/{id}/relief: {hours, fact? of a case about the grade, note?}. PHI_ERR_STATE:
 * granted once already, or the case is over; PHI_ERR_RULE: nothing to be set aside. */
enum phi_err relief_propose(struct phi_api_call *call, struct phi_error *error);
/* POST /v1/corrections/{id}/relief-approval: the same again. */
enum phi_err relief_approve(struct phi_api_call *call, struct phi_error *error);

/* Tells svc-directory, with the call's commit, that the case's relief is over; nothing without. */
enum phi_err relief_end(struct phi_api_call *call, const struct case_now *now,
                        const struct phi_person_key *key, struct phi_error *error) PHI_MUST_USE;

#endif
