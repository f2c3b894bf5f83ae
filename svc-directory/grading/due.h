/* The thread that grades people anew when nothing of their own came: entries whose `until` is past,
 * and marks in the table `due` (a record that moved to somebody else, a linked document, a place, a
 * source that fell silent). By index, in batches, for the partitions that this replica owns.
 *
 *   PHI_GUARD(due_start(directory, error));
 *   due_close(directory->due);
 *
 * Readers apply `then` themselves, so a late run is a late message, never a wrong grade.
 */
#ifndef SVC_DIRECTORY_DUE_H
#define SVC_DIRECTORY_DUE_H

#include "svc-directory/directory.h"

/* Starts the thread. PHI_ERR_MEMORY. */
enum phi_err due_start(struct directory *directory, struct phi_error *error) PHI_MUST_USE;
void due_close(struct due *due); /* after the running batch; NULL is fine */

#endif
