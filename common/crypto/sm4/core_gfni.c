/* SM4 with GFNI and AVX-512: the S-box is two instructions on 64 bytes, and the counters are made
 * in place. Sixteen blocks to a group; four groups go side by side, as each step waits for the one
 * before. The compiler's options for this file say what it may use. */
#include "crypto/sm4/words.h"

#include <immintrin.h>

#define GROUP_LEN 256
#define MANY      4

/* Into AES's field, inverse there, and back, with the affine steps of SM4's S-box. */
#define INTO          ((int64_t)0x4c287db91a22505d)
#define INTO_CONSTANT 0x3e
#define BACK          ((int64_t)0xf3ab34a974a6b589)
#define BACK_CONSTANT 0xd3

static inline __m512i substitute_all(__m512i x)
{
    x = _mm512_gf2p8affine_epi64_epi8(x, _mm512_set1_epi64(INTO), INTO_CONSTANT);
    return _mm512_gf2p8affineinv_epi64_epi8(x, _mm512_set1_epi64(BACK), BACK_CONSTANT);
}

static inline __m128i substitute(__m128i x)
{
    x = _mm_gf2p8affine_epi64_epi8(x, _mm_set1_epi64x(INTO), INTO_CONSTANT);
    return _mm_gf2p8affineinv_epi64_epi8(x, _mm_set1_epi64x(BACK), BACK_CONSTANT);
}

#define XOR3 0x96

/* As sm4_expand, but in a register from beginning to end. */
static void expand(const uint8_t key[PHI_SM4_KEY_LEN], uint32_t round[PHI_SM4_ROUNDS])
{
    static const uint32_t fk[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
    __m128i k[4];
    for (int i = 0; i < 4; i++)
        k[i] = _mm_cvtsi32_si128((int)(sm4_load(key + 4 * i) ^ fk[i]));
#pragma GCC unroll 32
    for (uint32_t i = 0; i < PHI_SM4_ROUNDS; i++) {
        const __m128i others = _mm_ternarylogic_epi32(k[(i + 1) & 3], k[(i + 2) & 3],
                                                      _mm_cvtsi32_si128((int)sm4_ck(i)), XOR3);
        const __m128i s = substitute(_mm_xor_si128(others, k[(i + 3) & 3]));
        const __m128i turned =
            _mm_ternarylogic_epi32(k[i & 3], _mm_rol_epi32(s, 13), _mm_rol_epi32(s, 23), XOR3);
        k[i & 3] = _mm_xor_si128(turned, s);
        round[i] = (uint32_t)_mm_cvtsi128_si32(k[i & 3]);
    }
}

/* Word i of sixteen counters, in the order that store_group turns into that of the blocks. */
static inline void load_counters(__m512i x[4], struct phi_sm4_counter counter)
{
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i zero = _mm512_setzero_si512();
    const __m512i one = _mm512_set1_epi32(1);
    x[3] = _mm512_add_epi32(_mm512_set1_epi32((int)(uint32_t)counter.low), order);
    __mmask16 carry = _mm512_cmplt_epu32_mask(x[3], order);
    x[2] = _mm512_set1_epi32((int)(counter.low >> 32));
    x[2] = _mm512_mask_add_epi32(x[2], carry, x[2], one);
    carry = _mm512_mask_cmpeq_epi32_mask(carry, x[2], zero);
    x[1] = _mm512_set1_epi32((int)(uint32_t)counter.high);
    x[1] = _mm512_mask_add_epi32(x[1], carry, x[1], one);
    carry = _mm512_mask_cmpeq_epi32_mask(carry, x[1], zero);
    x[0] = _mm512_set1_epi32((int)(counter.high >> 32));
    x[0] = _mm512_mask_add_epi32(x[0], carry, x[0], one);
}

/* Sixteen blocks of key stream onto the first `len` bytes. */
static inline void store_group(const __m512i x[4], const uint8_t *in, size_t len, uint8_t *out)
{
    const __m512i swap =
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    const __m512i a = _mm512_unpacklo_epi32(x[3], x[2]);
    const __m512i b = _mm512_unpackhi_epi32(x[3], x[2]);
    const __m512i c = _mm512_unpacklo_epi32(x[1], x[0]);
    const __m512i d = _mm512_unpackhi_epi32(x[1], x[0]);
    const __m512i blocks[4] = {_mm512_unpacklo_epi64(a, c), _mm512_unpackhi_epi64(a, c),
                               _mm512_unpacklo_epi64(b, d), _mm512_unpackhi_epi64(b, d)};
    for (size_t i = 0; i < 4 && 64 * i < len; i++) {
        const size_t left = len - 64 * i;
        const __mmask64 mask = left >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
        const __m512i data = _mm512_maskz_loadu_epi8(mask, in + 64 * i);
        _mm512_mask_storeu_epi8(out + 64 * i, mask,
                                _mm512_xor_si512(_mm512_shuffle_epi8(blocks[i], swap), data));
    }
}

/* L of the substituted bytes, onto x: s ^ s<<<24 ^ (s ^ s<<<8 ^ s<<<16)<<<2. */
static inline __m512i mix(__m512i x, __m512i t)
{
    const __m512i s = substitute_all(t);
    const __m512i u =
        _mm512_ternarylogic_epi32(s, _mm512_rol_epi32(s, 8), _mm512_rol_epi32(s, 16), XOR3);
    const __m512i v = _mm512_ternarylogic_epi32(x, s, _mm512_rol_epi32(s, 24), XOR3);
    return _mm512_xor_si512(v, _mm512_rol_epi32(u, 2));
}

/* `groups` is known to the compiler; all but the last are whole. */
static inline __attribute__((always_inline)) void groups_ctr(const uint32_t round[PHI_SM4_ROUNDS],
                                                             struct phi_sm4_counter counter,
                                                             const uint8_t *in, size_t len,
                                                             uint8_t *out, const int groups)
{
    __m512i x[MANY][4];
    for (int g = 0; g < groups; g++) {
        load_counters(x[g], counter);
        sm4_count(&counter, 16);
    }
    for (int i = 0; i < PHI_SM4_ROUNDS; i += 4) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const __m512i key = _mm512_set1_epi32((int)round[i + j]);
#pragma GCC unroll 4
            for (int g = 0; g < groups; g++) {
                const __m512i others =
                    _mm512_ternarylogic_epi32(x[g][(j + 1) & 3], x[g][(j + 2) & 3], key, XOR3);
                x[g][j] = mix(x[g][j], _mm512_xor_si512(others, x[g][(j + 3) & 3]));
            }
        }
    }
    for (ptrdiff_t g = 0; g < groups; g++)
        store_group(x[g], in + GROUP_LEN * g, len - (size_t)(GROUP_LEN * g), out + GROUP_LEN * g);
}

static void ctr(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                const uint8_t *in, size_t len, uint8_t *out)
{
    while (len > GROUP_LEN) {
        const size_t some = len < (size_t)MANY * GROUP_LEN ? len : (size_t)MANY * GROUP_LEN;
        if (some <= (size_t)(MANY - 1) * GROUP_LEN) {
            groups_ctr(round, counter, in, GROUP_LEN, out, 1);
            sm4_count(&counter, 16);
            in += GROUP_LEN;
            out += GROUP_LEN;
            len -= GROUP_LEN;
            continue;
        }
        groups_ctr(round, counter, in, some, out, MANY);
        sm4_count(&counter, 16 * MANY);
        in += some;
        out += some;
        len -= some;
    }
    if (len > 0)
        groups_ctr(round, counter, in, len, out, 1);
}

static bool is_here(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("gfni");
}

const struct phi_sm4_core phi_sm4_core_gfni = {
    .name = "gfni", .is_here = is_here, .expand = expand, .ctr = ctr};
