/* Tables of documents with one member changed, for the forms of svc-declare.
 *
 *   static const struct form_case cases[] = {{"no region", "basic.region", NULL,
 *                                             PHI_ERR_FIELD_MISSING, "$.basic.region"}};
 *   json_t *document = changed(good, &cases[0]);
 *   check_result(&cases[0], form_health_read(…, &error), &error);
 */
#ifndef TESTS_UNIT_FORM_CASE_H
#define TESTS_UNIT_FORM_CASE_H

#include "case.h"
#include "json/canonical.h"
#include "forms/form.h"

#include <stdlib.h>
#include <string.h>

#define NOW_US 1772337600000000LL /* 2026-03-01T12:00:00+08:00 */

/* A right document with one member changed: `path` in dots, `value` as JSON, NULL removes it. */
struct form_case {
    const char *name;
    const char *path;
    const char *value;
    enum phi_err err;
    const char *place;
};

static inline json_t *step(json_t *at, const char *name)
{
    return json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10))
                             : json_object_get(at, name);
}

static inline void change(json_t *root, const char *path, const char *value)
{
    char copy[128], *rest = NULL;
    json_t *at = root;
    snprintf(copy, sizeof(copy), "%s", path);
    char *name = strtok_r(copy, ".", &rest);
    for (char *next = strtok_r(NULL, ".", &rest); next != NULL; next = strtok_r(NULL, ".", &rest)) {
        at = step(at, name);
        name = next;
    }
    assert_non_null(at);
    if (value == NULL)
        json_object_del(at, name);
    else
        json_object_set_new(at, name, json_loads(value, JSON_DECODE_ANY, NULL));
}

static inline json_t *changed(const char *document, const struct form_case *c)
{
    json_t *root = json_loads(document, 0, NULL);
    assert_non_null(root);
    if (c->path != NULL)
        change(root, c->path, c->value);
    return root;
}

static inline void check_result(const struct form_case *c, enum phi_err err,
                                const struct phi_error *error)
{
    if (err != c->err)
        fail_msg("case \"%s\": %s at %s: %s", c->name, phi_err_name(err), error->place,
                 error->text);
    if (err != PHI_OK && strcmp(error->place, c->place) != 0)
        fail_msg("case \"%s\": at %s", c->name, error->place);
}

static inline void check_text(struct phi_arena *arena, const json_t *json, const char *text)
{
    struct phi_view bytes;
    assert_int_equal(phi_json_canonical(json, arena, &bytes), PHI_OK);
    assert_string_equal((const char *)bytes.data, text);
}

#endif
