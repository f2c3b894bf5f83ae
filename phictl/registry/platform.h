/* The list of platforms, as the commands that change it write it. */
#ifndef PHI_PHICTL_REGISTRY_PLATFORM_H
#define PHI_PHICTL_REGISTRY_PLATFORM_H

#include "phictl/options.h"

#include <jansson.h>

/* Checks it as svc-platform will, then puts it in the old one's place as a whole. PHI_ERR_FIELD_*,
 * PHI_ERR_IO, PHI_ERR_MEMORY. */
enum phi_err ctl_platform_write_list(const char *path, const json_t *list,
                                     struct phi_error *error) PHI_MUST_USE;

/* The options --endpoint SERVICE=ADDRESS,CURVE as a trust list has them; the caller frees. NULL
 * after a complaint. */
json_t *ctl_platform_endpoints(const struct ctl_args *args, struct phi_error *error);

#endif
