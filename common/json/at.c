#include "json/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_CHARS     40
#define NAME_DIGITS_IN_ROW 6

/* A path may show a stranger's field name only when it looks like a name: what a citizen's data
 * could look like (digits in a row, spaces, other scripts) is not repeated. */
static bool is_name(const char *field)
{
    size_t len = strnlen(field, NAME_MAX_CHARS + 1);
    size_t digits = 0;
    if (len == 0 || len > NAME_MAX_CHARS || isdigit((unsigned char)field[0]))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)field[i];
        if (c > 0x7f || !(isalnum(c) || c == '_'))
            return false;
        digits = isdigit(c) ? digits + 1 : 0;
        if (digits >= NAME_DIGITS_IN_ROW)
            return false;
    }
    return true;
}

/* A path too long for its room ends in "~" and stays so: the error still says in what it lies. */
static void join(char out[PHI_JSON_PATH_MAX], const char *path, const char *part)
{
    char joined[PHI_JSON_PATH_MAX];
    size_t len = strlen(path);
    if (path[len - 1] == '~')
        part = "";
    if (len + strlen(part) < sizeof(joined))
        snprintf(joined, sizeof(joined), "%s%s", path, part);
    else
        snprintf(joined, sizeof(joined), "%.*s~", PHI_JSON_PATH_MAX - 2, path);
    memcpy(out, joined, sizeof(joined));
}

static void join_field(char out[PHI_JSON_PATH_MAX], const char *path, const char *field)
{
    char part[NAME_MAX_CHARS + 2];
    snprintf(part, sizeof(part), ".%s", is_name(field) ? field : "?");
    join(out, path, part);
}

struct phi_json_at phi_json_root(const json_t *value)
{
    return (struct phi_json_at){.value = value, .path = "$"};
}

enum phi_err phi_json_fail(const struct phi_json_at *at, enum phi_err code, struct phi_error *error,
                           const char *format, ...)
{
    char reason[160];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    return phi_error_set(error, code, at->path, "%s", reason);
}

enum phi_err phi_json_refuse(const struct phi_json_at *at, const char *field, enum phi_err code,
                             const char *reason, struct phi_error *error)
{
    if (field == NULL)
        return phi_error_set(error, code, at->path, "%s", reason);
    char path[PHI_JSON_PATH_MAX];
    join_field(path, at->path, field);
    return phi_error_set(error, code, path, "%s", reason);
}

enum phi_err phi_json_member(const struct phi_json_at *object, const char *field, bool required,
                             struct phi_json_at *out, struct phi_error *error)
{
    if (!json_is_object(object->value))
        return phi_json_fail(object, PHI_ERR_FIELD_TYPE, error, "not an object");
    const json_t *value = json_object_get(object->value, field);
    if (json_is_null(value))
        value = NULL;
    if (value == NULL && required)
        return phi_json_refuse(object, field, PHI_ERR_FIELD_MISSING, "missing", error);
    struct phi_json_at member = {.value = value};
    join_field(member.path, object->path, field);
    *out = member;
    return PHI_OK;
}

struct phi_json_at phi_json_item(const struct phi_json_at *array, size_t i)
{
    struct phi_json_at item = {.value = json_array_get(array->value, i)};
    char part[32];
    snprintf(part, sizeof(part), "[%zu]", i);
    join(item.path, array->path, part);
    return item;
}

static bool is_known(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

enum phi_err phi_json_only(const struct phi_json_at *at, const char *const *names, size_t count,
                           struct phi_error *error)
{
    if (!json_is_object(at->value))
        return phi_json_fail(at, PHI_ERR_FIELD_TYPE, error, "not an object");
    /* the library iterates over objects it takes as mutable, and changes nothing */
    json_t *object = (json_t *)(uintptr_t)at->value;
    for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
        const char *name = json_object_iter_key(i);
        if (!is_known(name, names, count))
            return phi_json_refuse(at, name, PHI_ERR_FIELD_UNKNOWN, "unknown field", error);
    }
    return PHI_OK;
}
