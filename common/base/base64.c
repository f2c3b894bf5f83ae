#include "base/bytes.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One group: 1 to 3 bytes make 4 letters. */
static void encode_group(const uint8_t *in, size_t len, char out[4])
{
    uint32_t bits = (uint32_t)in[0] << 16;
    if (len > 1)
        bits |= (uint32_t)in[1] << 8;
    if (len > 2)
        bits |= in[2];
    out[0] = letters[bits >> 18];
    out[1] = letters[bits >> 12 & 63];
    out[2] = '=';
    out[3] = '=';
    if (len > 1)
        out[2] = letters[bits >> 6 & 63];
    if (len > 2)
        out[3] = letters[bits & 63];
}

void phi_base64_encode(struct phi_view in, char *out)
{
    for (size_t i = 0; i < in.len; i += 3, out += 4)
        encode_group(in.data + i, in.len - i < 3 ? in.len - i : 3, out);
    *out = '\0';
}

static int value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

static size_t padding_of(struct phi_view text)
{
    if (text.len < 4 || text.data[text.len - 1] != '=')
        return 0;
    return text.data[text.len - 2] == '=' ? 2 : 1;
}

/* Two texts must never mean the same bytes: the bits that padding leaves over have to be zero. */
static bool is_strict(struct phi_view text, size_t letter_count)
{
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < letter_count; i++)
        if (value_of(text.data[i]) < 0)
            return false;
    if (letter_count % 4 == 0)
        return true;
    int spare_bits = letter_count % 4 == 2 ? 15 : 3;
    return (value_of(text.data[letter_count - 1]) & spare_bits) == 0;
}

enum phi_err phi_base64_decode(struct phi_view text, uint8_t *out, size_t size, size_t *len)
{
    size_t letter_count = text.len - padding_of(text);
    if (!is_strict(text, letter_count))
        return PHI_ERR_FIELD_VALUE;
    size_t byte_count = letter_count / 4 * 3 + (letter_count % 4 != 0 ? letter_count % 4 - 1 : 0);
    if (byte_count > size)
        return PHI_ERR_FIELD_VALUE;
    uint32_t bits = 0;
    size_t written = 0;
    for (size_t i = 0; i < letter_count; i++) {
        bits = bits << 6 | (uint32_t)value_of(text.data[i]);
        if (i % 4 != 0)
            out[written++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    *len = byte_count;
    return PHI_OK;
}
