/* A batch of people who are due: marks first come first served, and entries whose `until` is past.
 *
 *   PHI_GUARD(due_batch(&grading, 500, &count));     // in the transaction of `grading`
 *
 * Marks go with the transaction that worked them off. Blocks for the database.
 */
#ifndef SVC_DIRECTORY_DUE_BATCH_H
#define SVC_DIRECTORY_DUE_BATCH_H

#include "svc-directory/grading/grading.h"

/* Up to `max` of each kind; `count` is how many people were graded. */
enum phi_err due_batch(const struct grading *grading, size_t max, size_t *count) PHI_MUST_USE;

#endif
