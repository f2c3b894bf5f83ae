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
#define STORED_COLUMN_COUNT 17

/* PHI_ERR_DATA_BROKEN: a state or a matter that is none. */
enum phi_err stored_take(const struct phi_rows *rows, size_t i, struct case_now *out) PHI_MUST_USE;

/* Writes the step, the case and the event, and takes `now` along. `is_ours` is false, and nothing
 * is written, when somebody has moved the case since it was read. Of several cases in one
 * transaction the order is that of their ids, as the lane's: so neither waits for the other. */
enum phi_err stored_move(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                         const struct move_act *act, struct phi_arena *arena, bool *is_ours,
                         struct phi_error *error) PHI_MUST_USE;

/* A new case by its first step; its ids, fact and matter stand in `now`. `is_ours` is false, and
 * nothing is written, when it is there. */
enum phi_err stored_open(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                         const struct move_act *act, struct phi_arena *arena, bool *is_ours,
                         struct phi_error *error) PHI_MUST_USE;

/* The suite's own step of a case, with its outcome and reason as they stand: nothing, and
 * `is_done` false, when the table has no such step from its state. A case that somebody moved since
 * it was read is read again, and `now` is then as it was; PHI_ERR_DEADLINE when that goes on. */
enum phi_err stored_act(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                        enum step_act act, struct phi_arena *arena, bool *is_done,
                        struct phi_error *error) PHI_MUST_USE;

/* Has svc-directory said that the record of the case's decision has not come yet? */
enum phi_err stored_awaits(struct phi_conn *conn, const uint8_t *case_id, bool *out,
                           struct phi_error *error) PHI_MUST_USE;

/* Many moves in three statements: made one after the other, the moves of one case side by side and
 * the cases in the order of their ids, then written at once.
 *
 *   PHI_GUARD(stored_moves_room(&moves, 2 * count, arena));
 *   PHI_GUARD(stored_moves_add(&moves, service, &now, &act, arena));   // takes `now` along
 *   PHI_GUARD(stored_moves_write(&moves, service, tx, arena, error));
 */
struct stored_made {
    struct case_now now; /* before it */
    struct move_act act;
    struct move move;
};

struct stored_moves {
    size_t count;
    size_t room;
    struct stored_made *made;
    struct phi_event *events;
    uint64_t *numbers; /* of the steps, which their signatures cover */
};

/* PHI_ERR_MEMORY. */
enum phi_err stored_moves_room(struct stored_moves *out, size_t room,
                               struct phi_arena *arena) PHI_MUST_USE;
/* Texts of `now` and `act` live until the moves are written. PHI_ERR_MEMORY, PHI_ERR_CRYPTO,
 * PHI_ERR_INTERNAL past the room. */
enum phi_err stored_moves_add(struct stored_moves *moves, struct phi_service *service,
                              struct case_now *now, const struct move_act *act,
                              struct phi_arena *arena) PHI_MUST_USE;
/* PHI_ERR_OVERLOAD: somebody has moved one of the cases since it was read; nothing may be kept, and
 * what is read anew finds what is so. PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err stored_moves_write(const struct stored_moves *moves, struct phi_service *service,
                                struct phi_conn *tx, struct phi_arena *arena,
                                struct phi_error *error) PHI_MUST_USE;

#endif
