/* The parts of a code, good or not, each with its place and meaning, as far as the lengths go.
 *
 *   struct ctl_parts parts;
 *   ctl_parts_of(bytes, &parts);
 *   ctl_parts_print(&parts);
 */
#ifndef PHI_PHICTL_CODE_PARTS_H
#define PHI_PHICTL_CODE_PARTS_H

#include "base/bytes.h"

#include <jansson.h>

#define CTL_PARTS_MAX 16

struct ctl_part {
    const char *name; /* "A.serial"; static */
    size_t offset;
    struct phi_view bytes; /* borrowed from the code; may be cut off */
    char meaning[96];
};

struct ctl_parts {
    struct ctl_part parts[CTL_PARTS_MAX];
    size_t count;
};

/* Every byte of the code stands in one part. Pure; nothing is checked but what can't be read. */
void ctl_parts_of(struct phi_view code, struct ctl_parts *out);
/* One line a part: offset, length, name, hex, meaning; long parts are cut with "…". */
void ctl_parts_print(const struct ctl_parts *parts);
json_t *ctl_parts_json(const struct ctl_parts *parts); /* a new reference; NULL: no memory */

#endif
