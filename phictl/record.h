/* Records of the registry as JSON, built from options. */
#ifndef PHI_PHICTL_RECORD_H
#define PHI_PHICTL_RECORD_H

#include "phictl/options.h"

#include <jansson.h>

/* "mint,query" as a JSON array; NULL or "" gives an empty one. */
json_t *ctl_words(const char *comma_separated);
/* Each takes a new reference to `record` over. Puts it under "<kind>:<name>", or prints why not. */
int ctl_put_record(const struct ctl_args *args, const char *name, json_t *record);
/* Prints every record of a kind, one JSON object a line. */
int ctl_list_records(const struct ctl_args *args, const char *prefix);

#endif
