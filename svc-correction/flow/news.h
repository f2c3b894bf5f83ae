/* What svc-directory says about cases: a decision has been applied (correction.applied), a new
 * record tells of an event whose record a case retracted (correction.reopened). Signed by the
 * province's directory key.
 *
 *   PHI_GUARD(news_take(service, batch, tx, arena, &error));   // in the consumer's transaction
 *
 * The consumer's thread; blocks for the database.
 */
#ifndef SVC_CORRECTION_NEWS_H
#define SVC_CORRECTION_NEWS_H

#include "bus/consumer.h"
#include "svc-correction/correction.h"

#define NEWS_APPLIED  "correction.applied"
#define NEWS_REOPENED "correction.reopened"

/* What is wrongly signed or malformed goes to the dlq; a case that is not ours, or that has moved
 * on, is left. PHI_ERR_NEIGHBOUR while the trust list is not here: the batch comes again. */
enum phi_err news_take(struct phi_service *service, const struct phi_batch *batch,
                       struct phi_conn *tx, struct phi_arena *arena,
                       struct phi_error *error) PHI_MUST_USE;

#endif
