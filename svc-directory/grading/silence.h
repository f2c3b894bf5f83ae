/* Needed sources that are silent: past their rhythm, by the clock (reference.sources). While one
 * is, what would be green is grey. The configuration says which sources the province needs.
 *
 *   PHI_GUARD(silence_look(directory, now_us));              // the thread of the due, each second
 *   PHI_GUARD(silence_names(&directory->silence, arena, &names, &count));   // while grading
 *   PHI_GUARD(silence_sweep(&grading, 500, &count));         // in the transaction of `grading`
 *
 * When the set changes, a partition's people are graded anew in the order of their subjects, a
 * batch at a time; the table `silences` knows how far that has come.
 */
#ifndef SVC_DIRECTORY_SILENCE_H
#define SVC_DIRECTORY_SILENCE_H

#include "svc-directory/grading/grading.h"

/* Looks who is silent at `now_us`. PHI_ERR_STORE … leave the last answer in force. */
enum phi_err silence_look(struct directory *directory, int64_t now_us) PHI_MUST_USE;
/* The names in order, the arena's. Any thread. PHI_ERR_MEMORY. */
enum phi_err silence_names(struct silence *silence, struct phi_arena *arena,
                           const char *const **names, size_t *count) PHI_MUST_USE;
/* Grades the next people of a partition that was last graded for another set; `count` is how many,
 * 0 when it is done. */
enum phi_err silence_sweep(const struct grading *grading, size_t max, size_t *count) PHI_MUST_USE;
bool silence_is_any(struct silence *silence); /* any thread */

#endif
