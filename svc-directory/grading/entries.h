/* Entries and their history as rows: read for a batch of people, written where they changed.
 *
 *   PHI_GUARD(entries_read(&grading, subjects, &rows, error));   // one row a subject, in order
 *   struct decide_state old = entries_state(rows, i);
 *   PHI_GUARD(entries_changes_init(&changes));
 *   PHI_GUARD(entries_change(&changes, subject, &old, &decision));
 *   PHI_GUARD(entries_write(&grading, &changes, error));
 *   entries_changes_fini(&changes);                                // also after a failed init
 *
 * Inside the transaction of `grading`, with its partition's lock. Blocks for the database.
 */
#ifndef SVC_DIRECTORY_ENTRIES_H
#define SVC_DIRECTORY_ENTRIES_H

#include "store/columns.h"
#include "svc-directory/grading/decide.h"
#include "svc-directory/grading/grading.h"

struct entries_changes {
    struct phi_columns entries;
    struct phi_columns periods;
};

/* Waits for the partition's lock, which the transaction keeps. PHI_ERR_STORE. */
enum phi_err entries_lock(struct phi_conn *tx, int32_t partition,
                          struct phi_error *error) PHI_MUST_USE;

enum phi_err entries_read(const struct grading *grading, const struct phi_array *subjects,
                          struct phi_rows **rows, struct phi_error *error) PHI_MUST_USE;
struct phi_view entries_subject(const struct phi_rows *rows, size_t row);
/* Borrowed from the rows; version 0 where there is no entry. */
struct decide_state entries_state(const struct phi_rows *rows, size_t row);

enum phi_err entries_changes_init(struct entries_changes *changes) PHI_MUST_USE;
void entries_changes_fini(struct entries_changes *changes);
enum phi_err entries_change(struct entries_changes *changes, struct phi_view subject,
                            const struct decide_state *old,
                            const struct entry_decision *decision) PHI_MUST_USE;
enum phi_err entries_write(const struct grading *grading, const struct entries_changes *changes,
                           struct phi_error *error) PHI_MUST_USE;

#endif
