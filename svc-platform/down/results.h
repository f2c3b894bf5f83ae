/* Down to the provinces (比对结果下发): what national institutions (border, customs, rail …) found about
 * a province's people is handed in as lines of a data source and leaves, sealed to that province's
 * encryption keys and signed, on its `intake.000000` of the platform bus; svc-declare there checks
 * the lines as any institution's. Nothing of them is kept here.
 *
 *   {.method = "POST", .path = "/v1/platforms/{region}/sources/{kind}", .role = "source",
 *    .identity = PHI_API_NOBODY, .flags = PHI_API_NDJSON, .handle = results_hand_down}
 */
#ifndef SVC_PLATFORM_RESULTS_H
#define SVC_PLATFORM_RESULTS_H

#include "service/api.h"

/* PHI_ERR_FORBIDDEN (not this app's source), PHI_ERR_NOT_FOUND (no such source or province, or one
 * without a key to seal to), PHI_ERR_STATE (a suspended province), PHI_ERR_BODY_TOO_LARGE,
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. Pure but for random numbers; a worker's thread. */
enum phi_err results_hand_down(struct phi_api_call *call, struct phi_error *error);

#endif
