/* 查阅记录: an officer's look at a case, in a list or by itself, goes down with the call's commit,
 * before the answer leaves, and the citizen sees it: which unit, when (by the hour), what for. No
 * names.
 *
 *   PHI_GUARD(looks_add(call, rows, 0, LOOK_CASE));                 // nothing for a citizen's call
 *   PHI_GUARD(looks_show(call, conn, case_id, json, error));        // "looks", nothing for staff
 *
 * A worker's thread; looks_show blocks for the database.
 */
#ifndef SVC_CORRECTION_LOOKS_H
#define SVC_CORRECTION_LOOKS_H

#include "svc-correction/correction.h"

#define LOOK_LIST "list"
#define LOOK_CASE "case"
#define LOOKS_MAX 100 /* shown, the newest */

#define LOOK_COLUMNS 5 /* of the lane's table */

/* Of each case of the rows, whose id is in that column. PHI_ERR_MEMORY, PHI_ERR_CRYPTO,
 * PHI_ERR_DATA_BROKEN. */
enum phi_err looks_add(struct phi_api_call *call, const struct phi_rows *rows, size_t column,
                       const char *purpose) PHI_MUST_USE;
/* PHI_ERR_STORE, PHI_ERR_MEMORY. */
enum phi_err looks_show(struct phi_api_call *call, struct phi_conn *conn, const uint8_t *case_id,
                        json_t *to, struct phi_error *error) PHI_MUST_USE;

#endif
