/* The nation's statistics: people by region and grade, in fixed cells, counted once a turn and the
 * same for everybody who asks; no filters.
 *
 *   PHI_GUARD(statistics_start(platform, &error));
 *   statistics_stop(platform);
 */
#ifndef SVC_PLATFORM_STATISTICS_H
#define SVC_PLATFORM_STATISTICS_H

#include "svc-platform/platform.h"

#define STATISTICS_ROW                                                                             \
    {                                                                                              \
        .name = "PHI_STATISTICS_S", .type = PHI_CONFIG_INT, .fallback = "3600", .min = 5,          \
        .max = 604800, .unit = "s", .text = "how often the nation's statistics are counted anew"   \
    }

/* The counting thread. PHI_ERR_MEMORY. */
enum phi_err statistics_start(struct platform *platform) PHI_MUST_USE;
void statistics_stop(struct platform *platform);

/* GET /v1/statistics. */
enum phi_err platform_statistics_http(struct phi_api_call *call, struct phi_error *error);

#endif
