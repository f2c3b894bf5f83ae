/* The text form of a code: base32 of RFC 4648, one spelling only. */
#include "codes/jkm1.h"

#include "base/mutant.h"

#include <endian.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void phi_jkm1_text_encode(const uint8_t *bytes, size_t len, char *out)
{
    uint32_t held = 0;
    int bits = 0;
    for (size_t i = 0; i < len; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            *out++ = alphabet[held >> (bits - 5) & 31];
    }
    if (bits > 0)
        *out++ = alphabet[held << (5 - bits) & 31];
    *out = '\0';
}

/* One more than a letter's value; 0 for what is no letter. */
static const uint8_t places[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['2'] = 27, ['3'] = 28, ['4'] = 29, ['5'] = 30, ['6'] = 31, ['7'] = 32,
};

static int value_of(uint8_t letter)
{
    if (PHI_MUTANT(lower_case_taken) && letter >= 'a' && letter <= 'z')
        return letter - 'a';
    return places[letter] - 1;
}

#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Bit 7 of each byte that is at least `least`; all bytes are below 0x80. */
static uint64_t at_least(uint64_t bytes, uint8_t least)
{
    return (bytes + EIGHT(0x80 - least)) & EIGHT(0x80);
}

/* Eight letters are five bytes; false when one of them is no letter. All eight at once, in the
 * bytes of one word, the first on top. */
static bool decode_eight(const uint8_t *letters, uint8_t *out)
{
    uint64_t word;
    memcpy(&word, letters, sizeof(word));
    word = be64toh(word);
    if ((word & EIGHT(0x80)) != 0)
        return false;
    if (PHI_MUTANT(lower_case_taken))
        word -= (at_least(word, 'a') & ~at_least(word, 'z' + 1)) >> 2;
    uint64_t big = at_least(word, 'A') & ~at_least(word, 'Z' + 1);
    uint64_t digit = at_least(word, '2') & ~at_least(word, '7' + 1);
    if ((big | digit) != EIGHT(0x80))
        return false;
    word -= (big >> 7) * 'A' + (digit >> 7) * ('2' - 26);
    /* fives of bits to tens, to twenties, to forty */
    word = (word >> 8 & UINT64_C(0x001f001f001f001f)) << 5 | (word & UINT64_C(0x001f001f001f001f));
    word =
        (word >> 16 & UINT64_C(0x000003ff000003ff)) << 10 | (word & UINT64_C(0x000003ff000003ff));
    word = htobe64(((word >> 32) << 20 | (word & 0xfffff)) << 24);
    memcpy(out, &word, 5);
    return true;
}

enum phi_err phi_jkm1_text_decode(struct phi_view text, uint8_t *out, size_t size, size_t *len)
{
    while (PHI_MUTANT(padding_taken) && text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    while (PHI_MUTANT(space_taken) && text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    size_t rest = text.len % 8;
    if (text.len == 0 || rest == 1 || rest == 3 || rest == 6)
        return PHI_ERR_CODE_MALFORMED;
    if (text.len > PHI_JKM1_TEXT_MAX || text.len * 5 / 8 > size)
        return PHI_ERR_CODE_MALFORMED;
    uint32_t held = 0;
    int bits = 0;
    size_t done = 0;
    size_t i = 0;
    for (; text.len - i >= 8; i += 8, done += 5) {
        if (!decode_eight(text.data + i, out + done))
            return PHI_ERR_CODE_MALFORMED;
    }
    for (; i < text.len; i++) {
        int value = value_of(text.data[i]);
        if (value < 0)
            return PHI_ERR_CODE_MALFORMED;
        held = held << 5 | (uint32_t)value;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[done++] = (uint8_t)(held >> bits);
        }
    }
    if ((held & ((1u << bits) - 1)) != 0 && !PHI_MUTANT(spare_bits_taken))
        return PHI_ERR_CODE_MALFORMED;
    *len = done;
    return PHI_OK;
}
