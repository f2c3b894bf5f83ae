#include "crypto/share.h"

#include "base/text.h"
#include "crypto/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SUM_LEN 8

/* Without a table and without a branch on a or b. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (int i = 0; i < 8; i++) {
        product ^= (uint8_t)(a & -(b & 1));
        a = (uint8_t)((a << 1) ^ (0x1b & -(a >> 7)));
        b >>= 1;
    }
    return product;
}

/* a^254; of 0 it is 0. */
static uint8_t inverse(uint8_t a)
{
    uint8_t result = 1;
    for (int i = 0; i < 7; i++) {
        a = multiply(a, a);
        result = multiply(result, a);
    }
    return result;
}

static bool numbers_are_sound(uint8_t needed, uint8_t count, size_t len)
{
    return needed >= PHI_SHARE_MIN && needed <= count && len >= PHI_KEY_SECRET_MIN &&
           len <= PHI_KEY_SECRET_MAX;
}

/* The polynomial of one byte, at every share's place; coefficients[0] is the secret. */
static void spread(const uint8_t *coefficients, uint8_t needed, uint8_t count, size_t at,
                   struct phi_share *out)
{
    for (uint8_t i = 0; i < count; i++) {
        uint8_t sum = 0;
        for (int k = needed - 1; k >= 0; k--)
            sum = multiply(sum, out[i].number) ^ coefficients[k];
        out[i].bytes[at] = sum;
    }
}

enum phi_err phi_share_split(struct phi_view secret, uint8_t needed, uint8_t count,
                             const struct phi_share *about, struct phi_share *out)
{
    enum phi_err err = PHI_OK;
    uint8_t coefficients[PHI_SHARES_MAX];
    uint8_t split[sizeof(about->split)];
    if (!numbers_are_sound(needed, count, secret.len))
        return PHI_ERR_FIELD_VALUE;
    PHI_GUARD(phi_random_bytes(split, sizeof(split)));
    for (uint8_t i = 0; i < count; i++) {
        out[i] = *about;
        memcpy(out[i].split, split, sizeof(split));
        out[i].needed = needed;
        out[i].count = count;
        out[i].number = (uint8_t)(i + 1);
        out[i].len = secret.len;
    }
    for (size_t at = 0; at < secret.len; at++) {
        PHI_GUARD(phi_random_bytes(coefficients, needed));
        coefficients[0] = secret.data[at];
        spread(coefficients, needed, count, at, out);
    }
out:
    phi_wipe(coefficients, sizeof(coefficients));
    return err;
}

static bool are_of_one_split(const struct phi_share *a, const struct phi_share *b)
{
    return strcmp(a->use, b->use) == 0 && a->set == b->set && a->kind == b->kind &&
           strcmp(a->key_id, b->key_id) == 0 && memcmp(a->split, b->split, sizeof(a->split)) == 0 &&
           a->needed == b->needed && a->count == b->count && a->len == b->len;
}

static enum phi_err check(const struct phi_share *shares, size_t count, struct phi_error *error)
{
    if (count == 0 || count < shares[0].needed)
        return phi_error_set(error, PHI_ERR_KEY, "shares", "%zu, and %d are needed", count,
                             count == 0 ? PHI_SHARE_MIN : shares[0].needed);
    for (size_t i = 0; i < count; i++) {
        if (!are_of_one_split(&shares[i], &shares[0]))
            return phi_error_set(error, PHI_ERR_KEY, "shares", "of different back-ups");
        for (size_t k = 0; k < i; k++) {
            if (shares[k].number == shares[i].number)
                return phi_error_set(error, PHI_ERR_KEY, "shares", "one is there twice");
        }
    }
    return PHI_OK;
}

/* Lagrange's weight of a share at zero: the product of x_k / (x_k − x_i), where − is xor. */
static uint8_t weight(const struct phi_share *shares, size_t count, size_t i)
{
    uint8_t product = 1;
    for (size_t k = 0; k < count; k++) {
        if (k == i)
            continue;
        uint8_t apart = shares[k].number ^ shares[i].number;
        product = multiply(product, multiply(shares[k].number, inverse(apart)));
    }
    return product;
}

enum phi_err phi_share_join(const struct phi_share *shares, size_t count,
                            uint8_t secret[PHI_KEY_SECRET_MAX], size_t *len,
                            struct phi_error *error)
{
    enum phi_err err = check(shares, count, error);
    if (err != PHI_OK)
        return err;
    count = shares[0].needed;
    memset(secret, 0, PHI_KEY_SECRET_MAX);
    for (size_t i = 0; i < count; i++) {
        uint8_t by = weight(shares, count, i);
        for (size_t at = 0; at < shares[0].len; at++)
            secret[at] ^= multiply(by, shares[i].bytes[at]);
    }
    *len = shares[0].len;
    return PHI_OK;
}

/* Two lines: what it is, and its bytes; the third holds the sum of both. */
static int format_body(const struct phi_share *share, char out[PHI_SHARE_TEXT_MAX])
{
    char hex[2 * PHI_KEY_SECRET_MAX + 1], split[2 * sizeof(share->split) + 1];
    phi_hex_encode(phi_view_of(share->bytes, share->len), hex);
    phi_hex_encode(phi_view_of(share->split, sizeof(share->split)), split);
    int len = snprintf(out, PHI_SHARE_TEXT_MAX,
                       "phi-share 1 use=%s set=%u kind=%s key=%s split=%s share=%u of=%u "
                       "needed=%u\n%s\n",
                       share->use, (unsigned)share->set, phi_key_kind_name(share->kind),
                       share->key_id, split, (unsigned)share->number, (unsigned)share->count,
                       (unsigned)share->needed, hex);
    phi_wipe(hex, sizeof(hex));
    return len;
}

enum phi_err phi_share_format(const struct phi_share *share, char out[PHI_SHARE_TEXT_MAX])
{
    uint8_t digest[PHI_SM3_LEN];
    char sum[2 * SUM_LEN + 1];
    int body = format_body(share, out);
    enum phi_err err = phi_sm3(phi_view_of(out, (size_t)body), digest);
    if (err != PHI_OK)
        return err;
    phi_hex_encode(phi_view_of(digest, SUM_LEN), sum);
    (void)snprintf(out + body, PHI_SHARE_TEXT_MAX - (size_t)body, "sum=%s\n", sum);
    return PHI_OK;
}

/* The text up to `end`, which is taken away with it; false when it isn't there. */
static bool take_until(struct phi_view *text, char end, struct phi_view *out)
{
    const uint8_t *at = text->len > 0 ? memchr(text->data, end, text->len) : NULL;
    if (at == NULL)
        return false;
    *out = phi_view_of(text->data, (size_t)(at - text->data));
    *text = phi_view_of(at + 1, text->len - out->len - 1);
    return true;
}

static bool take_after(struct phi_view *text, const char *name, char end, struct phi_view *out)
{
    size_t len = strlen(name);
    if (text->len < len || memcmp(text->data, name, len) != 0)
        return false;
    *text = phi_view_of(text->data + len, text->len - len);
    return take_until(text, end, out);
}

static bool take_number(struct phi_view *text, const char *name, char end, int64_t min,
                        uint8_t *out)
{
    struct phi_view field;
    int64_t number = 0;
    if (!take_after(text, name, end, &field) || !phi_text_is_digits(field) ||
        phi_text_to_i64(field, min, UINT8_MAX, &number) != PHI_OK)
        return false;
    *out = (uint8_t)number;
    return true;
}

static bool take_kind(struct phi_view field, enum phi_key_kind *out)
{
    for (int kind = 0; kind < PHI_KEY_KIND_COUNT; kind++) {
        *out = (enum phi_key_kind)kind;
        if (phi_view_equal(field, phi_view_text(phi_key_kind_name(*out))))
            return true;
    }
    return false;
}

static bool take_id(struct phi_view field, char out[PHI_KEY_ID_LEN + 1])
{
    uint8_t bytes[PHI_KEY_ID_LEN / 2];
    if (phi_hex_decode(field, bytes, sizeof(bytes)) != PHI_OK)
        return false;
    phi_hex_encode(phi_view_of(bytes, sizeof(bytes)), out);
    return true;
}

static bool take_about(struct phi_view *text, struct phi_share *out)
{
    struct phi_view field;
    if (!take_after(text, "phi-share 1 use=", ' ', &field) ||
        !phi_text_is_word(field, PHI_KEY_USE_MAX))
        return false;
    memcpy(out->use, field.data, field.len);
    return take_number(text, "set=", ' ', 0, &out->set) && take_after(text, "kind=", ' ', &field) &&
           take_kind(field, &out->kind) && take_after(text, "key=", ' ', &field) &&
           take_id(field, out->key_id) && take_after(text, "split=", ' ', &field) &&
           phi_hex_decode(field, out->split, sizeof(out->split)) == PHI_OK &&
           take_number(text, "share=", ' ', 1, &out->number) &&
           take_number(text, "of=", ' ', 1, &out->count) &&
           take_number(text, "needed=", '\n', PHI_SHARE_MIN, &out->needed);
}

static bool take_bytes(struct phi_view *text, struct phi_share *out)
{
    struct phi_view field;
    if (!take_until(text, '\n', &field) || field.len > 2 * PHI_KEY_SECRET_MAX)
        return false;
    out->len = field.len / 2;
    return phi_hex_decode(field, out->bytes, out->len) == PHI_OK &&
           numbers_are_sound(out->needed, out->count, out->len) && out->number <= out->count;
}

enum phi_err phi_share_parse(struct phi_view text, struct phi_share *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char again[PHI_SHARE_TEXT_MAX];
    struct phi_share made = {.set = 0};
    struct phi_view left = text;
    struct phi_view sum;
    bool is_share = take_about(&left, &made) && take_bytes(&left, &made) &&
                    take_after(&left, "sum=", '\n', &sum) && left.len == 0;
    PHI_GUARD(is_share ? PHI_OK
                       : phi_error_set(error, PHI_ERR_KEY, "share", "not a share of a key"));
    /* what has one form only is right when writing it again gives the same */
    PHI_GUARD(phi_share_format(&made, again));
    if (phi_view_equal(text, phi_view_text(again)))
        *out = made;
    else
        err = phi_error_set(error, PHI_ERR_KEY, "share", "its checksum is wrong: mistyped?");
out:
    phi_wipe(&made, sizeof(made));
    phi_wipe(again, sizeof(again));
    return err;
}
