/* What an officer proposes, and the second one decides: how the case is to end, which record that
 * is about, and what was so in truth, read as svc-declare reads records of that source.
 *
 *   struct outcome outcome;
 *   PHI_GUARD(outcome_read(call, &now, &outcome, error));
 *   PHI_GUARD(outcome_check_open(call, &now, &outcome, error));
 *   … outcome.text: what is sealed with the step, NULL for none …
 *   PHI_GUARD(outcome_check_same(call, &now, &key, &outcome, error));     // the second officer's
 *   PHI_GUARD(outcome_tell_directory(call, &now, &outcome, version));     // signed
 *
 * On the request's thread; what it hands out is the call's. The checks block on the database.
 */
#ifndef SVC_CORRECTION_OUTCOME_H
#define SVC_CORRECTION_OUTCOME_H

#include "forms/form.h"
#include "svc-correction/flow/case.h"
#include "svc-correction/matters/matters.h"

struct outcome {
    enum matter_outcome is;
    struct case_fact fact; /* the record that the decision is about */
    bool has_record;
    struct form_record record; /* what was so */
    const char *text;          /* {"fact"?, "record"?} as it was sent, canonical; NULL: neither */
};

/* `decision`, `fact` and `record` of the body. PHI_ERR_RULE: not for this matter, no record of its
 * source can be written, or the source no longer exists; else the errors of the readers. */
enum phi_err outcome_read(struct phi_api_call *call, const struct case_now *now,
                          struct outcome *out, struct phi_error *error) PHI_MUST_USE;

/* PHI_ERR_STATE: a decision of another case has retracted or amended the record already. */
enum phi_err outcome_check_open(struct phi_api_call *call, const struct case_now *now,
                                const struct outcome *outcome,
                                struct phi_error *error) PHI_MUST_USE;

/* PHI_ERR_RULE: not what was proposed, word for word. */
enum phi_err outcome_check_same(struct phi_api_call *call, const struct case_now *now,
                                const struct phi_person_key *key, const struct outcome *outcome,
                                struct phi_error *error) PHI_MUST_USE;

/* correction.decided, with the call's commit. */
enum phi_err outcome_tell_directory(struct phi_api_call *call, const struct case_now *now,
                                    const struct outcome *outcome, int64_t version) PHI_MUST_USE;

/* The record is set aside until then, or, with 0, no longer: on correction.decided, likewise. */
struct outcome_relief {
    struct case_fact fact;
    int64_t until_us;
};
enum phi_err outcome_tell_relief(struct phi_api_call *call, const struct case_now *now,
                                 const struct outcome_relief *relief) PHI_MUST_USE;

/* region, source, institution and recordNo of the member `field` of the body; of this region, and
 * of a source that there is: PHI_ERR_RULE otherwise. */
enum phi_err outcome_read_fact(struct phi_api_call *call, const char *field, struct case_fact *out,
                               struct phi_error *error) PHI_MUST_USE;

/* A member that has no place in this request: PHI_OK when it isn't there, PHI_ERR_FIELD_TYPE when
 * it is no object, else PHI_ERR_RULE with `why`. */
enum phi_err outcome_refuse_member(struct phi_api_call *call, const char *field, const char *why,
                                   struct phi_error *error) PHI_MUST_USE;

#endif
