/* The relay between provinces (operation 6 on 5110): an envelope from one, to a replica of the
 * other's service that the trust list names, and the answer back. It sees who is asked, and nothing
 * inside.
 *
 *   PHI_GUARD(relay_open(platform, &error));      // in open; the door is there already
 *   relay_close(platform);                        // the door is closed
 */
#ifndef SVC_PLATFORM_RELAY_H
#define SVC_PLATFORM_RELAY_H

#include "svc-platform/platform.h"

#define RELAY_ROW                                                                                  \
    {                                                                                              \
        .name = "PHI_RELAY_MAX", .type = PHI_CONFIG_INT, .fallback = "1024", .min = 1,             \
        .max = 65536, .unit = "calls",                                                             \
        .text = "relayed calls under way; past it they are refused as too much at once"            \
    }

/* PHI_ERR_KEY, PHI_ERR_MEMORY. */
enum phi_err relay_open(struct platform *platform, struct phi_error *error) PHI_MUST_USE;
void relay_close(struct platform *platform);

#endif
