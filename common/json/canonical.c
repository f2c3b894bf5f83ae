#include "json/canonical.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX      64
#define SAFE_INTEGER   INT64_C(9007199254740991)
#define EXPONENT_FROM  1e21 /* written with an exponent from here on */
#define FIRST_CAPACITY ((size_t)512)

/* Grown outside the arena, so that the arena holds the result only once. */
struct text {
    char *data;
    size_t len;
    size_t capacity;
    bool is_ordered;      /* members as they were put in, instead of sorted */
    const char *left_out; /* a member of the outermost object, or NULL */
};

static enum phi_err reserve(struct text *out, size_t more)
{
    if (out->capacity - out->len >= more)
        return PHI_OK;
    size_t capacity = out->capacity == 0 ? FIRST_CAPACITY : out->capacity * 2;
    while (capacity - out->len < more)
        capacity *= 2;
    char *data = malloc(capacity);
    if (data == NULL)
        return PHI_ERR_MEMORY;
    if (out->len > 0)
        memcpy(data, out->data, out->len);
    phi_wipe(out->data, out->len);
    free(out->data);
    out->data = data;
    out->capacity = capacity;
    return PHI_OK;
}

static enum phi_err put(struct text *out, const char *data, size_t len)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(reserve(out, len));
    if (len > 0)
        memcpy(out->data + out->len, data, len);
    out->len += len;
out:
    return err;
}

static enum phi_err put_char(struct text *out, char c)
{
    return put(out, &c, 1);
}

static char short_escape(unsigned char c)
{
    static const char letters[][2] = {{'\b', 'b'}, {'\t', 't'}, {'\n', 'n'}, {'\f', 'f'},
                                      {'\r', 'r'}, {'"', '"'},  {'\\', '\\'}};
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if ((unsigned char)letters[i][0] == c)
            return letters[i][1];
    }
    return '\0';
}

static enum phi_err put_escaped(struct text *out, unsigned char c)
{
    char escape[8];
    char letter = short_escape(c);
    int len = letter != '\0' ? snprintf(escape, sizeof(escape), "\\%c", letter)
                             : snprintf(escape, sizeof(escape), "\\u%04x", c);
    return put(out, escape, (size_t)len);
}

static enum phi_err put_text(struct text *out, const char *value, size_t len)
{
    enum phi_err err = PHI_OK;
    size_t plain = 0;
    PHI_GUARD(put_char(out, '"'));
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        PHI_GUARD(put(out, value + plain, i - plain));
        PHI_GUARD(put_escaped(out, c));
        plain = i + 1;
    }
    PHI_GUARD(put(out, value + plain, len - plain));
    PHI_GUARD(put_char(out, '"'));
out:
    return err;
}

/* Written as an integer that a reader would have to round. */
static bool is_unsafe(double value)
{
    return fabs(value) > (double)SAFE_INTEGER && fabs(value) < EXPONENT_FROM;
}

static enum phi_err put_number(struct text *out, const json_t *value)
{
    char text[PHI_JSON_NUMBER_MAX];
    enum phi_err err = PHI_OK;
    if (json_is_real(value) && !out->is_ordered && is_unsafe(json_real_value(value)))
        return PHI_ERR_FIELD_VALUE;
    if (json_is_real(value)) {
        PHI_GUARD(phi_json_format_number(json_real_value(value), text));
        return put(out, text, strlen(text));
    }
    json_int_t whole = json_integer_value(value);
    if (!out->is_ordered && (whole > SAFE_INTEGER || whole < -SAFE_INTEGER))
        return PHI_ERR_FIELD_VALUE;
    int len = snprintf(text, sizeof(text), "%" PRId64, (int64_t)whole);
    return put(out, text, (size_t)len);
out:
    return err;
}

/* UTF-8 sorts like code points; UTF-16 otherwise only where a pair of surrogates (U+10000 on, lead
 * bytes F0 on) meets U+E000..U+FFFF (lead bytes EE, EF): the pair comes first. */
static int compare_utf16(const void *a, const void *b)
{
    const unsigned char *x = *(const unsigned char *const *)a;
    const unsigned char *y = *(const unsigned char *const *)b;
    while (*x != '\0' && *x == *y) {
        x++;
        y++;
    }
    if (*x >= 0xee && *y >= 0xee && (*x >= 0xf0) != (*y >= 0xf0))
        return *x >= 0xf0 ? -1 : 1;
    return (int)*x - (int)*y;
}

static enum phi_err put_value(struct text *out, const json_t *value, int depth);

static const char **sorted_keys(json_t *object, const char *left_out, size_t *count)
{
    const char **keys = malloc(*count * sizeof(*keys));
    if (keys == NULL)
        return NULL;
    size_t i = 0;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        if (left_out == NULL || strcmp(json_object_iter_key(at), left_out) != 0)
            keys[i++] = json_object_iter_key(at);
    *count = i;
    qsort(keys, i, sizeof(*keys), compare_utf16);
    return keys;
}

static enum phi_err put_ordered(struct text *out, json_t *object, int depth)
{
    enum phi_err err = PHI_OK;
    char before = '{';
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        PHI_GUARD(put_char(out, before));
        PHI_GUARD(put_text(out, key, strlen(key)));
        PHI_GUARD(put_char(out, ':'));
        PHI_GUARD(put_value(out, json_object_iter_value(at), depth + 1));
        before = ',';
    }
    PHI_GUARD(put_char(out, '}'));
out:
    return err;
}

static enum phi_err put_object(struct text *out, const json_t *value, int depth)
{
    size_t count = json_object_size(value);
    if (count == 0)
        return put(out, "{}", 2);
    enum phi_err err = PHI_OK;
    /* the library iterates over objects it takes as mutable, and changes nothing */
    if (out->is_ordered)
        return put_ordered(out, (json_t *)(uintptr_t)value, depth);
    const char **keys =
        sorted_keys((json_t *)(uintptr_t)value, depth == 1 ? out->left_out : NULL, &count);
    if (keys == NULL)
        return PHI_ERR_MEMORY;
    if (count == 0)
        PHI_GUARD(put_char(out, '{'));
    for (size_t i = 0; i < count; i++) {
        PHI_GUARD(put_char(out, i == 0 ? '{' : ','));
        PHI_GUARD(put_text(out, keys[i], strlen(keys[i])));
        PHI_GUARD(put_char(out, ':'));
        PHI_GUARD(put_value(out, json_object_get(value, keys[i]), depth + 1));
    }
    PHI_GUARD(put_char(out, '}'));
out:
    free(keys);
    return err;
}

static enum phi_err put_array(struct text *out, const json_t *value, int depth)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(put_char(out, '['));
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i > 0)
            PHI_GUARD(put_char(out, ','));
        PHI_GUARD(put_value(out, json_array_get(value, i), depth + 1));
    }
    PHI_GUARD(put_char(out, ']'));
out:
    return err;
}

static enum phi_err put_value(struct text *out, const json_t *value, int depth)
{
    if (value == NULL || depth > DEPTH_MAX)
        return PHI_ERR_JSON;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return put_object(out, value, depth);
    case JSON_ARRAY:
        return put_array(out, value, depth);
    case JSON_STRING:
        return put_text(out, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
    case JSON_REAL:
        return put_number(out, value);
    case JSON_TRUE:
        return put(out, "true", 4);
    case JSON_FALSE:
        return put(out, "false", 5);
    case JSON_NULL:
        return put(out, "null", 4);
    }
    return PHI_ERR_JSON;
}

static enum phi_err keep(const struct text *text, struct phi_arena *arena, struct phi_view *out)
{
    char *copy = phi_arena_text(arena, phi_view_of(text->data, text->len));
    if (copy == NULL)
        return PHI_ERR_MEMORY;
    *out = phi_view_of(copy, text->len);
    return PHI_OK;
}

static void text_free(struct text *text)
{
    phi_wipe(text->data, text->len);
    free(text->data);
}

enum phi_err phi_json_canonical(const json_t *value, struct phi_arena *arena, struct phi_view *out)
{
    return phi_json_canonical_without(value, NULL, arena, out);
}

enum phi_err phi_json_canonical_without(const json_t *value, const char *name,
                                        struct phi_arena *arena, struct phi_view *out)
{
    struct text text = {.left_out = name};
    enum phi_err err = PHI_OK;
    PHI_GUARD(put_value(&text, value, 1));
    PHI_GUARD(keep(&text, arena, out));
out:
    text_free(&text);
    return err;
}

enum phi_err phi_json_envelope(const struct phi_json_member *members, size_t count,
                               const char *last, struct phi_json_last value,
                               struct phi_arena *arena, struct phi_view *out)
{
    struct text text = {.is_ordered = true};
    enum phi_err err = PHI_OK;
    PHI_GUARD(put_char(&text, '{'));
    for (size_t i = 0; i < count; i++) {
        PHI_GUARD(put_text(&text, members[i].name, strlen(members[i].name)));
        PHI_GUARD(put_char(&text, ':'));
        PHI_GUARD(put_text(&text, members[i].text, strlen(members[i].text)));
        PHI_GUARD(put_char(&text, ','));
    }
    PHI_GUARD(put_text(&text, last, strlen(last)));
    PHI_GUARD(put_char(&text, ':'));
    if (value.json != NULL)
        PHI_GUARD(put_value(&text, value.json, 2));
    else if (value.text.len > 0)
        PHI_GUARD(put(&text, (const char *)value.text.data, value.text.len));
    else
        PHI_GUARD(put(&text, "null", 4));
    PHI_GUARD(put_char(&text, '}'));
    PHI_GUARD(keep(&text, arena, out));
out:
    text_free(&text);
    return err;
}
