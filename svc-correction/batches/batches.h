/* 批量更正: a bad batch, thousands of people's records that two officers retract in one act at
 * svc-declare (docs/sources.md), as one case of the matter `batch`. svc-declare tells each act,
 * signed (correction.batch); svc-directory tells of each record that its decision counts
 * (correction.applied): when it has of all of them, the case is applied and told. Its steps are
 * links of a chain on correction.step like those of any case; its id is the retraction's, and
 * stands in the place of the subject, since it is about nobody alone.
 *
 *   PHI_GUARD(batch_take(service, batch, tx, arena, error));            // of correction.batch
 *   PHI_GUARD(batch_applied(service, tx, news, count, arena, error));   // of one batch
 *   PHI_GUARD(batch_sweep(service, &count, error));                     // every second
 *
 * A citizen's open case about one of the records ends with the batch: the sweep looks for those at
 * once, and once more when every request of before has been answered.
 *
 * Each blocks for the database; the consumer's thread, or the clock's.
 */
#ifndef SVC_CORRECTION_BATCHES_H
#define SVC_CORRECTION_BATCHES_H

#include "bus/consumer.h"
#include "svc-correction/correction.h"

#define BATCH_STREAM "correction.batch"

/* What svc-directory says of a decision. */
struct news {
    const struct phi_msg *msg;
    uint8_t case_id[CASE_LEN];
    int64_t decision_version; /* of an applied one */
    struct case_fact fact;    /* record_no NULL: it doesn't say */
    bool waits;               /* the record has not come there yet */
};

/* Acts of officers; what is wrongly signed or malformed goes to the dlq. PHI_ERR_NEIGHBOUR while
 * the trust list is not here, PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err batch_take(struct phi_service *service, const struct phi_batch *batch,
                        struct phi_conn *tx, struct phi_arena *arena,
                        struct phi_error *error) PHI_MUST_USE;

/* `count` news of one batch; each record counts once, each person once. */
enum phi_err batch_applied(struct phi_service *service, struct phi_conn *tx,
                           const struct news *news, size_t count, struct phi_arena *arena,
                           struct phi_error *error) PHI_MUST_USE;

/* The batch is applied and told once its decision and all its records are. */
enum phi_err batch_finish(struct phi_service *service, struct phi_conn *tx,
                          const uint8_t batch_id[CASE_LEN], struct phi_arena *arena,
                          struct phi_error *error) PHI_MUST_USE;

/* Ends open cases about records that a batch has retracted; `count`: records that were looked at,
 * at most BATCH_SWEEP_MAX. */
#define BATCH_SWEEP_MAX 200
enum phi_err batch_sweep(struct phi_service *service, size_t *count,
                         struct phi_error *error) PHI_MUST_USE;

/* GET /v1/correction-batches/{id}, by an officer of its source and region. PHI_ERR_NOT_FOUND. */
enum phi_err batch_show(struct phi_api_call *call, struct phi_error *error);

#endif
