/* One text of JSON into values, in one pass and without a copy of what needs none: a person's facts
 * are read again at each grading, and that is the most of it. */
#include "certlogic/value.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACK_ITEMS 64
#define NUMBER_MAX  64

struct reader {
    struct phi_arena *arena;
    const char *at;
    const char *end;
    size_t depth_left;
};

static enum phi_err read_value(struct reader *r, const struct phi_certlogic_value **out);

static void skip_spaces(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static bool take(struct reader *r, char wanted)
{
    skip_spaces(r);
    if (r->at == r->end || *r->at != wanted)
        return false;
    r->at++;
    return true;
}

/* --- texts --- */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_unit(struct reader *r, uint32_t *out)
{
    uint32_t unit = 0;
    if (r->end - r->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex_of(r->at[i]);
        if (digit < 0)
            return false;
        unit = unit << 4 | (uint32_t)digit;
    }
    r->at += 4;
    *out = unit;
    return true;
}

static size_t put_utf8(char *to, uint32_t point)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)(leads[len] | point);
    return len;
}

/* What follows a backslash; no half of a pair, no U+0000. */
static bool take_escape(struct reader *r, char *to, size_t *len)
{
    static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    uint32_t unit = 0, low = 0;
    if (r->at == r->end)
        return false;
    char c = *r->at++;
    const char *found = c == '\0' ? NULL : strchr(from, c);
    if (found != NULL) {
        to[(*len)++] = plain[found - from];
        return true;
    }
    if (c != 'u' || !take_unit(r, &unit) || unit == 0 || (unit >= 0xdc00 && unit < 0xe000))
        return false;
    if (unit >= 0xd800 && unit < 0xdc00) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return false;
        r->at += 2;
        if (!take_unit(r, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    *len += put_utf8(to + *len, unit);
    return true;
}

static enum phi_err unescape(struct reader *r, size_t rest, struct phi_view *out)
{
    size_t len = 0;
    char *text = phi_arena_alloc(r->arena, rest);
    if (text == NULL)
        return PHI_ERR_MEMORY;
    while (*r->at != '"') {
        if (*r->at != '\\') {
            text[len++] = *r->at++;
            continue;
        }
        r->at++;
        if (!take_escape(r, text, &len))
            return PHI_ERR_JSON;
    }
    *out = phi_view_of(text, len);
    return PHI_OK;
}

/* After the opening quote. */
static enum phi_err read_text(struct reader *r, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    const char *at = r->at;
    bool is_plain = true;
    while (at < r->end && *at != '"' && (unsigned char)*at >= 0x20) {
        bool is_escape = *at == '\\';
        is_plain = is_plain && !is_escape;
        at += is_escape ? 2 : 1;
    }
    if (at >= r->end || *at != '"')
        return PHI_ERR_JSON;
    struct phi_view raw = phi_view_of(r->at, (size_t)(at - r->at));
    if (is_plain) {
        *out = raw;
        r->at = at;
    } else {
        PHI_GUARD(unescape(r, raw.len, out));
    }
    r->at++;
    PHI_GUARD(phi_text_is_utf8(*out) ? PHI_OK : PHI_ERR_JSON);
out:
    return err;
}

/* --- numbers and words --- */

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Past a number as JSON writes it, or NULL. */
static const char *number_end(const char *at, const char *end)
{
    at += at < end && *at == '-';
    const char *whole = at;
    at = skip_digits(at, end);
    if (at == whole || (*whole == '0' && at > whole + 1))
        return NULL;
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at, end);
        if (at == fraction)
            return NULL;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        const char *exponent = at;
        at = skip_digits(at, end);
        if (at == exponent)
            return NULL;
    }
    return at;
}

static bool is_small_integer(const char *at, size_t len)
{
    for (size_t i = at[0] == '-'; i < len; i++)
        if (at[i] < '0' || at[i] > '9')
            return false;
    return len <= 15;
}

/* False: out of memory. */
static bool number_of(struct reader *r, const char *at, size_t len, double *out)
{
    char short_text[NUMBER_MAX], *text = short_text;
    if (is_small_integer(at, len)) {
        int64_t number = 0;
        for (size_t i = at[0] == '-'; i < len; i++)
            number = number * 10 + (at[i] - '0');
        *out = (double)(at[0] == '-' ? -number : number);
        return true;
    }
    if (len >= sizeof(short_text))
        text = phi_arena_alloc(r->arena, len + 1);
    if (text == NULL)
        return false;
    memcpy(text, at, len);
    text[len] = '\0';
    *out = strtod(text, NULL);
    return true;
}

static enum phi_err read_number(struct reader *r, const struct phi_certlogic_value **out)
{
    const char *end = number_end(r->at, r->end);
    double number = 0;
    if (end == NULL)
        return PHI_ERR_JSON;
    if (!number_of(r, r->at, (size_t)(end - r->at), &number))
        return PHI_ERR_MEMORY;
    *out = phi_certlogic_value_number(r->arena, number);
    r->at = end;
    return *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

static enum phi_err read_word(struct reader *r, const struct phi_certlogic_value **out)
{
    static const struct {
        const char *word;
        const struct phi_certlogic_value *value;
    } words[] = {{"true", &phi_certlogic_true},
                 {"false", &phi_certlogic_false},
                 {"null", &phi_certlogic_null}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i].word);
        if ((size_t)(r->end - r->at) < len || memcmp(r->at, words[i].word, len) != 0)
            continue;
        r->at += len;
        *out = words[i].value;
        return PHI_OK;
    }
    return PHI_ERR_JSON;
}

/* --- arrays and objects: gathered in a list that grows, on the stack while short --- */

struct list {
    struct phi_certlogic_member on_stack[STACK_ITEMS];
    struct phi_certlogic_member *at;
    size_t count;
    size_t room;
};

static enum phi_err list_add(struct reader *r, struct list *list,
                             struct phi_certlogic_member member)
{
    if (list->count == list->room) {
        struct phi_certlogic_member *more =
            phi_arena_alloc(r->arena, 2 * list->room * sizeof(*more));
        if (more == NULL)
            return PHI_ERR_MEMORY;
        memcpy(more, list->at, list->count * sizeof(*more));
        list->at = more;
        list->room *= 2;
    }
    list->at[list->count++] = member;
    return PHI_OK;
}

static void list_init(struct list *list)
{
    list->at = list->on_stack;
    list->count = 0;
    list->room = STACK_ITEMS;
}

static enum phi_err read_array(struct reader *r, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    struct list list;
    list_init(&list);
    bool is_empty = take(r, ']');
    while (!is_empty) {
        struct phi_certlogic_member item = {{0}, NULL};
        PHI_GUARD(read_value(r, &item.value));
        PHI_GUARD(list_add(r, &list, item));
        if (take(r, ']'))
            break;
        PHI_GUARD(take(r, ',') ? PHI_OK : PHI_ERR_JSON);
    }
    const struct phi_certlogic_value **items =
        phi_arena_alloc(r->arena, list.count * sizeof(*items));
    PHI_GUARD(items == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < list.count; i++)
        items[i] = list.at[i].value;
    *out = phi_certlogic_value_array(r->arena, items, list.count);
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

static enum phi_err read_member(struct reader *r, struct list *list)
{
    enum phi_err err = PHI_OK;
    struct phi_certlogic_member member;
    PHI_GUARD(take(r, '"') ? PHI_OK : PHI_ERR_JSON);
    PHI_GUARD(read_text(r, &member.key));
    PHI_GUARD(take(r, ':') ? PHI_OK : PHI_ERR_JSON);
    PHI_GUARD(read_value(r, &member.value));
    PHI_GUARD(list_add(r, list, member));
out:
    return err;
}

static enum phi_err read_object(struct reader *r, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    struct list list;
    list_init(&list);
    bool is_empty = take(r, '}');
    while (!is_empty) {
        PHI_GUARD(read_member(r, &list));
        if (take(r, '}'))
            break;
        PHI_GUARD(take(r, ',') ? PHI_OK : PHI_ERR_JSON);
    }
    const struct phi_certlogic_member *members =
        phi_arena_copy(r->arena, list.at, list.count * sizeof(*members));
    PHI_GUARD(members == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *out = phi_certlogic_value_object(r->arena, members, list.count);
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

static enum phi_err read_nested(struct reader *r, const struct phi_certlogic_value **out)
{
    if (r->depth_left == 0)
        return PHI_ERR_JSON;
    r->depth_left--;
    bool is_array = *r->at++ == '[';
    enum phi_err err = is_array ? read_array(r, out) : read_object(r, out);
    r->depth_left++;
    return err;
}

static enum phi_err read_value(struct reader *r, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    struct phi_view text;
    skip_spaces(r);
    if (r->at == r->end)
        return PHI_ERR_JSON;
    switch (*r->at) {
    case '[':
    case '{':
        return read_nested(r, out);
    case '"':
        r->at++;
        PHI_GUARD(read_text(r, &text));
        *out = phi_certlogic_value_text(r->arena, text);
        return *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
    case 't':
    case 'f':
    case 'n':
        return read_word(r, out);
    default:
        return read_number(r, out);
    }
out:
    return err;
}

enum phi_err phi_certlogic_value_read(struct phi_arena *arena, struct phi_view text,
                                      size_t max_depth, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    struct reader r = {.arena = arena,
                       .at = (const char *)text.data,
                       .end = (const char *)text.data + text.len,
                       .depth_left = max_depth};
    PHI_GUARD(read_value(&r, out));
    skip_spaces(&r);
    PHI_GUARD(r.at == r.end ? PHI_OK : PHI_ERR_JSON);
out:
    return err;
}
