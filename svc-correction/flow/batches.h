/* Bad batches: one act of two officers at svc-declare retracts thousands of people's records, each
 * a decision of its own on correction.decided. Here it is counted for whom svc-directory has
 * applied it: what correction.applied says of an id that is no case's.
 *
 *   PHI_GUARD(batch_add(tx, id, msg->key, now_us, error));      // in the consumer's transaction
 *
 * A person counts once. Blocks for the database.
 */
#ifndef SVC_CORRECTION_BATCHES_H
#define SVC_CORRECTION_BATCHES_H

#include "svc-correction/correction.h"

/* Nothing for the id of a case. PHI_ERR_STORE. */
enum phi_err batch_add(struct phi_conn *tx, const uint8_t batch_id[CASE_LEN],
                       struct phi_view subject, int64_t at_us,
                       struct phi_error *error) PHI_MUST_USE;

/* GET /v1/correction-batches/{id}, by an officer of the region. PHI_ERR_NOT_FOUND: nobody yet. */
enum phi_err batch_show(struct phi_api_call *call, struct phi_error *error);

#endif
