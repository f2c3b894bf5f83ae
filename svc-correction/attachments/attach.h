/* 附件: POST /v1/corrections/{id}/attachments?type=pdf|png|jpeg with the file as the body, by the
 * citizen or who acts for them, while the case runs; GET …/attachments/{number}, by them and by the
 * officers who have the case. A picture is drawn anew by phi-reencode and kept as JPEG; a PDF is
 * kept as it is, and nothing here ever opens it. Handed out to be saved, never shown.
 *
 *   json_object_set_new(one, "attachments", attach_list(rows));   // of ATTACH_LIST
 *
 * On the request's thread; blocks on the database and on phi-reencode, within the call's deadline.
 */
#ifndef SVC_CORRECTION_ATTACH_H
#define SVC_CORRECTION_ATTACH_H

#include "svc-correction/flow/case.h"

#include <jansson.h>

#define ATTACH_MAX       8                  /* of a case */
#define ATTACH_MAX_BYTES (16 * 1024 * 1024) /* of a case, together */
#define ATTACH_COLUMNS   7

#define ATTACH_LIST                                                                                \
    "SELECT number, type, size_bytes, digest, at_us FROM attachments WHERE case_id = $1 ORDER BY " \
    "number"

/* PHI_ERR_RULE: not what it says, no picture within bounds, or more than a case may have;
 * PHI_ERR_STATE: the case is over; PHI_ERR_NEIGHBOUR: nothing here draws pictures anew. */
enum phi_err attach_take(struct phi_api_call *call, struct phi_error *error);
enum phi_err attach_give(struct phi_api_call *call, struct phi_error *error);

json_t *attach_list(const struct phi_rows *rows);

#endif
