/* SM4 with AES-NI and SSSE3: its S-box and that of AES are the same inverse between other affine
 * steps, so an AES round with steps of four bits before and behind it (look-ups within a register)
 * does SM4's. Eight blocks at once, or four. The compiler's options for this file say what it may
 * use. */
#include "crypto/sm4/words.h"

#include <immintrin.h>

#define GROUPS 2 /* of four blocks */

/* What the lower and the higher four bits of each byte give, xored. */
static inline __m128i nibbles(__m128i x, __m128i low, __m128i high)
{
    const __m128i mask = _mm_set1_epi8(15);
    const __m128i l = _mm_shuffle_epi8(low, _mm_and_si128(x, mask));
    const __m128i h = _mm_shuffle_epi8(high, _mm_and_si128(_mm_srli_epi32(x, 4), mask));
    return _mm_xor_si128(l, h);
}

/* The S-box on all bytes, each in the place where AES's rows put it. */
static inline __m128i substitute_shifted(__m128i x)
{
    const __m128i in_low = _mm_set_epi64x((int64_t)0x9814a8241d912da1, 0x078b37bb820eb23e);
    const __m128i in_high = _mm_set_epi64x(0x3fe311cdfa26d408, 0x37eb19c5f22edc00);
    const __m128i out_low = _mm_set_epi64x(0x47ff8d3579c1b30b, 0x2098ea521ea6d46c);
    const __m128i out_high = _mm_set_epi64x((int64_t)0xed0dbd5d709020c0, 0x2dcd7d9db050e000);
    x = nibbles(x, in_low, in_high);
    x = _mm_aesenclast_si128(x, _mm_setzero_si128());
    return nibbles(x, out_low, out_high);
}

/* Undoes the shift of AES's rows and turns each word by 0, 8, 16 and 24 bits. */
#define UNSHIFT   _mm_set_epi8(3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13, 0)
#define UNSHIFT8  _mm_set_epi8(6, 9, 12, 3, 2, 5, 8, 15, 14, 1, 4, 11, 10, 13, 0, 7)
#define UNSHIFT16 _mm_set_epi8(9, 12, 3, 6, 5, 8, 15, 2, 1, 4, 11, 14, 13, 0, 7, 10)
#define UNSHIFT24 _mm_set_epi8(12, 3, 6, 9, 8, 15, 2, 5, 4, 11, 14, 1, 0, 7, 10, 13)

static uint32_t substitute(uint32_t word)
{
    const __m128i x = substitute_shifted(_mm_set1_epi32((int)word));
    return (uint32_t)_mm_cvtsi128_si32(_mm_shuffle_epi8(x, UNSHIFT));
}

static void expand(const uint8_t key[PHI_SM4_KEY_LEN], uint32_t round[PHI_SM4_ROUNDS])
{
    sm4_expand(key, round, substitute);
}

/* t ^ t<<<2 ^ t<<<10 ^ t<<<18 ^ t<<<24 of the substituted bytes */
static inline __m128i mix(__m128i x)
{
    const __m128i s = substitute_shifted(x);
    const __m128i plain = _mm_shuffle_epi8(s, UNSHIFT);
    const __m128i u = _mm_xor_si128(_mm_xor_si128(plain, _mm_shuffle_epi8(s, UNSHIFT8)),
                                    _mm_shuffle_epi8(s, UNSHIFT16));
    const __m128i turned = _mm_or_si128(_mm_slli_epi32(u, 2), _mm_srli_epi32(u, 30));
    return _mm_xor_si128(_mm_xor_si128(plain, turned), _mm_shuffle_epi8(s, UNSHIFT24));
}

/* Four words of four blocks, as they stand in memory in the end. */
static inline void store_blocks(uint8_t *out, const __m128i x[4])
{
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    const __m128i a = _mm_unpacklo_epi32(x[3], x[2]);
    const __m128i b = _mm_unpackhi_epi32(x[3], x[2]);
    const __m128i c = _mm_unpacklo_epi32(x[1], x[0]);
    const __m128i d = _mm_unpackhi_epi32(x[1], x[0]);
    __m128i *to = (__m128i *)out;
    _mm_storeu_si128(to, _mm_shuffle_epi8(_mm_unpacklo_epi64(a, c), swap));
    _mm_storeu_si128(to + 1, _mm_shuffle_epi8(_mm_unpackhi_epi64(a, c), swap));
    _mm_storeu_si128(to + 2, _mm_shuffle_epi8(_mm_unpacklo_epi64(b, d), swap));
    _mm_storeu_si128(to + 3, _mm_shuffle_epi8(_mm_unpackhi_epi64(b, d), swap));
}

/* `groups` is known to the compiler. */
static inline __attribute__((always_inline)) void
groups_stream(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter, uint8_t *out,
              const int groups)
{
    uint32_t words[16 * GROUPS];
    __m128i x[GROUPS][4];
    sm4_counter_words(counter, words, 4 * (unsigned)groups);
    for (int g = 0; g < groups; g++)
        for (int i = 0; i < 4; i++)
            x[g][i] = _mm_loadu_si128((const __m128i *)(words + 4 * groups * i + 4 * g));
    for (int i = 0; i < PHI_SM4_ROUNDS; i += 4) {
        for (int j = 0; j < 4; j++) {
            const __m128i key = _mm_set1_epi32((int)round[i + j]);
            for (int g = 0; g < groups; g++) {
                const __m128i t =
                    _mm_xor_si128(_mm_xor_si128(x[g][(j + 1) & 3], key),
                                  _mm_xor_si128(x[g][(j + 2) & 3], x[g][(j + 3) & 3]));
                x[g][j] = _mm_xor_si128(x[g][j], mix(t));
            }
        }
    }
    for (ptrdiff_t g = 0; g < groups; g++)
        store_blocks(out + 64 * g, x[g]);
}

static void stream_four(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                        uint8_t *out)
{
    groups_stream(round, counter, out, 1);
}

static void stream_eight(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                         uint8_t *out)
{
    groups_stream(round, counter, out, 2);
}

static void ctr(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                const uint8_t *in, size_t len, uint8_t *out)
{
    if (len <= 64)
        sm4_ctr_by(stream_four, 4, round, counter, in, len, out);
    else
        sm4_ctr_by(stream_eight, 8, round, counter, in, len, out);
}

static bool is_here(void)
{
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("ssse3");
}

const struct phi_sm4_core phi_sm4_core_aes = {
    .name = "aes", .is_here = is_here, .expand = expand, .ctr = ctr};
