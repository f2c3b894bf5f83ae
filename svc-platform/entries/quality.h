/* The data quality report of a province: what came, what was refused and why, how far behind we
 * are. A batch is tallied while it is read and laid down in its own transaction.
 *
 *   struct quality quality;
 *   quality_begin(&quality, batch);
 *   quality_refuse(&quality, msg, PHI_ERR_JSON, "$.grade");
 *   PHI_GUARD(quality_store(&quality, now_us, tx));
 */
#ifndef SVC_PLATFORM_QUALITY_H
#define SVC_PLATFORM_QUALITY_H

#include "bus/consumer.h"
#include "service/api.h"

#define QUALITY_REASONS 32
#define QUALITY_EXAMPLE 200

struct quality_reason {
    enum phi_err reason;
    int64_t count;
    char example[QUALITY_EXAMPLE]; /* where: partition, offset, place; never what it held */
};

struct quality {
    const struct phi_batch *batch;
    char region[7];
    int64_t taken;
    int64_t older;
    size_t reason_count;
    struct quality_reason reasons[QUALITY_REASONS];
};

void quality_begin(struct quality *quality, const struct phi_batch *batch);
/* `place` is the parser's; where a stranger chose its words it is left out. */
void quality_refuse(struct quality *quality, const struct phi_msg *msg, enum phi_err reason,
                    const char *place);
/* PHI_ERR_STORE, PHI_ERR_MEMORY. The consumer's thread. */
enum phi_err quality_store(const struct quality *quality, int64_t now_us,
                           struct phi_conn *tx) PHI_MUST_USE;
/* After the batch's COMMIT: the metrics of its region's lag. */
void quality_committed(const struct phi_batch *batch, int64_t now_us);

/* The region of the route, when the caller is that platform's or an operator's; else
 * PHI_ERR_FORBIDDEN. PHI_ERR_NOT_FOUND: no platform of the trust list. */
enum phi_err quality_region(struct phi_api_call *call, const char **out,
                            struct phi_error *error) PHI_MUST_USE;
/* GET /v1/platforms/{region}/quality and …/healing: the province's own, or an operator's. */
enum phi_err platform_quality_http(struct phi_api_call *call, struct phi_error *error);
enum phi_err platform_healing_http(struct phi_api_call *call, struct phi_error *error);

#endif
