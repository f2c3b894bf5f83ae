/* What the scopes `medical` and `self` show beside the grade (GB/T 38963 6.4): a person's
 * declarations, tests and reports of the last days, the newest vaccination, what is published about
 * the areas they were in, in coded members only.
 *
 *   PHI_GUARD(details_read(directory, conn, subject, now_us, &details, error));
 *
 * Blocks for the database; a worker's thread.
 */
#ifndef SVC_DIRECTORY_DETAILS_H
#define SVC_DIRECTORY_DETAILS_H

#include "svc-directory/directory.h"

#define DETAILS_MAX 60 /* facts shown, the newest */

/* {since, declarations: [], tests: [], reports: [], vaccination: {} or null,
 * areaRisk: {risk, until} or null, truncated}; the
 * caller's reference. PHI_ERR_STORE, PHI_ERR_DATA_BROKEN, PHI_ERR_MEMORY. */
enum phi_err details_read(struct directory *directory, struct phi_conn *conn,
                          const uint8_t *subject, int64_t now_us, json_t **out,
                          struct phi_error *error) PHI_MUST_USE;

#endif
