/* Numbers modulo p = 2^256 − 2^224 − 2^96 + 2^64 − 1, the prime of GB/T 32918.5's curve, as x·2^256
 * mod p (Montgomery's form), always below p. Nothing here branches on a value. Inside sm2/native
 * only; included by files that are compiled once for every processor and once for those with
 * mulx, adcx and adox.
 *
 *   struct phi_u256 a = fe_from_plain(&x);
 *   fe_mul(&c, &a, &b);                    // the result may be one of the operands
 *   fe_sqr(&c, &c);
 *   x = fe_to_plain(&c);
 *
 * −p⁻¹ mod 2^64 is 1, so each step of the reduction adds m·p for the lowest word m itself, and m·p
 * is made of shifts by 32.
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_FIELD_H
#define PHI_CRYPTO_SM2_NATIVE_FIELD_H

#include "crypto/sm2/native/limbs.h"

static const struct phi_u256 fe_p = {
    {0xffffffffffffffff, 0xffffffff00000000, 0xffffffffffffffff, 0xfffffffeffffffff}};
static const struct phi_u256 fe_one = {{1, 0x00000000ffffffff, 0, 0x0000000100000000}};

#if defined(__x86_64__) && defined(__ADX__) && defined(__BMI2__)
#include "crypto/sm2/native/field_adx.h"
#else
#include "crypto/sm2/native/field_plain.h"
#endif

/* 2^512 mod p and 2^768 mod p. */
static const struct phi_u256 fe_r2 = {
    {0x0000000200000003, 0x00000002ffffffff, 0x0000000100000001, 0x0000000400000002}};
static const struct phi_u256 fe_r3 = {
    {0x0000001200000016, 0x0000000efffffff8, 0x0000000a0000000c, 0x0000001b00000009}};

static inline struct phi_u256 fe_from_plain(const struct phi_u256 *x)
{
    struct phi_u256 out;
    fe_mul(&out, x, &fe_r2);
    return out;
}

static inline struct phi_u256 fe_to_plain(const struct phi_u256 *x)
{
    static const struct phi_u256 one = {{1, 0, 0, 0}};
    struct phi_u256 out;
    fe_mul(&out, x, &one);
    return out;
}

static inline void fe_dbl(struct phi_u256 *out, const struct phi_u256 *a)
{
    fe_add(out, a, a);
}

/* −a where the mask is ones; 0 stays 0 only up to a multiple of p, so `a` must not be 0. */
static inline void fe_negate_if(struct phi_u256 *a, uint64_t mask)
{
    struct phi_u256 negative;
    (void)u256_sub(&negative, &fe_p, a);
    u256_select(a, mask, &negative, a);
}

#endif
