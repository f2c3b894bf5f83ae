/* Fixed-base tables: for a point P, the points (2j+1)·2^(w·i)·P for each window i and j < 2^(w−1).
 * A scalar is written with odd digits only, one for each window, so its multiple of P is a sum of
 * one point (or its negative) from each window: no doubling, no infinity on the way.
 * Inside sm2/native only.
 *
 *   unsigned digit = phi_sm2_digit(&k, table->window_bits, i);              // k odd
 *   point = table->points[(i << (table->window_bits - 1)) + (digit >> 1)];  // negated if digit & 1
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_TABLE_H
#define PHI_CRYPTO_SM2_NATIVE_TABLE_H

#include "crypto/sm2/native/limbs.h"

#include <stddef.h>

/* In Montgomery's form; 64 bytes. Never the point at infinity. */
struct phi_sm2_affine {
    struct phi_u256 x, y;
};

struct phi_sm2_table {
    unsigned window_bits;
    unsigned window_count; /* window_bits · window_count ≥ 256 */
    struct phi_sm2_affine *points;
};

static inline size_t phi_sm2_table_points(unsigned window_bits)
{
    return (size_t)((256 + window_bits - 1) / window_bits) << (window_bits - 1);
}

/* The digit of window i of an odd k: d = 2·index + 1, or its negative: given as 2·index + sign.
 * k = Σ d·2^(w·i); the highest is always positive. Constant time. */
static inline uint32_t phi_sm2_digit(const struct phi_u256 *k, unsigned window_bits, unsigned i)
{
    uint32_t half = UINT32_C(1) << (window_bits - 1);
    uint32_t bits = u256_bits(k, window_bits * i + 1, window_bits);
    uint32_t is_last = window_bits * (i + 1) >= 256; /* public */
    uint32_t negative = (bits < half) & !is_last;
    uint32_t index = is_last ? bits : (bits ^ (0 - negative)) & (half - 1);
    return index << 1 | negative;
}

#endif
