/* crypto/sm2/native/field.h's operations in plain C. */
#ifndef PHI_CRYPTO_SM2_NATIVE_FIELD_PLAIN_H
#define PHI_CRYPTO_SM2_NATIVE_FIELD_PLAIN_H

/* `a` + 2^256·carry, known to lie below 2p, minus p when it is not below p. */
static inline void fe_trim(struct phi_u256 *out, const struct phi_u256 *a, uint64_t carry)
{
    struct phi_u256 less;
    uint64_t borrow = u256_sub(&less, a, &fe_p);
    (void)u64_sub(carry, 0, &borrow);
    u256_select(out, 0 - borrow, a, &less);
}

static inline void fe_add(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    struct phi_u256 sum;
    uint64_t carry = u256_add(&sum, a, b);
    fe_trim(out, &sum, carry);
}

static inline void fe_sub(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    struct phi_u256 rest;
    uint64_t mask = 0 - u256_sub(&rest, a, b);
    struct phi_u256 p = {{mask, mask << 32, mask, mask & 0xfffffffeffffffff}};
    (void)u256_add(out, &rest, &p);
}

/* One step of the reduction of the lower half: the lowest word leaves, a new highest one comes in
 * its place. The true value fits four words, so the carries of the highest cancel. */
#define FE_STEP(t0, t1, t2, t3)                                                                    \
    do {                                                                                           \
        uint64_t low = (t0) << 32;                                                                 \
        uint64_t high = (t0) >> 32;                                                                \
        uint64_t carry = 0;                                                                        \
        uint64_t borrow = 0;                                                                       \
        (t1) = u64_add(t1, t0, &carry);                                                            \
        (t2) = u64_add(t2, 0, &carry);                                                             \
        (t3) = u64_add(t3, 0, &carry);                                                             \
        (t0) += carry;                                                                             \
        (t1) = u64_sub(t1, low, &borrow);                                                          \
        (t2) = u64_sub(t2, high, &borrow);                                                         \
        (t3) = u64_sub(t3, low, &borrow);                                                          \
        (t0) = u64_sub(t0, high, &borrow);                                                         \
    } while (0)

static inline void fe_reduce(struct phi_u256 *out, const uint64_t t[8])
{
    uint64_t t0 = t[0];
    uint64_t t1 = t[1];
    uint64_t t2 = t[2];
    uint64_t t3 = t[3];
    FE_STEP(t0, t1, t2, t3);
    FE_STEP(t1, t2, t3, t0);
    FE_STEP(t2, t3, t0, t1);
    FE_STEP(t3, t0, t1, t2);
    struct phi_u256 low = {{t0, t1, t2, t3}};
    struct phi_u256 high = {{t[4], t[5], t[6], t[7]}};
    struct phi_u256 sum;
    uint64_t carry = u256_add(&sum, &low, &high);
    fe_trim(out, &sum, carry);
}

static inline void fe_mul(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    uint64_t t[8] = {0};
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;
        t[i + 0] = u64_mul_add(t[i + 0], a->l[0], b->l[i], &carry);
        t[i + 1] = u64_mul_add(t[i + 1], a->l[1], b->l[i], &carry);
        t[i + 2] = u64_mul_add(t[i + 2], a->l[2], b->l[i], &carry);
        t[i + 3] = u64_mul_add(t[i + 3], a->l[3], b->l[i], &carry);
        t[i + 4] = carry;
    }
    fe_reduce(out, t);
}

static inline void fe_sqr(struct phi_u256 *out, const struct phi_u256 *a)
{
    fe_mul(out, a, a);
}

#endif
