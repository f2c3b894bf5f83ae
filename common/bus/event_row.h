/* Events as rows of the outbox: the envelope's headers as one JSON object of texts, an empty value
 * for a tombstone.
 *
 *   struct phi_param row[PHI_OUTBOX_COLUMNS];
 *   PHI_GUARD(phi_event_to_row(&event, now_us, arena, row));
 *   PHI_GUARD(phi_commit_add(commit, OUTBOX, row, PHI_OUTBOX_COLUMNS));     // in a lane, or
 *   PHI_GUARD(phi_event_put(tx, &event, error));                           // in a transaction
 */
#ifndef PHI_BUS_EVENT_ROW_H
#define PHI_BUS_EVENT_ROW_H

#include "bus/event.h"
#include "store/outbox.h"

/* The columns in the order of enum phi_outbox_column; `created_us` is the wall clock, by which the
 * relay knows old rows. Made-up parts live in `arena`, the rest is borrowed from `event`. Errors of
 * phi_event_check; PHI_ERR_FIELD_VALUE for a header that is not UTF-8; PHI_ERR_MEMORY. Pure. */
enum phi_err phi_event_to_row(const struct phi_event *event, int64_t created_us,
                              struct phi_arena *arena,
                              struct phi_param columns[PHI_OUTBOX_COLUMNS]) PHI_MUST_USE;

/* Lays an event into the outbox inside the caller's transaction; phi_relay_wake after the COMMIT.
 * Errors as above and of the statement. Blocks like a statement. */
enum phi_err phi_event_put(struct phi_conn *tx, const struct phi_event *event,
                           struct phi_error *error) PHI_MUST_USE;

/* The same of many, in one statement and in this order; their parts live in `arena` meanwhile. */
enum phi_err phi_event_put_all(struct phi_conn *tx, const struct phi_event *events, size_t count,
                               struct phi_arena *arena, struct phi_error *error) PHI_MUST_USE;

/* The event of a row that phi_outbox_read gave; parts live in `arena` and `rows`.
 * PHI_ERR_DATA_BROKEN when it is none, PHI_ERR_MEMORY. Pure. */
enum phi_err phi_event_from_row(const struct phi_rows *rows, size_t row, struct phi_arena *arena,
                                struct phi_event *event, struct phi_error *error) PHI_MUST_USE;

#endif
