/* Most JSON is plain: texts in ASCII without escapes, short integers, each member once. That is
 * read here, several times faster than by the library, which reads whatever isn't plain and says
 * what is wrong with it. Callers have bounded the depth. */
#include "json/internal.h"

#include <string.h>

#define DIGITS_MAX 18 /* of a number that surely fits */

struct plain {
    const uint8_t *at;
    const uint8_t *end;
};

static json_t *read_value(struct plain *in);

static void skip_blanks(struct plain *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

static bool take(struct plain *in, uint8_t c)
{
    skip_blanks(in);
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

/* After the opening quote. */
static bool read_text(struct plain *in, struct phi_view *out)
{
    const uint8_t *start = in->at, *at = start;
    while (at < in->end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    if (at == in->end || *at != '"')
        return false;
    *out = phi_view_of(start, (size_t)(at - start));
    in->at = at + 1;
    return true;
}

static bool read_member(struct plain *in, json_t *object)
{
    struct phi_view name;
    if (!take(in, '"') || !read_text(in, &name) || !take(in, ':') ||
        json_object_getn(object, (const char *)name.data, name.len) != NULL)
        return false;
    json_t *value = read_value(in);
    return value != NULL &&
           json_object_setn_new_nocheck(object, (const char *)name.data, name.len, value) == 0;
}

static bool read_members(struct plain *in, json_t *object)
{
    if (take(in, '}'))
        return true;
    do {
        if (!read_member(in, object))
            return false;
    } while (take(in, ','));
    return take(in, '}');
}

static bool read_items(struct plain *in, json_t *array)
{
    if (take(in, ']'))
        return true;
    do {
        json_t *value = read_value(in);
        if (value == NULL || json_array_append_new(array, value) != 0)
            return false;
    } while (take(in, ','));
    return take(in, ']');
}

static json_t *or_nothing(bool is_whole, json_t *value)
{
    if (is_whole)
        return value;
    json_decref(value);
    return NULL;
}

static json_t *read_number(struct plain *in)
{
    bool is_negative = *in->at == '-';
    const uint8_t *start = in->at + is_negative, *at = start;
    json_int_t number = 0;
    while (at < in->end && *at >= '0' && *at <= '9' && at - start <= DIGITS_MAX)
        number = number * 10 + (*at++ - '0');
    bool is_plain = at > start && at - start <= DIGITS_MAX && (*start != '0' || at == start + 1) &&
                    (at == in->end || (*at != '.' && *at != 'e' && *at != 'E'));
    if (!is_plain)
        return NULL;
    in->at = at;
    return json_integer(is_negative ? -number : number);
}

static json_t *read_word(struct plain *in)
{
    static const struct {
        const char *word;
        size_t len;
    } words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    for (size_t i = 0; i < 3; i++) {
        if ((size_t)(in->end - in->at) < words[i].len ||
            memcmp(in->at, words[i].word, words[i].len) != 0)
            continue;
        in->at += words[i].len;
        return i == 0 ? json_true() : i == 1 ? json_false() : json_null();
    }
    return NULL;
}

static json_t *read_value(struct plain *in)
{
    struct phi_view text;
    json_t *made = NULL;
    skip_blanks(in);
    if (in->at == in->end)
        return NULL;
    switch (*in->at) {
    case '"':
        in->at++;
        return read_text(in, &text) ? json_stringn_nocheck((const char *)text.data, text.len)
                                    : NULL;
    case '{':
        in->at++;
        made = json_object();
        return or_nothing(made != NULL && read_members(in, made), made);
    case '[':
        in->at++;
        made = json_array();
        return or_nothing(made != NULL && read_items(in, made), made);
    case 't':
    case 'f':
    case 'n':
        return read_word(in);
    default:
        return *in->at == '-' || (*in->at >= '0' && *in->at <= '9') ? read_number(in) : NULL;
    }
}

json_t *phi_json_plain(struct phi_view body)
{
    struct plain in = {body.data, body.data + body.len};
    json_t *value = read_value(&in);
    skip_blanks(&in);
    return value == NULL ? NULL : or_nothing(in.at == in.end, value);
}
