/* The publisher's thread: sends what the owner of a partition owes the nation.
 *
 *   PHI_GUARD(publisher_open(directory, error));
 *   PHI_GUARD(publisher_start(directory->publisher));
 *   publisher_wake(directory->publisher);      // entries changed, or partitions came
 *   publisher_close(directory->publisher);
 *
 * Also says in readyz whether facts are taken and the platform bus is up.
 */
#ifndef SVC_DIRECTORY_PUBLISH_H
#define SVC_DIRECTORY_PUBLISH_H

#include "svc-directory/directory.h"

enum phi_err publisher_open(struct directory *directory, struct phi_error *error) PHI_MUST_USE;
enum phi_err publisher_start(struct publisher *publisher) PHI_MUST_USE;
void publisher_wake(struct publisher *publisher);  /* any thread */
void publisher_close(struct publisher *publisher); /* after a last round; NULL is fine */

#endif
