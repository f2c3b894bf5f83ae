/* Eight numbers modulo p at once with AVX-512 IFMA: five words of 52 bits each, a lane for each
 * number, as x·2^260 mod p (Montgomery's form with R = 2^260). Part of core_ifma.c.
 *
 * 256-bit numbers leave four bits free, so a number may be any of x, x + p, … x + 15p: no
 * comparison with p ever. The bounds stand beside the formulas, in multiples of p: a product of
 * numbers below a·p and b·p lies below (1 + a·b/16)·p.
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_EIGHT_H
#define PHI_CRYPTO_SM2_NATIVE_EIGHT_H

#include "crypto/sm2/native/field.h"
#include "crypto/sm2/native/table.h"

#include <immintrin.h>

/* Words between 0 and 2^52 − 1, but for those that were added or subtracted and not yet carried. */
struct eight {
    __m512i l[5];
};

static const int64_t eight_p[5] = {0xfffffffffffff, 0xff00000000fff, 0xfffffffffffff,
                                   0xfffffffffffff, 0x0fffffffeffff};
/* 2^260 mod p and 2^256 mod p */
static const int64_t eight_one[5] = {0x0000000000010, 0x0ffffffff0000, 0, 0, 0x0000000100000};
static const int64_t eight_r256[5] = {0x0000000000001, 0x00ffffffff000, 0, 0, 0x0000000010000};

static inline __m512i eight_all(uint64_t value)
{
    return _mm512_set1_epi64((long long)value);
}

static inline struct eight eight_of(const int64_t words[5])
{
    struct eight out;
    for (int i = 0; i < 5; i++)
        out.l[i] = _mm512_set1_epi64(words[i]);
    return out;
}

/* Carries, also negative ones; the value itself lies in [0, 16p). */
static inline void eight_carry(struct eight *a)
{
    const __m512i mask = eight_all(0xfffffffffffff);
    __m512i carry = _mm512_srai_epi64(a->l[0], 52);
    a->l[0] = _mm512_and_si512(a->l[0], mask);
    for (int i = 1; i < 4; i++) {
        const __m512i sum = _mm512_add_epi64(a->l[i], carry);
        carry = _mm512_srai_epi64(sum, 52);
        a->l[i] = _mm512_and_si512(sum, mask);
    }
    a->l[4] = _mm512_add_epi64(a->l[4], carry);
}

/* The same, and what is above 2^256 comes down: below 1.01p. What the lower words would carry is
 * left out in finding the height; it is too little to matter. */
static inline void eight_trim(struct eight *a)
{
    const __m512i top = _mm512_add_epi64(a->l[4], _mm512_srai_epi64(a->l[3], 52));
    const __m512i height = _mm512_srai_epi64(top, 48);
    const __m512i high = _mm512_slli_epi64(height, 44);
    a->l[0] = _mm512_add_epi64(a->l[0], height);
    a->l[1] = _mm512_add_epi64(a->l[1], _mm512_sub_epi64(high, _mm512_slli_epi64(height, 12)));
    a->l[4] = _mm512_add_epi64(
        a->l[4], _mm512_sub_epi64(_mm512_slli_epi64(height, 16), _mm512_slli_epi64(height, 48)));
    eight_carry(a);
}

/* a − b + times·p, to be carried or trimmed. */
static inline void eight_less(struct eight *out, const struct eight *a, const struct eight *b,
                              int times)
{
    for (int i = 0; i < 5; i++)
        out->l[i] = _mm512_add_epi64(_mm512_sub_epi64(a->l[i], b->l[i]),
                                     _mm512_set1_epi64(times * eight_p[i]));
}

static inline void eight_sub(struct eight *out, const struct eight *a, const struct eight *b,
                             int times)
{
    eight_less(out, a, b, times);
    eight_carry(out);
}

/* One word of b into the sum c0 … c4, then the lowest word m leaves it: m·p + m is 2^52·m·(2^12 −
 * 2^44) + 2^208·m·(2^48 − 2^16), and the first factor gets 2^52, paid back one word higher, so as
 * not to be negative. */
#define EIGHT_STEP(i)                                                                              \
    do {                                                                                           \
        const __m512i bi = b->l[i];                                                                \
        __m512i d1 = _mm512_madd52hi_epu64(zero, a->l[0], bi);                                     \
        __m512i d2 = _mm512_madd52hi_epu64(zero, a->l[1], bi);                                     \
        __m512i d3 = _mm512_madd52hi_epu64(zero, a->l[2], bi);                                     \
        __m512i d4 = _mm512_madd52hi_epu64(zero, a->l[3], bi);                                     \
        __m512i d5 = _mm512_madd52hi_epu64(zero, a->l[4], bi);                                     \
        c0 = _mm512_madd52lo_epu64(c0, a->l[0], bi);                                               \
        c1 = _mm512_madd52lo_epu64(c1, a->l[1], bi);                                               \
        c2 = _mm512_madd52lo_epu64(c2, a->l[2], bi);                                               \
        c3 = _mm512_madd52lo_epu64(c3, a->l[3], bi);                                               \
        c4 = _mm512_madd52lo_epu64(c4, a->l[4], bi);                                               \
        const __m512i m = _mm512_and_si512(c0, mask);                                              \
        c1 = _mm512_add_epi64(c1, _mm512_srai_epi64(c0, 52));                                      \
        d1 = _mm512_madd52lo_epu64(d1, m, low);                                                    \
        d2 = _mm512_sub_epi64(_mm512_madd52hi_epu64(d2, m, low), m);                               \
        d4 = _mm512_madd52lo_epu64(d4, m, high);                                                   \
        d5 = _mm512_madd52hi_epu64(d5, m, high);                                                   \
        c0 = _mm512_add_epi64(c1, d1);                                                             \
        c1 = _mm512_add_epi64(c2, d2);                                                             \
        c2 = _mm512_add_epi64(c3, d3);                                                             \
        c3 = _mm512_add_epi64(c4, d4);                                                             \
        c4 = d5;                                                                                   \
    } while (0)

static inline void eight_mul(struct eight *out, const struct eight *a, const struct eight *b)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i mask = eight_all(0xfffffffffffff);
    const __m512i low = eight_all((UINT64_C(1) << 52) + (UINT64_C(1) << 12) - (UINT64_C(1) << 44));
    const __m512i high = eight_all((UINT64_C(1) << 48) - (UINT64_C(1) << 16));
    __m512i c0 = zero;
    __m512i c1 = zero;
    __m512i c2 = zero;
    __m512i c3 = zero;
    __m512i c4 = zero;
    EIGHT_STEP(0);
    EIGHT_STEP(1);
    EIGHT_STEP(2);
    EIGHT_STEP(3);
    EIGHT_STEP(4);
    *out = (struct eight){{c0, c1, c2, c3, c4}};
    eight_carry(out);
}

/* Four words of 64 bits to five of 52, times 16: x·2^256 becomes x·2^260. Below 16p. */
static inline void eight_from_words(struct eight *out, const __m512i w[4])
{
    const __m512i mask = eight_all(0xfffffffffffff);
    out->l[0] = _mm512_and_si512(_mm512_slli_epi64(w[0], 4), mask);
    out->l[1] = _mm512_and_si512(
        _mm512_or_si512(_mm512_srli_epi64(w[0], 48), _mm512_slli_epi64(w[1], 16)), mask);
    out->l[2] = _mm512_and_si512(
        _mm512_or_si512(_mm512_srli_epi64(w[1], 36), _mm512_slli_epi64(w[2], 28)), mask);
    out->l[3] = _mm512_and_si512(
        _mm512_or_si512(_mm512_srli_epi64(w[2], 24), _mm512_slli_epi64(w[3], 40)), mask);
    out->l[4] = _mm512_srli_epi64(w[3], 12);
}

/* Eight points, one to a lane: both coordinates below 16p. */
static inline void eight_from_points(struct eight *x, struct eight *y,
                                     const struct phi_sm2_affine *const points[8])
{
    __m512i r[8], t[8], w[8];
    for (int i = 0; i < 8; i++)
        r[i] = _mm512_loadu_si512(points[i]);
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1]);
        t[4 + i] = _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) { /* the even words, then the odd ones */
        const __m512i a = _mm512_shuffle_i64x2(t[4 * i], t[4 * i + 1], 0x88);
        const __m512i b = _mm512_shuffle_i64x2(t[4 * i], t[4 * i + 1], 0xdd);
        const __m512i c = _mm512_shuffle_i64x2(t[4 * i + 2], t[4 * i + 3], 0x88);
        const __m512i d = _mm512_shuffle_i64x2(t[4 * i + 2], t[4 * i + 3], 0xdd);
        w[i] = _mm512_shuffle_i64x2(a, c, 0x88);
        w[i + 2] = _mm512_shuffle_i64x2(b, d, 0x88);
        w[i + 4] = _mm512_shuffle_i64x2(a, c, 0xdd);
        w[i + 6] = _mm512_shuffle_i64x2(b, d, 0xdd);
    }
    eight_from_words(x, w);
    eight_from_words(y, w + 4);
}

/* As field.h has them: x·2^256 mod p, below p. */
static inline void eight_to_fields(struct phi_u256 out[8], const struct eight *a)
{
    uint64_t words[4][8];
    const struct eight r256 = eight_of(eight_r256);
    struct eight t;
    eight_mul(&t, a, &r256); /* below p + 2^224, which is below 2^256 */
    _mm512_storeu_si512(words[0], _mm512_or_si512(t.l[0], _mm512_slli_epi64(t.l[1], 52)));
    _mm512_storeu_si512(
        words[1], _mm512_or_si512(_mm512_srli_epi64(t.l[1], 12), _mm512_slli_epi64(t.l[2], 40)));
    _mm512_storeu_si512(
        words[2], _mm512_or_si512(_mm512_srli_epi64(t.l[2], 24), _mm512_slli_epi64(t.l[3], 28)));
    _mm512_storeu_si512(
        words[3], _mm512_or_si512(_mm512_srli_epi64(t.l[3], 36), _mm512_slli_epi64(t.l[4], 16)));
    for (int i = 0; i < 8; i++) {
        const struct phi_u256 whole = {{words[0][i], words[1][i], words[2][i], words[3][i]}};
        struct phi_u256 less;
        const uint64_t mask = 0 - u256_sub(&less, &whole, &fe_p);
        u256_select(&out[i], mask, &whole, &less);
    }
}

#endif
