/* The signed trust list from a file, for the commands that judge by it.
 *
 *   static const struct ctl_option options[] = {CTL_TRUST_OPTIONS(true), …};
 *   PHI_GUARD(ctl_trust_list_read(args, arena, &list, &error));
 */
#ifndef PHI_PHICTL_REGISTRY_TRUST_LIST_H
#define PHI_PHICTL_REGISTRY_TRUST_LIST_H

#include "auth/record.h"
#include "auth/trust.h"
#include "phictl/options.h"

#include <jansson.h>

#define CTL_TRUST_OPTIONS(required)                                                                \
    {.name = "trust-list",                                                                         \
     .value = "FILE",                                                                              \
     .is_required = (required),                                                                    \
     .text = "the signed list: the answer of GET /v1/trust-list, or its data"},                    \
    {                                                                                              \
        .name = "trust-key", .value = "PEM|HEX", .variable = "PHI_TRUST_PUBLIC_FILE",              \
        .is_required = (required), .text = "the public key that the list must be signed by"        \
    }

/* The list of --trust-list, once its signature by --trust-key was checked; in the arena. Errors
 * name the option: PHI_ERR_FIELD_MISSING (no --trust-key), PHI_ERR_IO, PHI_ERR_JSON,
 * PHI_ERR_FIELD_*, PHI_ERR_KEY (of another signer), PHI_ERR_SIGNATURE, PHI_ERR_MEMORY. */
enum phi_err ctl_trust_list_read(const struct ctl_args *args, struct phi_arena *arena,
                                 struct phi_trust_list *out, struct phi_error *error) PHI_MUST_USE;

/* The same of a parsed answer; `record` borrows from `file`. */
enum phi_err ctl_trust_list_take(const struct ctl_args *args, const json_t *file,
                                 struct phi_arena *arena, struct phi_record *record,
                                 struct phi_trust_list *out, struct phi_error *error) PHI_MUST_USE;

#endif
