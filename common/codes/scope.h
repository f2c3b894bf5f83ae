/* Scopes of a consent, a receipt and an answer: what may be shown. One table.
 *
 *   enum phi_scope granted = phi_scope_least(phi_scope_least(code, caller), asked);
 *
 * Pure; any thread.
 */
#ifndef PHI_CODES_SCOPE_H
#define PHI_CODES_SCOPE_H

#include "base/bytes.h"

/* ROW(symbol, number in bytes and flags, name): each shows more than the row before. `self` is for
 * the holder's own eyes and never stands in a code. */
#define PHI_SCOPE_TABLE(ROW)                                                                       \
    ROW(PASS, 0, "pass")                                                                           \
    ROW(MEDICAL, 1, "medical")                                                                     \
    ROW(SELF, 2, "self")

enum phi_scope {
#define PHI_ROW(symbol, number, name) PHI_SCOPE_##symbol = (number),
    PHI_SCOPE_TABLE(PHI_ROW)
#undef PHI_ROW
};

#define PHI_SCOPE_MAX PHI_SCOPE_SELF

const char *phi_scope_name(enum phi_scope scope); /* "pass"; static */
/* Errors: PHI_ERR_FIELD_VALUE. */
enum phi_err phi_scope_parse(struct phi_view name, enum phi_scope *out) PHI_MUST_USE;
enum phi_scope phi_scope_least(enum phi_scope a, enum phi_scope b);

#endif
