/* Part of core_plain.c and core_adx.c: one signature or one verification by itself. */
#ifndef PHI_CRYPTO_SM2_NATIVE_CORE_SINGLE_H
#define PHI_CRYPTO_SM2_NATIVE_CORE_SINGLE_H

#include "crypto/sm2/native/core_common.h"

/* −k·G has the same x as k·G, so the odd one of k and n − k will do. */
static void multiply_one(const struct phi_sm2_table *base, struct phi_sm2_multiple *row)
{
    struct phi_sm2_affine point;
    struct phi_u256 k, inverse;
    (void)phi_sm2_order_odd(&k, &row->k);
    select_point(&point, base->points, phi_sm2_digit(&k, PHI_SM2_SECRET_WINDOW, 0));
    struct sum sum = sum_of(&point);
    for (unsigned i = 1; i < base->window_count; i++) {
        select_point(&point, base->points + ((size_t)i << (PHI_SM2_SECRET_WINDOW - 1)),
                     phi_sm2_digit(&k, PHI_SM2_SECRET_WINDOW, i));
        sum_add(&sum, &point);
    }
    row->is_good = !u256_zero_mask(&sum.zz);
    fe_invert(&inverse, &sum.zz);
    fe_mul(&inverse, &inverse, &sum.x);
    row->x = fe_to_plain(&inverse);
    phi_wipe(&k, sizeof(k));
    phi_wipe(&point, sizeof(point));
    phi_wipe(&sum, sizeof(sum));
}

static void check_one(const struct phi_sm2_table *base, struct phi_sm2_check *row)
{
    if (!row->known) {
        check_careful(base, row);
        return;
    }
    struct phi_sm2_affine point;
    struct digits s = digits_of(base, &row->s);
    struct digits t = digits_of(row->known, &row->t);
    digits_prefetch(&t);
    pick_point(&point, &t, 0);
    struct sum sum = sum_of(&point);
    for (unsigned i = 1; i < t.table->window_count; i++) {
        pick_point(&point, &t, i);
        sum_add(&sum, &point);
    }
    for (unsigned i = 0; i < s.table->window_count; i++) {
        pick_point(&point, &s, i);
        sum_add(&sum, &point);
    }
    if (u256_zero_mask(&sum.zz))
        check_careful(base, row);
    else
        row->is_good = x_is(&row->x, &sum.x, &sum.zz);
}

#endif
