/* Value sets (代码集): the lists in docs/value-sets, which are also what the programs check against.
 * Each file is one set, a code on each line with its meaning; the build takes the files in whole.
 *
 *   const struct phi_value_set *set = phi_value_set_find("gbt2260");
 *   if (!phi_value_set_has(set, phi_view_text("320102"))) …
 *   struct phi_view code;
 *   for (size_t at = 0; phi_value_set_next(set, &at, &code);) …
 *
 * Pure; any thread; nothing blocks or allocates.
 */
#ifndef PHI_CODES_VALUE_SET_H
#define PHI_CODES_VALUE_SET_H

#include "base/bytes.h"

struct phi_value_set;

const struct phi_value_set *phi_value_set_find(const char *name); /* NULL: no such set */
const struct phi_value_set *phi_value_set_at(size_t i);           /* by name; NULL past the end */

const char *phi_value_set_name(const struct phi_value_set *set);
/* The first line of the file: what the set is of. */
struct phi_view phi_value_set_title(const struct phi_value_set *set);

bool phi_value_set_has(const struct phi_value_set *set, struct phi_view code);

/* The next code in order of bytes; `at` begins at 0 and is the set's own. */
bool phi_value_set_next(const struct phi_value_set *set, size_t *at, struct phi_view *code);

#endif
