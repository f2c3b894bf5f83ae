/* 本人信息副本: GET /v1/me/corrections, the person's copy of what is kept here about them: each case
 * whole, as GET /v1/corrections/{id} shows it, with texts, links, attachments and the looks of
 * officers, a page at a time, the newest first; and under which mandates they filed for others.
 * What svc-declare keeps its own copy tells (POST /v1/me/export).
 *
 *   {.path = "/v1/me/corrections", …, .queries = copy_queries, .handle = case_copy},
 *
 * On the request's thread; blocks on the database.
 */
#ifndef SVC_CORRECTION_COPY_H
#define SVC_CORRECTION_COPY_H

#include "svc-correction/correction.h"

extern const char *const copy_queries[]; /* NULL-ended */

/* PHI_ERR_QUERY, PHI_ERR_STORE, PHI_ERR_BUS (data keys are not read yet). */
enum phi_err case_copy(struct phi_api_call *call, struct phi_error *error);

#endif
