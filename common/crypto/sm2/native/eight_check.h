/* Part of core_ifma.c: verifying, eight rows at once or the eight lanes for one row. */
#ifndef PHI_CRYPTO_SM2_NATIVE_EIGHT_CHECK_H
#define PHI_CRYPTO_SM2_NATIVE_EIGHT_CHECK_H

#include "crypto/sm2/native/core_common.h"
#include "crypto/sm2/native/eight_point.h"

#define EIGHT_MIN        4  /* fewer rows go one by one */
#define EIGHT_POINTS_MAX 80 /* windows of 6 bits for P and of 8 for G, and up to a multiple of 8 */

/* `sum` is X and ZZ of s·G + t·P, or ZZ = 0 when points met on the way. */
static void check_end(const struct phi_sm2_table *base, struct phi_sm2_check *row,
                      const struct phi_u256 *x, const struct phi_u256 *zz)
{
    if (u256_zero_mask(zz))
        check_careful(base, row);
    else
        row->is_good = x_is(&row->x, x, zz);
}

static inline __mmask8 eight_pick(struct eight *x, struct eight *y, const struct digits digits[8],
                                  unsigned i)
{
    const struct phi_sm2_affine *points[8];
    unsigned negative = 0;
    for (unsigned lane = 0; lane < 8; lane++) {
        uint32_t sign;
        points[lane] = digit_point(&digits[lane], i, &sign);
        negative |= sign << lane;
    }
    eight_from_points(x, y, points);
    return (__mmask8)negative;
}

/* One to eight rows, all with known keys and windows of the same size; lanes without a row of their
 * own repeat the first. */
static void check_eight(const struct phi_sm2_table *base, struct phi_sm2_check *const *rows,
                        size_t count)
{
    struct digits s[8], t[8];
    struct eight x, y;
    struct eight_sum sum;
    struct phi_u256 xs[8], zzs[8];
    for (size_t lane = 0; lane < 8; lane++) {
        const struct phi_sm2_check *row = rows[lane < count ? lane : 0];
        t[lane] = digits_of(row->known, &row->t);
        s[lane] = digits_of(base, &row->s);
        digits_prefetch(&t[lane]);
    }
    __mmask8 negative = eight_pick(&x, &y, t, 0);
    eight_sum_set(&sum, &x, &y, negative);
    for (unsigned i = 1; i < rows[0]->known->window_count; i++) {
        negative = eight_pick(&x, &y, t, i);
        eight_sum_add(&sum, &x, &y, negative);
    }
    for (unsigned i = 0; i < base->window_count; i++) {
        negative = eight_pick(&x, &y, s, i);
        eight_sum_add(&sum, &x, &y, negative);
    }
    eight_to_fields(xs, &sum.x);
    eight_to_fields(zzs, &sum.zz);
    for (size_t lane = 0; lane < count; lane++)
        check_end(base, rows[lane], &xs[lane], &zzs[lane]);
}

/* Points that are to be added up, with their signs. */
struct terms {
    const struct phi_sm2_affine *points[EIGHT_POINTS_MAX];
    uint8_t negative[EIGHT_POINTS_MAX];
    unsigned count; /* 8 at least */
};

static void terms_add(struct terms *terms, const struct digits *digits)
{
    for (unsigned i = 0; i < digits->table->window_count; i++) {
        uint32_t sign;
        terms->points[terms->count] = digit_point(digits, i, &sign);
        terms->negative[terms->count++] = (uint8_t)sign;
    }
}

/* Eight of the terms, from `from` on; lanes past the last one repeat the first of these. */
static __mmask8 terms_pick(struct eight *x, struct eight *y, const struct terms *terms,
                           unsigned from, unsigned used)
{
    const struct phi_sm2_affine *points[8];
    unsigned negative = 0;
    for (unsigned lane = 0; lane < 8; lane++) {
        const unsigned i = lane < used ? from + lane : from;
        points[lane] = terms->points[i];
        negative |= (unsigned)terms->negative[i] << lane;
    }
    eight_from_points(x, y, points);
    return (__mmask8)negative;
}

/* The sum of all terms in lane 0: each lane adds every eighth, then the lanes are joined. Leaves
 * nothing of it on the stack: the terms may be secret. */
static void terms_sum(const struct terms *terms, struct eight_sum *sum)
{
    struct eight x, y;
    struct eight_sum before;
    __mmask8 negative = terms_pick(&x, &y, terms, 0, 8);
    eight_sum_set(sum, &x, &y, negative);
    for (unsigned from = 8; from < terms->count; from += 8) {
        const unsigned used = terms->count - from < 8 ? terms->count - from : 8;
        negative = terms_pick(&x, &y, terms, from, used);
        before = *sum;
        eight_sum_add(sum, &x, &y, negative);
        if (used < 8)
            eight_sum_keep(sum, &before, (__mmask8)((1u << used) - 1));
    }
    eight_sum_collapse(sum);
    phi_wipe(&x, sizeof(x));
    phi_wipe(&y, sizeof(y));
    phi_wipe(&before, sizeof(before));
}

static struct phi_u256 first_field(const struct eight *a)
{
    struct phi_u256 fields[8];
    eight_to_fields(fields, a);
    return fields[0];
}

static void check_alone(const struct phi_sm2_table *base, struct phi_sm2_check *row)
{
    struct terms terms;
    struct eight_sum sum;
    const struct digits t = digits_of(row->known, &row->t);
    const struct digits s = digits_of(base, &row->s);
    terms.count = 0;
    terms_add(&terms, &t);
    terms_add(&terms, &s);
    for (unsigned i = 0; i < terms.count; i++)
        __builtin_prefetch(terms.points[i]);
    terms_sum(&terms, &sum);
    const struct phi_u256 x = first_field(&sum.x);
    const struct phi_u256 zz = first_field(&sum.zz);
    check_end(base, row, &x, &zz);
}

static void gathered_flush(struct gathered *some, const struct phi_sm2_table *base)
{
    if (some->count >= EIGHT_MIN)
        check_eight(base, some->rows, some->count);
    else
        for (size_t i = 0; i < some->count; i++)
            check_alone(base, some->rows[i]);
    some->count = 0;
}

static void eights_check(const struct phi_sm2_table *base, struct phi_sm2_check *rows, size_t count)
{
    check_gathered(base, rows, count, 8, gathered_flush);
}

#endif
