/* --where: conditions on what is shown, joined by "and".
 *
 *   PHI_GUARD(tap_where_parse("grade=red and content.temperature>=38", &where, error));
 *   if (tap_where_holds(where, view)) …
 *   tap_where_free(where);
 *
 * A condition is PATH OPERATOR VALUE, with = != < <= > >=. Both numbers: compared as numbers, else
 * as text (times of one form are in order). Of a list one item is enough. A member that is not
 * there holds for != only. Pure.
 */
#ifndef PHI_PHICTL_TAP_WHERE_H
#define PHI_PHICTL_TAP_WHERE_H

#include "base/err.h"

#include <jansson.h>

#define TAP_CONDITIONS_MAX 16
#define TAP_PATH_MAX       96

struct tap_where;

/* NULL text: holds always. PHI_ERR_FIELD_VALUE with place --where, PHI_ERR_MEMORY. */
enum phi_err tap_where_parse(const char *text, struct tap_where **out,
                             struct phi_error *error) PHI_MUST_USE;
void tap_where_free(struct tap_where *where); /* NULL is fine */
bool tap_where_holds(const struct tap_where *where, const json_t *view);

/* What stands at "content.region" of a view; NULL: nothing. */
const json_t *tap_member(const json_t *view, const char *path);
/* A value as one text: lists with semicolons between. Cut at `size`. */
void tap_text(const json_t *value, char *out, size_t size);

#endif
