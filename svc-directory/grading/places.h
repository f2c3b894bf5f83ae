/* Published risks of places reach the people who were there: each partition's owner compares the
 * table of places with how far it has come, makes the people whose stays overlap due, and notes
 * that it has. By version, not by offset: a compacted topic has gaps, and may be made anew.
 *
 *   PHI_GUARD(places_apply(&grading, 100, &count));     // in the transaction of `grading`
 *
 * Takes the partition's lock, so that a stay is either seen here or graded with the new place.
 */
#ifndef SVC_DIRECTORY_PLACES_H
#define SVC_DIRECTORY_PLACES_H

#include "svc-directory/grading/grading.h"

/* At most `max` entries of the list; `count` is how many there were. */
enum phi_err places_apply(const struct grading *grading, size_t max, size_t *count) PHI_MUST_USE;

#endif
