/* SM3's compression with SSSE3: the message is expanded four words at a time, beside the rounds.
 * The compiler's options for this file say what it may use. */
#include "crypto/sm3/rounds.h"

#include <immintrin.h>

static inline __m128i turn_all(__m128i x, int bits)
{
    return _mm_or_si128(_mm_slli_epi32(x, bits), _mm_srli_epi32(x, 32 - bits));
}

static inline __m128i p1_all(__m128i x)
{
    return _mm_xor_si128(_mm_xor_si128(x, turn_all(x, 15)), turn_all(x, 23));
}

/* The next four words after the sixteen of a, b, c and d. The last of them depends on the first,
 * which is added afterwards: P1 is linear. */
static inline __m128i expand(__m128i a, __m128i b, __m128i c, __m128i d)
{
    const __m128i three_before = turn_all(_mm_srli_si128(d, 4), 15);
    const __m128i sum = _mm_xor_si128(_mm_xor_si128(a, _mm_alignr_epi8(c, b, 12)), three_before);
    const __m128i rest =
        _mm_xor_si128(turn_all(_mm_alignr_epi8(b, a, 12), 7), _mm_alignr_epi8(d, c, 8));
    const __m128i words = _mm_xor_si128(p1_all(sum), rest);
    return _mm_xor_si128(words, p1_all(turn_all(_mm_slli_si128(words, 12), 15)));
}

#define WORD(j) words[j]
#define PAIR(j) pairs[j]
/* The words 4k … 4k + 3, given the next four too. */
#define PUT(k, x, next)                                                                            \
    do {                                                                                           \
        _mm_store_si128((__m128i *)words + (k), x);                                                \
        _mm_store_si128((__m128i *)pairs + (k), _mm_xor_si128(x, next));                           \
    } while (0)

/* Sixteen rounds, and the words of the next sixteen. */
#define SIXTEEN(ff, gg)                                                                            \
    do {                                                                                           \
        FOUR(0, ff, gg);                                                                           \
        x0 = expand(x0, x1, x2, x3);                                                               \
        PUT(3, x3, x0);                                                                            \
        FOUR(4, ff, gg);                                                                           \
        x1 = expand(x1, x2, x3, x0);                                                               \
        PUT(0, x0, x1);                                                                            \
        FOUR(8, ff, gg);                                                                           \
        x2 = expand(x2, x3, x0, x1);                                                               \
        PUT(1, x1, x2);                                                                            \
        FOUR(12, ff, gg);                                                                          \
        x3 = expand(x3, x0, x1, x2);                                                               \
        PUT(2, x2, x3);                                                                            \
    } while (0)

static inline __m128i load(const uint8_t *bytes)
{
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)bytes), swap);
}

static void compress_one(uint32_t state[8], const uint8_t block[PHI_SM3_BLOCK_LEN])
{
    _Alignas(16) uint32_t words[16], pairs[16];
    __m128i x0 = load(block), x1 = load(block + 16), x2 = load(block + 32), x3 = load(block + 48);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    const uint32_t *t = sm3_constants;
    PUT(0, x0, x1);
    PUT(1, x1, x2);
    PUT(2, x2, x3);
    SIXTEEN(ff_early, ff_early);
    for (t += 16; t < sm3_constants + 64; t += 16)
        SIXTEEN(ff_late, gg_late);
    sm3_state_xor(state, (const uint32_t[8]){a, b, c, d, e, f, g, h});
}

void phi_sm3_compress_ssse3(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        compress_one(state, blocks + i * PHI_SM3_BLOCK_LEN);
}

bool phi_sm3_ssse3_is_here(void)
{
    return __builtin_cpu_supports("ssse3");
}
