/* The nation's directory read anew from the compacted topics: every partition from its beginning,
 * rows that are there staying until a record says otherwise, and at the end every province asked
 * for the digests of all its buckets, so many at a time (window.h). Replicas go on as ever: their
 * offsets are taken away, so each of them is fenced and begins anew.
 *
 *   PHI_GUARD(rebuild_tell(service, id, batch, taken, tx));   // each batch while one is under way
 */
#ifndef SVC_PLATFORM_REBUILD_H
#define SVC_PLATFORM_REBUILD_H

#include "bus/consumer.h"
#include "service/api.h"

/* How far the batch's partition is; the one that reads the last record of all asks for the
 * comparison. PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err rebuild_tell(struct phi_service *service, int64_t id, const struct phi_batch *batch,
                          int64_t written, struct phi_conn *tx) PHI_MUST_USE;

/* POST and GET /v1/directory/rebuilds, for an operator: begins one; how far the last one is. */
enum phi_err platform_rebuild_http(struct phi_api_call *call, struct phi_error *error);
enum phi_err platform_rebuild_state_http(struct phi_api_call *call, struct phi_error *error);

#endif
