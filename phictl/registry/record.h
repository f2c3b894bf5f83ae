/* Records of the registry as JSON, built from options. */
#ifndef PHI_PHICTL_REGISTRY_RECORD_H
#define PHI_PHICTL_REGISTRY_RECORD_H

#include "base/bytes.h"
#include "phictl/options.h"

#include <jansson.h>

struct ctl_truth;

/* "mint,query" as a JSON array; NULL or "" gives an empty one. */
json_t *ctl_words(const char *comma_separated);
/* Each takes a new reference to `record` over. Puts it under "<kind>:<name>", or prints why not. */
int ctl_put_record(const struct ctl_args *args, const char *name, json_t *record);
/* Puts records that stand one a line, and prints them; stops at the first that can't be put. */
enum phi_err ctl_import_records(struct ctl_truth *truth, struct phi_view lines, size_t *count,
                                struct phi_error *error) PHI_MUST_USE;
/* Prints every record of a kind, one JSON object a line. */
int ctl_list_records(const struct ctl_args *args, const char *prefix);

#endif
