#include "phictl/tap/where.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 128
#define TEXT_MAX  512

enum operator{ EQUAL, UNEQUAL, LESS, LESS_EQUAL, MORE, MORE_EQUAL };

static const struct {
    const char *text;
    enum operator operator;
} operators[] = {/* the longer ones first */
                 {"!=", UNEQUAL}, {"<=", LESS_EQUAL}, {">=", MORE_EQUAL},
                 {"=", EQUAL},    {"<", LESS},        {">", MORE}};

struct condition {
    char path[TAP_PATH_MAX];
    enum operator operator;
    char value[VALUE_MAX];
};

struct tap_where {
    size_t count;
    struct condition conditions[TAP_CONDITIONS_MAX];
};

/* --- reading --- */

static const char *skip_blanks(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

static const char *read_path(const char *at, struct condition *out)
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '.' || at[len] == '_')
        len++;
    if (len == 0 || len >= sizeof(out->path))
        return NULL;
    memcpy(out->path, at, len);
    return skip_blanks(at + len);
}

static const char *read_operator(const char *at, struct condition *out)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        size_t len = strlen(operators[i].text);
        if (strncmp(at, operators[i].text, len) == 0) {
            out->operator= operators[i].operator;
            return skip_blanks(at + len);
        }
    }
    return NULL;
}

/* A word up to the next blank, or anything in quotes. */
static const char *read_value(const char *at, struct condition *out)
{
    bool is_quoted = *at == '"';
    at += is_quoted;
    size_t len = strcspn(at, is_quoted ? "\"" : " ");
    if ((len == 0 && !is_quoted) || len >= sizeof(out->value) || (is_quoted && at[len] != '"'))
        return NULL;
    memcpy(out->value, at, len);
    return skip_blanks(at + len + is_quoted);
}

static const char *read_condition(const char *at, struct condition *out)
{
    at = read_path(at, out);
    at = at == NULL ? NULL : read_operator(at, out);
    return at == NULL ? NULL : read_value(at, out);
}

/* Behind a condition: the end, or "and" and another one. NULL: neither. */
static const char *read_and(const char *at)
{
    if (*at == '\0')
        return at;
    return strncmp(at, "and ", 4) == 0 ? skip_blanks(at + 4) : NULL;
}

static bool read_all(const char *at, struct tap_where *where)
{
    do {
        if (where->count == TAP_CONDITIONS_MAX)
            return false;
        at = read_condition(skip_blanks(at), &where->conditions[where->count++]);
        at = at == NULL ? NULL : read_and(at);
    } while (at != NULL && *at != '\0');
    return at != NULL;
}

enum phi_err tap_where_parse(const char *text, struct tap_where **out, struct phi_error *error)
{
    struct tap_where *where = calloc(1, sizeof(*where));
    if (where == NULL)
        return PHI_ERR_MEMORY;
    if (text != NULL && !read_all(text, where)) {
        tap_where_free(where);
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--where",
                             "not of the form: path=value and path>=value …");
    }
    *out = where;
    return PHI_OK;
}

void tap_where_free(struct tap_where *where)
{
    free(where);
}

/* --- asking --- */

const json_t *tap_member(const json_t *view, const char *path)
{
    char name[TAP_PATH_MAX];
    while (view != NULL) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof(name))
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        view = json_object_get(view, name);
        if (path[len] == '\0')
            return view;
        path += len + 1;
    }
    return NULL;
}

static void scalar_text(const json_t *value, char *out, size_t size)
{
    if (json_is_string(value))
        (void)snprintf(out, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        (void)snprintf(out, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        (void)snprintf(out, size, "%g", json_real_value(value));
    else
        (void)snprintf(out, size, "%s", json_is_true(value) ? "true" : "false");
}

void tap_text(const json_t *value, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    if (value == NULL)
        return;
    if (!json_is_array(value) && !json_is_object(value)) {
        scalar_text(value, out, size);
        return;
    }
    char *text = json_is_object(value) ? json_dumps(value, JSON_COMPACT) : NULL;
    if (text != NULL)
        (void)snprintf(out, size, "%s", text);
    free(text);
    for (size_t i = 0; i < json_array_size(value) && used + 2 < size; i++) {
        if (i > 0)
            out[used++] = ';';
        tap_text(json_array_get(value, i), out + used, size - used);
        used += strlen(out + used);
    }
}

static int compare(const char *left, const char *right)
{
    char *left_end = NULL, *right_end = NULL;
    double a = strtod(left, &left_end), b = strtod(right, &right_end);
    bool are_numbers = *left != '\0' && *right != '\0' && *left_end == '\0' && *right_end == '\0';
    return are_numbers ? (a > b) - (a < b) : strcmp(left, right);
}

static bool is_so(enum operator operator, int order)
{
    switch (operator) {
    case EQUAL:
        return order == 0;
    case UNEQUAL:
        return order != 0;
    case LESS:
        return order < 0;
    case LESS_EQUAL:
        return order <= 0;
    case MORE:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool value_holds(const struct condition *condition, const json_t *value)
{
    char text[TEXT_MAX];
    tap_text(value, text, sizeof(text));
    return is_so(condition->operator, compare(text, condition->value));
}

static bool holds(const struct condition *condition, const json_t *view)
{
    const json_t *value = tap_member(view, condition->path);
    if (value == NULL)
        return condition->operator== UNEQUAL;
    if (!json_is_array(value))
        return value_holds(condition, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (value_holds(condition, json_array_get(value, i)))
            return true;
    return false;
}

bool tap_where_holds(const struct tap_where *where, const json_t *view)
{
    for (size_t i = 0; i < where->count; i++)
        if (!holds(&where->conditions[i], view))
            return false;
    return true;
}
