/* Numbers of 256 bits as four words of 64, least significant first. Nothing here branches on a
 * value or uses one as an index. Inside sm2/native only.
 *
 *   struct phi_u256 a = u256_from_bytes(bytes);
 *   uint64_t borrow = u256_sub(&d, &a, &b);
 *   u256_select(&d, 0 - borrow, &a, &d);          // the mask is all ones or all zeros
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_LIMBS_H
#define PHI_CRYPTO_SM2_NATIVE_LIMBS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

__extension__ typedef unsigned __int128 phi_u128;
__extension__ typedef __int128 phi_i128;

struct phi_u256 {
    uint64_t l[4];
};

#ifdef __x86_64__
/* The compilers turn these, but not the sums below, into chains of adc and sbb. */
static inline uint64_t u64_add(uint64_t a, uint64_t b, uint64_t *carry)
{
    unsigned long long sum;
    *carry = _addcarry_u64((unsigned char)*carry, a, b, &sum);
    return sum;
}

static inline uint64_t u64_sub(uint64_t a, uint64_t b, uint64_t *borrow)
{
    unsigned long long rest;
    *borrow = _subborrow_u64((unsigned char)*borrow, a, b, &rest);
    return rest;
}
#else
static inline uint64_t u64_add(uint64_t a, uint64_t b, uint64_t *carry)
{
    phi_u128 sum = (phi_u128)a + b + *carry;
    *carry = (uint64_t)(sum >> 64);
    return (uint64_t)sum;
}

static inline uint64_t u64_sub(uint64_t a, uint64_t b, uint64_t *borrow)
{
    phi_u128 rest = (phi_u128)a - b - *borrow;
    *borrow = (uint64_t)(rest >> 127);
    return (uint64_t)rest;
}
#endif

/* t + a·b + *carry, which always fits two words. */
static inline uint64_t u64_mul_add(uint64_t t, uint64_t a, uint64_t b, uint64_t *carry)
{
    phi_u128 sum = (phi_u128)a * b + t + *carry;
    *carry = (uint64_t)(sum >> 64);
    return (uint64_t)sum;
}

static inline uint64_t u256_add(struct phi_u256 *out, const struct phi_u256 *a,
                                const struct phi_u256 *b)
{
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++)
        out->l[i] = u64_add(a->l[i], b->l[i], &carry);
    return carry;
}

static inline uint64_t u256_sub(struct phi_u256 *out, const struct phi_u256 *a,
                                const struct phi_u256 *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++)
        out->l[i] = u64_sub(a->l[i], b->l[i], &borrow);
    return borrow;
}

/* `a` where the mask is ones, `b` where it is zeros. */
static inline void u256_select(struct phi_u256 *out, uint64_t mask, const struct phi_u256 *a,
                               const struct phi_u256 *b)
{
    for (int i = 0; i < 4; i++)
        out->l[i] = (a->l[i] & mask) | (b->l[i] & ~mask);
}

/* Ones when the value is zero. */
static inline uint64_t u64_zero_mask(uint64_t value)
{
    return ((value | (0 - value)) >> 63) - 1;
}

static inline uint64_t u256_zero_mask(const struct phi_u256 *a)
{
    return u64_zero_mask(a->l[0] | a->l[1] | a->l[2] | a->l[3]);
}

static inline bool u256_is_equal(const struct phi_u256 *a, const struct phi_u256 *b)
{
    return ((a->l[0] ^ b->l[0]) | (a->l[1] ^ b->l[1]) | (a->l[2] ^ b->l[2]) |
            (a->l[3] ^ b->l[3])) == 0;
}

/* Big-endian, 32 bytes. */
static inline struct phi_u256 u256_from_bytes(const uint8_t bytes[32])
{
    struct phi_u256 out;
    for (int i = 0; i < 4; i++) {
        uint64_t word = 0;
        for (int j = 0; j < 8; j++)
            word = word << 8 | bytes[(3 - i) * 8 + j];
        out.l[i] = word;
    }
    return out;
}

static inline void u256_to_bytes(const struct phi_u256 *a, uint8_t bytes[32])
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 8; j++)
            bytes[(3 - i) * 8 + j] = (uint8_t)(a->l[i] >> (56 - 8 * j));
}

/* `count` bits (at most 32) from bit `from` on; bits past the end are zero. */
static inline uint32_t u256_bits(const struct phi_u256 *a, unsigned from, unsigned count)
{
    unsigned word = from / 64;
    unsigned shift = from % 64;
    uint64_t bits = word < 4 ? a->l[word] >> shift : 0;
    if (shift > 32 && word + 1 < 4)
        bits |= a->l[word + 1] << (64 - shift);
    return (uint32_t)(bits & ((UINT64_C(1) << count) - 1));
}

#endif
