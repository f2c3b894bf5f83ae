/* Cases as their tables have them, for what moves them without a request: the clock, and what
 * svc-directory says.
 *
 *   PHI_GUARD(phi_conn_exec(tx, "…", "SELECT " STORED_COLUMNS " FROM cases WHERE …", …));
 *   PHI_GUARD(stored_take(rows, 0, &now));            // borrows the rows
 *   PHI_GUARD(stored_move(service, tx, &now, &act, arena, &is_ours, error));
 *
 * In a transaction; blocks for the database.
 */
#ifndef SVC_CORRECTION_STORED_H
#define SVC_CORRECTION_STORED_H

#include "svc-correction/flow/move.h"

#define STORED_COLUMNS                                                                             \
    "case_id, subject, matter, region, source, institution, record_no, state, seq, head, level, "  \
    "outcome, reason, proposer, proposer_unit, matter_kind, due_us"

/* PHI_ERR_DATA_BROKEN: a state or a matter that is none. */
enum phi_err stored_take(const struct phi_rows *rows, size_t i, struct case_now *out) PHI_MUST_USE;

/* Writes the step, the case and the event, and takes `now` along. `is_ours` is false, and nothing
 * is written, when somebody has moved the case since it was read. Of several cases in one
 * transaction the order is that of their ids, as the lane's: so neither waits for the other. */
enum phi_err stored_move(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                         const struct move_act *act, struct phi_arena *arena, bool *is_ours,
                         struct phi_error *error) PHI_MUST_USE;

#endif
