/* Documents that are one person's: facts of declare.documents, one for each of the two. All linked
 * people get the grade of the union, and what comes about one makes the others due.
 *
 *   PHI_GUARD(linked_read(&fact.content_json, &link, error));
 *   PHI_GUARD(linked_insert(&in));       // what is new of the batch
 *   PHI_GUARD(linked_mark(&in));         // once the touched are collected
 *
 * Inside the batch's transaction; blocks for the database.
 */
#ifndef SVC_DIRECTORY_LINKED_H
#define SVC_DIRECTORY_LINKED_H

#include "svc-directory/facts/intake.h"

#define LINKED_STREAM "declare.documents"

/* PHI_ERR_FIELD_*. Pure. */
enum phi_err linked_read(const struct phi_json_at *content, struct intake_link *out,
                         struct phi_error *error) PHI_MUST_USE;
enum phi_err linked_insert(struct intake *in) PHI_MUST_USE;
enum phi_err linked_mark(struct intake *in) PHI_MUST_USE;

#endif
