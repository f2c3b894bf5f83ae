/* The officer behind a staff route, and what they did, on audit. A second pair of eyes is another
 * account of another unit.
 *
 *   PHI_GUARD(officer_of(call, "rules", &officer, error));
 *   PHI_GUARD(officer_second(&first, unit, &officer, error));
 *   PHI_GUARD(officer_tell(call, "rules", json, &officer));
 *
 */
#ifndef SVC_DIRECTORY_OFFICER_H
#define SVC_DIRECTORY_OFFICER_H

#include "crypto/sm3.h"
#include "svc-directory/directory.h"

struct officer {
    uint8_t digest[PHI_SM3_LEN]; /* of issuer and account */
    const char *unit;            /* the registry's */
};

/* Who has `role` for this region in the registry of callers. PHI_ERR_FORBIDDEN, PHI_ERR_CRYPTO. */
enum phi_err officer_of(struct phi_api_call *call, const char *role, struct officer *out,
                        struct phi_error *error) PHI_MUST_USE;

/* PHI_ERR_FORBIDDEN unless `second` is neither the first account nor of the first one's unit. */
enum phi_err officer_second(struct phi_view first, const char *unit, const struct officer *second,
                            struct phi_error *error) PHI_MUST_USE;

/* cn.phi.audit.<matter>, signed by the directory's key, in the request's commit; `json` (its
 * reference is taken) gets officer, unit and time. All of a matter under one key, so that it stays
 * in order. */
enum phi_err officer_tell(struct phi_api_call *call, const char *matter, json_t *json,
                          const struct officer *officer) PHI_MUST_USE;

#endif
