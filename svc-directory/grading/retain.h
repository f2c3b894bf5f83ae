/* Facts past their days of keeping: deleted with their stays, a batch at a time. An explanation
 * keeps its reasons, which name the rule; links of documents stay.
 *
 *   PHI_GUARD(retain_batch(&grading, 500, &count));     // in the transaction of `grading`
 *
 * What is older when it comes, on a replay, is not taken in again (facts/intake.c), so that a
 * number whose fact is gone can't be used anew.
 */
#ifndef SVC_DIRECTORY_RETAIN_H
#define SVC_DIRECTORY_RETAIN_H

#include "svc-directory/grading/grading.h"

/* Of the grading's partition; `count` is how many facts went. Blocks for the database. */
enum phi_err retain_batch(const struct grading *grading, size_t max, size_t *count) PHI_MUST_USE;

#endif
