/* Part of all cores: inverses that share their work, and the filling of tables.
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_CORE_TABLE_H
#define PHI_CRYPTO_SM2_NATIVE_CORE_TABLE_H

#include "crypto/sm2/native/invert.h"
#include "crypto/sm2/native/point.h"

#define TABLE_WINDOWS_MAX 64

/* 1/a, 0 for 0; constant time. */
static inline void fe_invert(struct phi_u256 *out, const struct phi_u256 *a)
{
    phi_sm2_invert(out, a, &phi_sm2_invert_p);
    fe_mul(out, out, &fe_r3);
}

/* Replaces each of the values, none of them zero, by its inverse: one inversion and three products
 * for each. Two chains of products, of the even and of the odd places, go on side by side. */
static void invert_all(struct phi_u256 *values, struct phi_u256 *scratch, size_t count)
{
    struct phi_u256 even = fe_one;
    struct phi_u256 odd = fe_one;
    struct phi_u256 inverse, value;
    size_t i = 0;
    for (; i + 1 < count; i += 2) {
        scratch[i] = even;
        scratch[i + 1] = odd;
        fe_mul(&even, &even, &values[i]);
        fe_mul(&odd, &odd, &values[i + 1]);
    }
    if (i < count) {
        scratch[i] = even;
        fe_mul(&even, &even, &values[i]);
    }
    fe_mul(&inverse, &even, &odd);
    fe_invert(&inverse, &inverse);
    fe_mul(&value, &inverse, &odd);
    fe_mul(&odd, &inverse, &even);
    even = value;
    if (i < count) {
        value = values[i];
        fe_mul(&values[i], &even, &scratch[i]);
        fe_mul(&even, &even, &value);
    }
    while (i > 0) {
        i -= 2;
        fe_mul(&scratch[i], &even, &scratch[i]);
        fe_mul(&scratch[i + 1], &odd, &scratch[i + 1]);
        fe_mul(&even, &even, &values[i]);
        fe_mul(&odd, &odd, &values[i + 1]);
        values[i] = scratch[i];
        values[i + 1] = scratch[i + 1];
    }
}

/* out = a + b, given 1/(b.x − a.x). `out` may be `a` or `b`. */
static inline void affine_add(struct phi_sm2_affine *out, const struct phi_sm2_affine *a,
                              const struct phi_sm2_affine *b, const struct phi_u256 *inverse)
{
    struct phi_u256 slope, x, y;
    fe_sub(&slope, &b->y, &a->y);
    fe_mul(&slope, &slope, inverse);
    fe_sqr(&x, &slope);
    fe_sub(&x, &x, &a->x);
    fe_sub(&x, &x, &b->x);
    fe_sub(&y, &a->x, &x);
    fe_mul(&y, &y, &slope);
    fe_sub(&out->y, &y, &a->y);
    out->x = x;
}

/* out[i] = in[2i] + in[2i + 1] for two of them, interleaved because each step waits for the one
 * before. `out` may be `in` or before it. */
static inline void affine_add_two(struct phi_sm2_affine *out, const struct phi_sm2_affine *in,
                                  const struct phi_u256 *inverse)
{
    struct phi_u256 slope0, slope1, x0, x1, y0, y1;
    fe_sub(&slope0, &in[1].y, &in[0].y);
    fe_sub(&slope1, &in[3].y, &in[2].y);
    fe_mul(&slope0, &slope0, &inverse[0]);
    fe_mul(&slope1, &slope1, &inverse[1]);
    fe_sqr(&x0, &slope0);
    fe_sqr(&x1, &slope1);
    fe_sub(&x0, &x0, &in[0].x);
    fe_sub(&x1, &x1, &in[2].x);
    fe_sub(&x0, &x0, &in[1].x);
    fe_sub(&x1, &x1, &in[3].x);
    fe_sub(&y0, &in[0].x, &x0);
    fe_sub(&y1, &in[2].x, &x1);
    fe_mul(&y0, &y0, &slope0);
    fe_mul(&y1, &y1, &slope1);
    fe_sub(&y0, &y0, &in[0].y);
    fe_sub(&y1, &y1, &in[2].y);
    out[0] = (struct phi_sm2_affine){x0, y0};
    out[1] = (struct phi_sm2_affine){x1, y1};
}

/* points[i] = 2^(w·i)·P and steps[i] = twice that. */
static void table_bases(const struct phi_sm2_affine *point, unsigned window_bits, unsigned count,
                        struct phi_sm2_affine *points, struct phi_sm2_affine *steps)
{
    struct jacobian at[2 * TABLE_WINDOWS_MAX];
    struct phi_u256 z[2 * TABLE_WINDOWS_MAX];
    struct phi_u256 scratch[2 * TABLE_WINDOWS_MAX];
    struct jacobian current = {point->x, point->y, fe_one};
    for (unsigned i = 0; i < count; i++) {
        at[2 * i] = current;
        jacobian_double(&current, &current);
        at[2 * i + 1] = current;
        for (unsigned j = 1; j < window_bits; j++)
            jacobian_double(&current, &current);
    }
    for (unsigned i = 0; i < 2 * count; i++)
        z[i] = at[i].z;
    invert_all(z, scratch, 2 * (size_t)count);
    for (unsigned i = 0; i < 2 * count; i++) {
        struct phi_sm2_affine *out = i % 2 ? &steps[i / 2] : &points[i / 2];
        jacobian_affine(out, &at[i], &z[i]);
    }
}

/* All windows go on together by one step, with one inversion. No two points that are added meet:
 * the order of P is the prime n, and the multiples are small. */
static void table_build(struct phi_sm2_table *table, const struct phi_sm2_affine *point)
{
    const unsigned count = table->window_count;
    const size_t width = (size_t)1 << (table->window_bits - 1);
    struct phi_sm2_affine firsts[TABLE_WINDOWS_MAX];
    struct phi_sm2_affine steps[TABLE_WINDOWS_MAX];
    struct phi_u256 rest[TABLE_WINDOWS_MAX];
    struct phi_u256 scratch[TABLE_WINDOWS_MAX];
    table_bases(point, table->window_bits, count, firsts, steps);
    for (unsigned i = 0; i < count; i++)
        table->points[i * width] = firsts[i];
    for (size_t j = 1; j < width; j++) {
        for (unsigned i = 0; i < count; i++)
            fe_sub(&rest[i], &steps[i].x, &table->points[i * width + j - 1].x);
        invert_all(rest, scratch, count);
        for (unsigned i = 0; i < count; i++)
            affine_add(&table->points[i * width + j], &table->points[i * width + j - 1], &steps[i],
                       &rest[i]);
    }
}

#endif
