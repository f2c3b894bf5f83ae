/* A case as a request finds it, and what the request does to it (GB/T 38963 6.8).
 *
 *   struct case_now now;
 *   PHI_GUARD(case_find(call, &now, &key, error));                 // {id} of the path
 *   PHI_GUARD(case_check_officer(call, &now, error));
 *   const struct case_deed deed = {.act = ACT_PROPOSE, .outcome = "retract", .note = text};
 *   PHI_GUARD(case_do(call, &now, &key, &deed, error));            // row, event, chain: one commit
 *
 * On the request's thread; reading blocks on the database.
 */
#ifndef SVC_CORRECTION_CASE_H
#define SVC_CORRECTION_CASE_H

#include "svc-correction/flow/move.h"
#include "svc-correction/texts.h"

struct case_deed {
    enum step_act act;
    const char *outcome;            /* NULL: as it stands */
    const char *reason;             /* NULL: as it stands */
    const char *note;               /* NULL for none; sealed */
    const char *content;            /* what is proposed, as text; NULL for none; sealed */
    struct phi_view content_digest; /* of content that lies elsewhere; empty: none */
    int64_t decision_version;
    struct phi_view actor;        /* a digest, where it is not who calls; empty otherwise */
    const char *unit;             /* theirs */
    const struct move_rows *rows; /* what it brings besides, or NULL */
};

/* The case with `out->case_id`, and the person's data key. PHI_ERR_NOT_FOUND, PHI_ERR_STORE,
 * PHI_ERR_BUS. */
enum phi_err case_read(struct phi_api_call *call, struct phi_conn *conn, struct case_now *out,
                       struct phi_person_key *key, struct phi_error *error) PHI_MUST_USE;
/* The same, of the path's {id}, on a connection of its own. */
enum phi_err case_find(struct phi_api_call *call, struct case_now *out, struct phi_person_key *key,
                       struct phi_error *error) PHI_MUST_USE;

/* Of this source and region, named, and neither about themselves nor about whom they have filed
 * for: PHI_ERR_FORBIDDEN otherwise. Blocks on the database. */
enum phi_err case_check_officer(struct phi_api_call *call, const struct case_now *now,
                                struct phi_error *error) PHI_MUST_USE;
/* PHI_ERR_STATE: a decision of another case, or of a batch, has retracted or amended this record of
 * the person's already. Blocks on the database. */
enum phi_err case_check_uncorrected(struct phi_conn *conn, const struct case_now *now,
                                    const struct case_fact *fact,
                                    struct phi_error *error) PHI_MUST_USE;
/* Whose case it is, or who filed it for them, as now->acting says then: to anybody else it is not
 * there (PHI_ERR_NOT_FOUND). Blocks on the database for the latter. */
enum phi_err case_check_own(struct phi_api_call *call, struct case_now *now,
                            struct phi_error *error) PHI_MUST_USE;

/* Moves the case by the table of steps, and `now` with it; the rows and the event go into the
 * call's commit. PHI_ERR_STATE: not from its state; also later, when another step was faster. */
enum phi_err case_do(struct phi_api_call *call, struct case_now *now,
                     const struct phi_person_key *key, const struct case_deed *deed,
                     struct phi_error *error) PHI_MUST_USE;

/* The first steps of a new case, whose ids and fact stand in `now`: received, and given to the
 * source that owns the fact, with the row of `cases`. `rows`: what filing brings besides. */
enum phi_err case_begin(struct phi_api_call *call, struct case_now *now,
                        const struct phi_person_key *key, const char *statement,
                        const struct move_rows *rows) PHI_MUST_USE;

#endif
