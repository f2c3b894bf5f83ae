/* What every act on rule sets needs: who acts, what stands, what is written down of it.
 *
 *   PHI_GUARD(rules_officer_of(call, &officer, error));
 *   PHI_GUARD(rules_acquire(call, &conn));
 *   PHI_GUARD(rules_standing_read(call, conn, &standing, error));
 *   PHI_GUARD(rules_activate(call, &standing, trial, back, from_us, &officer));
 *   PHI_GUARD(rules_audit(call, "publish", version, trial_hex, &officer));
 *
 * On the request's thread; what is written is committed with the answer.
 */
#ifndef SVC_DIRECTORY_RULES_DESK_H
#define SVC_DIRECTORY_RULES_DESK_H

#include "svc-directory/officer.h"
#include "svc-directory/rules/life.h"

/* The officer of this province's rules who calls, or PHI_ERR_FORBIDDEN. `out->unit` is the
 * call's. */
enum phi_err rules_officer_of(struct phi_api_call *call, struct officer *out,
                              struct phi_error *error) PHI_MUST_USE;

/* What was done, by whom, on audit; under one key for all rules, so that it stays in order. `trial`
 * in hex, or NULL. PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err rules_audit(struct phi_api_call *call, const char *step, int64_t version,
                         const char *trial, const struct officer *officer) PHI_MUST_USE;

/* A connection until the call's deadline, to be released with phi_store_release. Blocks.
 * PHI_ERR_DEADLINE, PHI_ERR_STORE. */
enum phi_err rules_acquire(struct phi_api_call *call, struct phi_conn **conn) PHI_MUST_USE;

/* The newest activation, the newest in force, and the version of the newest. */
struct rules_standing {
    int64_t last;
    int64_t in_force;
    int64_t back; /* of the one in force */
    int64_t version_max;
};

/* Blocks. PHI_ERR_STORE. */
enum phi_err rules_standing_read(struct phi_api_call *call, struct phi_conn *conn,
                                 struct rules_standing *out, struct phi_error *error) PHI_MUST_USE;

/* The next activation: of a trial's set, or of the file's for a NULL parameter. `back` is what a
 * rollback returns to. Two at once: PHI_ERR_OVERLOAD for the later one when it is committed. */
enum phi_err rules_activate(struct phi_api_call *call, const struct rules_standing *standing,
                            struct phi_param trial, int64_t back, int64_t from_us,
                            const struct officer *officer) PHI_MUST_USE;

#endif
