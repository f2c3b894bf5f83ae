/* Whether what a region says counts: the trust list's word about its platform. */
#include "svc-platform/platform.h"

const char *platform_standing(const struct phi_trust_view *view, const char *region)
{
    const struct phi_trust_platform *platform = phi_trust_platform(view, region);
    if (platform == NULL)
        return "unknown";
    return platform->status == PHI_TRUST_ACTIVE ? NULL : "suspended";
}
