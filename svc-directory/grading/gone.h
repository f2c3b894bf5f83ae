/* Entries that are to be withdrawn: of people about whom no record stands here any more. Their
 * records were another person's (the highest revision of each is about somebody else), or are past
 * what is kept. A record that a decision retracted still stands: it is theirs, and its case.
 *
 *   PHI_GUARD(gone_read(grading, entries, facts, &rows));
 *   judgement.is_withdrawn = gone_has(rows, subject);
 *   phi_rows_free(rows);
 *
 * Inside the transaction of `grading`; a statement only where somebody had no fact to be graded by.
 */
#ifndef SVC_DIRECTORY_GONE_H
#define SVC_DIRECTORY_GONE_H

#include "svc-directory/grading/grading.h"

/* Of the rows of entries_read those that had an entry and none of the rows of grading_facts, and
 * nothing else either; NULL when there are none. PHI_ERR_STORE, PHI_ERR_MEMORY. */
enum phi_err gone_read(const struct grading *grading, const struct phi_rows *entries,
                       const struct phi_rows *facts, struct phi_rows **out) PHI_MUST_USE;
bool gone_has(const struct phi_rows *gone, struct phi_view subject); /* NULL: no */

#endif
