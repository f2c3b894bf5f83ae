/* 查阅记录: an officer's look at a case, in a list or by itself, is recorded before the answer leaves,
 * and the citizen sees it: which unit, when (by the hour), what for. No names.
 *
 *   PHI_GUARD(looks_add(call, conn, rows, 0, LOOK_CASE, error));   // nothing for a citizen's call
 *   PHI_GUARD(looks_show(call, conn, case_id, json, error));        // "looks", nothing for staff
 *
 * A worker's thread; both block for the database.
 */
#ifndef SVC_CORRECTION_LOOKS_H
#define SVC_CORRECTION_LOOKS_H

#include "svc-correction/correction.h"

#define LOOK_LIST "list"
#define LOOK_CASE "case"
#define LOOKS_MAX 100 /* shown, the newest */

/* Of each case of the rows, whose id is in that column. PHI_ERR_STORE, PHI_ERR_MEMORY,
 * PHI_ERR_CRYPTO. */
enum phi_err looks_add(struct phi_api_call *call, struct phi_conn *conn,
                       const struct phi_rows *rows, size_t column, const char *purpose,
                       struct phi_error *error) PHI_MUST_USE;
/* PHI_ERR_STORE, PHI_ERR_MEMORY. */
enum phi_err looks_show(struct phi_api_call *call, struct phi_conn *conn, const uint8_t *case_id,
                        json_t *to, struct phi_error *error) PHI_MUST_USE;

#endif
