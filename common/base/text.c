#include "base/text.h"

#include <utf8proc.h>

/* The next code point, or -1 when the bytes are not UTF-8. */
static int32_t next_point(struct phi_view text, size_t *at)
{
    utf8proc_int32_t point = -1;
    utf8proc_ssize_t used =
        utf8proc_iterate(text.data + *at, (utf8proc_ssize_t)(text.len - *at), &point);
    if (used <= 0)
        return -1;
    *at += (size_t)used;
    return point;
}

/* Length of the ideograph of U+4E00..U+9FFF at the beginning, or 0. */
static size_t ideograph_len(const uint8_t *at, size_t left)
{
    bool is_one = left >= 3 && at[0] >= 0xE4 && at[0] <= 0xE9 && (at[1] & 0xC0) == 0x80 &&
                  (at[2] & 0xC0) == 0x80 && (at[0] > 0xE4 || at[1] >= 0xB8);
    return is_one ? 3 : 0;
}

/* How much of the beginning is plain: ASCII and the usual ideographs, which are normalized in every
 * form as they stand. Nearly all names and numbers are nothing else. */
static size_t plain_len(struct phi_view text)
{
    size_t at = 0;
    while (at < text.len) {
        bool is_ascii = text.data[at] < 0x80 && text.data[at] != 0;
        size_t step = is_ascii ? 1 : ideograph_len(text.data + at, text.len - at);
        if (step == 0)
            return at;
        at += step;
    }
    return at;
}

bool phi_text_is_utf8(struct phi_view text)
{
    size_t at = plain_len(text);
    while (at < text.len)
        if (next_point(text, &at) <= 0)
            return false;
    return true;
}

size_t phi_text_count(struct phi_view text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.data[i] & 0xC0) != 0x80;
    return count;
}

static bool is_control(int32_t point)
{
    if (point < 0x20 || (point >= 0x7F && point <= 0x9F))
        return true;
    if (point == 0x061C || point == 0x200E || point == 0x200F)
        return true;
    return (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/* Bytes that are not UTF-8 count as controls: neither may be shown. */
bool phi_text_has_control(struct phi_view text)
{
    size_t at = 0;
    while (at < text.len)
        if (is_control(next_point(text, &at)))
            return true;
    return false;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(uint8_t c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_word(uint8_t c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static bool all(struct phi_view text, bool (*is_member)(uint8_t))
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_member(text.data[i]))
            return false;
    return text.len > 0;
}

bool phi_text_is_digits(struct phi_view text)
{
    return all(text, is_digit);
}

bool phi_text_is_alnum(struct phi_view text)
{
    return all(text, is_alnum);
}

bool phi_text_is_word(struct phi_view text, size_t max)
{
    return text.len <= max && all(text, is_word);
}

/* White_Space of the Unicode character database, as far as it outlives NFKC, which makes a plain
 * space of the others. */
static bool is_white(int32_t point)
{
    if ((point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85)
        return true;
    return point == 0x1680 || point == 0x2028 || point == 0x2029;
}

/* All memory is the arena's, so that its bound holds for the tables in between too. */
static enum phi_err normalize(struct phi_view text, utf8proc_option_t form, struct phi_arena *arena,
                              struct phi_view *out)
{
    if (!phi_text_is_utf8(text))
        return PHI_ERR_FIELD_VALUE;
    if (text.len == 0) {
        *out = phi_view_of(NULL, 0);
        return PHI_OK;
    }
    if (plain_len(text) == text.len) {
        *out = phi_arena_view(arena, text);
        return out->data == NULL ? PHI_ERR_MEMORY : PHI_OK;
    }
    utf8proc_ssize_t len = (utf8proc_ssize_t)text.len;
    utf8proc_ssize_t count = utf8proc_decompose(text.data, len, NULL, 0, form);
    if (count < 0)
        return PHI_ERR_FIELD_VALUE;
    /* one more: the encoder ends its text with a zero */
    int32_t *points = phi_arena_alloc(arena, ((size_t)count + 1) * sizeof(*points));
    if (points == NULL)
        return PHI_ERR_MEMORY;
    if (utf8proc_decompose(text.data, len, points, count, form) != count)
        return PHI_ERR_INTERNAL;
    utf8proc_ssize_t bytes = utf8proc_reencode(points, count, form);
    if (bytes < 0)
        return PHI_ERR_INTERNAL;
    *out = phi_view_of(points, (size_t)bytes);
    return PHI_OK;
}

enum phi_err phi_text_nfc(struct phi_view text, struct phi_arena *arena, struct phi_view *out)
{
    return normalize(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE, arena, out);
}

/* An upper case letter has at most four bytes, and the lower case one has one at least. */
static enum phi_err upper_without_white(struct phi_view text, struct phi_arena *arena,
                                        struct phi_view *out)
{
    if (text.len > SIZE_MAX / 4)
        return PHI_ERR_MEMORY;
    uint8_t *upper = phi_arena_alloc(arena, text.len * 4);
    if (upper == NULL)
        return PHI_ERR_MEMORY;
    size_t len = 0;
    size_t at = 0;
    while (at < text.len) {
        int32_t point = next_point(text, &at);
        if (!is_white(point))
            len += (size_t)utf8proc_encode_char(utf8proc_toupper(point), upper + len);
    }
    *out = phi_view_of(upper, len);
    return PHI_OK;
}

enum phi_err phi_text_nfkc_upper(struct phi_view text, struct phi_arena *arena,
                                 struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    const utf8proc_option_t form = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    struct phi_view plain, upper;
    PHI_GUARD(normalize(text, form, arena, &plain));
    PHI_GUARD(upper_without_white(plain, arena, &upper));
    /* a mark that stood behind a space may now compose with the letter before it */
    PHI_GUARD(normalize(upper, form, arena, out));
out:
    return err;
}

enum phi_err phi_text_to_i64(struct phi_view text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    struct phi_view digits = phi_view_of(text.data, text.len);
    if (negative)
        digits = phi_view_of(text.data + 1, text.len - 1);
    if (!phi_text_is_digits(digits))
        return PHI_ERR_FIELD_VALUE;
    int64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.data[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return PHI_ERR_FIELD_VALUE;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return PHI_ERR_FIELD_VALUE;
    if (value < min || value > max)
        return PHI_ERR_FIELD_VALUE;
    *out = value;
    return PHI_OK;
}
