/* Part of all cores: the points of digits, secret and public, and the verification that is right
 * whatever points meet. */
#ifndef PHI_CRYPTO_SM2_NATIVE_CORE_COMMON_H
#define PHI_CRYPTO_SM2_NATIVE_CORE_COMMON_H

#include "base/bytes.h"
#include "crypto/sm2/native/core.h"
#include "crypto/sm2/native/core_table.h"
#include "crypto/sm2/native/order.h"

/* As many bytes as the processor compares at once. */
#ifdef __AVX512F__
#define LANES_BYTES 64
#elif defined(__AVX2__)
#define LANES_BYTES 32
#else
#define LANES_BYTES 16
#endif
typedef uint32_t lanes __attribute__((vector_size(LANES_BYTES), aligned(LANES_BYTES), may_alias));

/* The secret `digit`'s point out of `window`: all of them are read, in the same order. */
static inline void select_point(struct phi_sm2_affine *out, const struct phi_sm2_affine *window,
                                uint32_t digit)
{
    lanes found[64 / LANES_BYTES] = {{0}};
    lanes at = {0};
    const lanes *from = (const lanes *)window;
    const lanes index = at + (digit >> 1);
    for (int i = 0; i < 1 << (PHI_SM2_SECRET_WINDOW - 1); i++) {
        const lanes mask = (lanes)(at == index);
        for (int j = 0; j < 64 / LANES_BYTES; j++)
            found[j] |= *from++ & mask;
        at += 1u;
    }
    memcpy(out, found, sizeof(*out));
    fe_negate_if(&out->y, 0 - (uint64_t)(digit & 1));
}

/* A public multiplier as odd digits; `flip` negates them all when the even k became n − k. */
struct digits {
    struct phi_u256 odd;
    uint32_t flip;
    const struct phi_sm2_table *table;
};

static inline struct digits digits_of(const struct phi_sm2_table *table, const struct phi_u256 *k)
{
    struct digits digits = {.table = table};
    digits.flip = (uint32_t)(phi_sm2_order_odd(&digits.odd, k) & 1);
    return digits;
}

static inline const struct phi_sm2_affine *digit_point(const struct digits *digits, unsigned i,
                                                       uint32_t *negative)
{
    const unsigned bits = digits->table->window_bits;
    uint32_t digit = phi_sm2_digit(&digits->odd, bits, i);
    *negative = (digit & 1) ^ digits->flip;
    return &digits->table->points[((size_t)i << (bits - 1)) + (digit >> 1)];
}

static inline void pick_point(struct phi_sm2_affine *out, const struct digits *digits, unsigned i)
{
    uint32_t negative;
    *out = *digit_point(digits, i, &negative);
    fe_negate_if(&out->y, 0 - (uint64_t)negative);
}

/* The tables of many keys don't fit the nearest cache. */
static inline void digits_prefetch(const struct digits *digits)
{
    uint32_t negative;
    for (unsigned i = 0; i < digits->table->window_count; i++)
        __builtin_prefetch(digit_point(digits, i, &negative));
}

/* x·ZZ = X, or (x + n)·ZZ = X where x + n is still below p. */
static bool x_is(const struct phi_u256 *x, const struct phi_u256 *sum_x, const struct phi_u256 *zz)
{
    struct phi_u256 other, product;
    struct phi_u256 lifted = fe_from_plain(x);
    fe_mul(&product, &lifted, zz);
    if (u256_is_equal(&product, sum_x))
        return true;
    if (u256_add(&other, x, &phi_sm2_n) || !u256_sub(&product, &other, &fe_p))
        return false;
    lifted = fe_from_plain(&other);
    fe_mul(&product, &lifted, zz);
    return u256_is_equal(&product, sum_x);
}

/* The digits of k in ±{1, 3, … 15} with at least four zeros between any two, lowest first. */
static int recode(const struct phi_u256 *k, int8_t out[257])
{
    int count = 0;
    uint32_t carry = 0;
    memset(out, 0, 257);
    for (unsigned i = 0; i < 257;) {
        uint32_t bits = u256_bits(k, i, 5) + carry;
        if (!(bits & 1)) {
            i++;
            continue;
        }
        carry = bits >> 4 & 1;
        bits &= 31;
        out[i] = (int8_t)(carry ? (int)bits - 32 : (int)bits);
        count = (int)i + 1;
        i += 5;
    }
    return count;
}

/* The points P, 3P, … 15P. */
static void odd_multiples(struct phi_sm2_affine odd[8], const struct phi_sm2_affine *point)
{
    struct jacobian at[9] = {{point->x, point->y, fe_one}};
    struct phi_u256 z[9];
    struct phi_u256 scratch[9];
    jacobian_double(&at[8], &at[0]);
    for (int i = 1; i < 8; i++)
        jacobian_add(&at[i], &at[i - 1], &at[8]);
    for (int i = 0; i < 8; i++)
        z[i] = at[i].z;
    invert_all(z, scratch, 8);
    for (int i = 0; i < 8; i++)
        jacobian_affine(&odd[i], &at[i], &z[i]);
}

/* out = t·P without a table of P, for any t in [1, n−1]. */
static void multiply_unknown(struct jacobian *out, const struct phi_sm2_affine *point,
                             const struct phi_u256 *t)
{
    int8_t digits[257];
    struct phi_sm2_affine odd[8];
    odd_multiples(odd, point);
    *out = (struct jacobian){.x = fe_one, .y = fe_one};
    for (int i = recode(t, digits) - 1; i >= 0; i--) {
        jacobian_double(out, out);
        if (digits[i] == 0)
            continue;
        struct phi_sm2_affine term = odd[(digits[i] < 0 ? -digits[i] : digits[i]) >> 1];
        fe_negate_if(&term.y, 0 - (uint64_t)(digits[i] < 0));
        jacobian_add_affine(out, &term);
    }
}

/* out = s·G, for any s in [1, n−1]. */
static void multiply_open(struct jacobian *out, const struct phi_sm2_table *base,
                          const struct phi_u256 *s)
{
    struct phi_sm2_affine point;
    struct digits digits = digits_of(base, s);
    pick_point(&point, &digits, 0);
    struct sum sum = sum_of(&point);
    for (unsigned i = 1; i < base->window_count; i++) {
        pick_point(&point, &digits, i);
        sum_add(&sum, &point);
    }
    fe_mul(&out->x, &sum.x, &sum.zz);
    fe_mul(&out->y, &sum.y, &sum.zzz);
    out->z = sum.zz;
    if (!u256_zero_mask(&sum.zz))
        return;
    *out = (struct jacobian){.x = fe_one, .y = fe_one};
    for (unsigned i = 0; i < base->window_count; i++) {
        pick_point(&point, &digits, i);
        jacobian_add_affine(out, &point);
    }
}

/* Right whatever points meet on the way: for unknown keys, and for keys made to make them meet. */
static void check_careful(const struct phi_sm2_table *base, struct phi_sm2_check *row)
{
    struct jacobian sum, other;
    struct phi_u256 zz;
    multiply_unknown(&sum, row->point, &row->t);
    multiply_open(&other, base, &row->s);
    jacobian_add(&sum, &sum, &other);
    fe_sqr(&zz, &sum.z);
    row->is_good = !u256_zero_mask(&sum.z) && x_is(&row->x, &sum.x, &zz);
}

/* Rows that go together: their tables have the same windows. */
#define GATHER_MAX 16

struct gathered {
    struct phi_sm2_check *rows[GATHER_MAX];
    size_t count;
};

/* Checks the rows of `some`, and then there are none. */
typedef void flush_gathered(struct gathered *some, const struct phi_sm2_table *base);

/* Known keys go `together` at a time, those with small tables apart from those with large ones;
 * unknown ones at once. */
static void check_gathered(const struct phi_sm2_table *base, struct phi_sm2_check *rows,
                           size_t count, size_t together, flush_gathered *flush)
{
    struct gathered kinds[2] = {{.count = 0}, {.count = 0}};
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].known) {
            check_careful(base, &rows[i]);
            continue;
        }
        struct gathered *some = &kinds[rows[i].known->window_bits > 6];
        if (some->count == together ||
            (some->count > 0 && some->rows[0]->known->window_bits != rows[i].known->window_bits))
            flush(some, base);
        some->rows[some->count++] = &rows[i];
    }
    flush(&kinds[0], base);
    flush(&kinds[1], base);
}

#endif
