/* A trial as it stands in rule_trials and rule_steps: its state, its report, what it still needs.
 *
 *   PHI_GUARD(rules_trial_read(call, conn, &trial, error));
 *   if (!rules_trial_is(&trial, "done"))
 *       …
 *   PHI_GUARD(rules_trial_tell(call, &trial));
 *   rules_trial_fini(&trial);                       // of a zeroed one too
 */
#ifndef SVC_DIRECTORY_RULES_TRIED_H
#define SVC_DIRECTORY_RULES_TRIED_H

#include "svc-directory/rules/desk.h"

struct report;

enum tried_column {
    TRIED_VERSION,
    TRIED_BASE,
    TRIED_FROM,
    TRIED_OFFICER,
    TRIED_UNIT,
    TRIED_AT,
    TRIED_CURSOR,
    TRIED_REPORT,
    TRIED_DONE,
    TRIED_STEP, /* the newest of its steps, or NULL */
    TRIED_APPROVED
};

struct rules_trial {
    uint8_t id[RULES_TRIAL_LEN];
    char hex[2 * RULES_TRIAL_LEN + 1];
    struct phi_rows *row;
    struct report *report;
};

/* The trial of the path's `id`. Blocks. PHI_ERR_FIELD_VALUE, PHI_ERR_NOT_FOUND, PHI_ERR_STORE. */
enum phi_err rules_trial_read(struct phi_api_call *call, struct phi_conn *conn,
                              struct rules_trial *trial, struct phi_error *error) PHI_MUST_USE;
void rules_trial_fini(struct rules_trial *trial);

/* One of waiting, running, done, cancelled, published. */
bool rules_trial_is(const struct rules_trial *trial, const char *state);
/* More people would turn red than PHI_RULES_RED_PERMILLE lets one officer decide. */
bool rules_trial_needs_approval(struct phi_api_call *call, const struct rules_trial *trial);
/* The trial as the answer's data. PHI_ERR_MEMORY. */
enum phi_err rules_trial_tell(struct phi_api_call *call,
                              const struct rules_trial *trial) PHI_MUST_USE;

#endif
