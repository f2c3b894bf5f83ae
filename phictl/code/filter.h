/* The signed revocation filter from a file, for phictl code verify.
 *
 *   PHI_GUARD(ctl_filter_read(args, &list, now_us, arena, &filter, &error));
 *   PHI_GUARD(ctl_filter_judge(&filter, &code, is_own));        // PHI_ERR_CODE_REVOKED
 */
#ifndef PHI_PHICTL_CODE_FILTER_H
#define PHI_PHICTL_CODE_FILTER_H

#include "auth/trust.h"
#include "codes/filter.h"
#include "codes/jkm1.h"
#include "phictl/options.h"

#define CTL_FILTER_OPTION                                                                          \
    {                                                                                              \
        .name = "filter", .value = "FILE",                                                         \
        .text = "the revocation filter too: the bytes of GET /v1/codes/revocations"                \
    }

/* The filter of --filter, once it was seen to be signed by a `revocation` key in force of its
 * platform and not to be past its notAfter; in the arena. Errors name the option: PHI_ERR_IO,
 * PHI_ERR_FRAME, PHI_ERR_KEY, PHI_ERR_SIGNATURE, PHI_ERR_STATE (too old), PHI_ERR_MEMORY. */
enum phi_err ctl_filter_read(const struct ctl_args *args, const struct phi_trust_list *list,
                             int64_t now_us, struct phi_arena *arena, struct phi_filter *out,
                             struct phi_error *error) PHI_MUST_USE;

/* PHI_OK, PHI_ERR_CODE_REVOKED, PHI_ERR_CRYPTO. Pure. */
enum phi_err ctl_filter_judge(const struct phi_filter *filter, const struct phi_jkm1 *code,
                              bool is_own) PHI_MUST_USE;

#endif
