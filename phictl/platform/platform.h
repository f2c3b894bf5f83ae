/* What the commands about joining platforms share.
 *
 *   PHI_GUARD(platform_requests(args, &requests, &error));   // --request USE=FILE[@SET]
 */
#ifndef PHI_PHICTL_PLATFORM_PLATFORM_H
#define PHI_PHICTL_PLATFORM_PLATFORM_H

#include "phictl/rules/ask.h"

#define PLATFORM_URL                                                                               \
    {                                                                                              \
        .name = "url", .value = "URL", .variable = "PHI_PLATFORM_URL",                             \
        .fallback = "http://127.0.0.1:8110", .text = "svc-platform"                                \
    }
#define PLATFORM_REGION                                                                            \
    {                                                                                              \
        .name = "region", .value = "CODE", .is_required = true,                                    \
        .text = "the platform's id, six digits"                                                    \
    }
#define PLATFORM_REQUEST                                                                           \
    {                                                                                              \
        .name = "request", .value = "USE=FILE", .is_required = true, .repeats = true,              \
        .text = "a certificate request by use (phictl cert request): code=FILE@SET, receipt, "     \
                "revocation, directory, correction, answer, encryption"                            \
    }

/* The array certificateRequests; the caller frees. PHI_ERR_FIELD_VALUE, PHI_ERR_IO. */
enum phi_err platform_requests(const struct ctl_args *args, json_t **out,
                               struct phi_error *error) PHI_MUST_USE;
/* Sends, prints the answer's data as JSON; takes the reference of `fields`. The exit status. */
int platform_send(const struct ctl_args *args, const char *method, const char *path,
                  json_t *fields);

#endif
