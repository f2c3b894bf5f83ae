/* One question to svc-directory's routes of rule sets, and its answer's data.
 *
 *   PHI_GUARD(ctl_rules_ask(args, "POST", "/v1/rules/rollback", json_object(), &data, &error));
 *   json_decref(data);
 */
#ifndef PHI_PHICTL_RULES_ASK_H
#define PHI_PHICTL_RULES_ASK_H

#include "phictl/curl.h"

#include <jansson.h>

#define CTL_RULES_PUBLIC "/v1/rules"
#define CTL_RULES_URL                                                                              \
    {                                                                                              \
        .name = "url", .value = "URL", .variable = "PHI_DIRECTORY_URL",                            \
        .fallback = "http://127.0.0.1:8104", .text = "svc-directory"                               \
    }
#define CTL_RULES_JSON                                                                             \
    {                                                                                              \
        .name = "json", .text = "the answer as JSON"                                               \
    }

/* Sends a request with the options of CTL_REQUEST_OPTIONS and CTL_RULES_URL; takes the reference of
 * `fields`, to which it adds the envelope's; NULL: no body. The caller json_decref()s `data`. A
 * refusal is the service's error, with the place and reason that it gave; else the errors of
 * ctl_request_send. Blocks up to --timeout. */
enum phi_err ctl_rules_ask(const struct ctl_args *args, const char *method, const char *path,
                           json_t *fields, json_t **data, struct phi_error *error) PHI_MUST_USE;

/* report.c: the trial as a table on stdout; six: regions by six digits instead of four. */
void ctl_rules_print_trial(const json_t *trial, bool six);

#endif
