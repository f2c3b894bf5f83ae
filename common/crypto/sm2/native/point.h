/* Points of the curve y² = x³ − 3x + b over crypto/sm2/native/field.h.
 *
 * Sums of table points are kept as X, Y, ZZ, ZZZ with x = X/ZZ, y = Y/ZZZ, ZZ³ = ZZZ²: ten products
 * for adding an affine point. Doubling runs on Jacobian X, Y, Z (x = X/Z², y = Y/Z³), eight
 * products. The point at infinity has ZZ = 0 or Z = 0.
 *
 *   struct sum sum = sum_of(&points[3]);
 *   sum_add(&sum, &points[5]);             // unless they meet: then ZZ becomes 0 and stays 0
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_POINT_H
#define PHI_CRYPTO_SM2_NATIVE_POINT_H

#include "crypto/sm2/native/field.h"
#include "crypto/sm2/native/table.h"

struct sum {
    struct phi_u256 x, y, zz, zzz;
};

struct jacobian {
    struct phi_u256 x, y, z;
};

static inline struct sum sum_of(const struct phi_sm2_affine *point)
{
    return (struct sum){.x = point->x, .y = point->y, .zz = fe_one, .zzz = fe_one};
}

/* sum += point by the formulas madd-2008-s. When x is the same, whatever y is, ZZ and ZZZ become
 * zero and every later addition leaves them so: one look at the end tells. */
static inline void sum_add(struct sum *sum, const struct phi_sm2_affine *point)
{
    struct phi_u256 u, s, p, r, pp, ppp, q, t;
    fe_mul(&u, &point->x, &sum->zz);
    fe_mul(&s, &point->y, &sum->zzz);
    fe_sub(&p, &u, &sum->x);
    fe_sub(&r, &s, &sum->y);
    fe_sqr(&pp, &p);
    fe_sqr(&t, &r);
    fe_mul(&ppp, &p, &pp);
    fe_mul(&q, &sum->x, &pp);
    fe_mul(&sum->zz, &sum->zz, &pp);
    fe_sub(&t, &t, &ppp);
    fe_sub(&t, &t, &q);
    fe_sub(&sum->x, &t, &q);
    fe_mul(&sum->zzz, &sum->zzz, &ppp);
    fe_mul(&ppp, &sum->y, &ppp);
    fe_sub(&q, &q, &sum->x);
    fe_mul(&q, &r, &q);
    fe_sub(&sum->y, &q, &ppp);
}

/* Z = 2YZ, A = 3(X − Z²)(X + Z²), X = A² − 8XY², Y = A(4XY² − X) − 8Y⁴; infinity stays infinity. */
static inline void jacobian_double(struct jacobian *out, const struct jacobian *in)
{
    struct phi_u256 zz, yy2, xyy4, a, t;
    fe_sqr(&zz, &in->z);
    fe_sqr(&yy2, &in->y);
    fe_sub(&t, &in->x, &zz);
    fe_add(&a, &in->x, &zz);
    fe_dbl(&yy2, &yy2);
    fe_mul(&a, &a, &t);
    fe_mul(&xyy4, &in->x, &yy2);
    fe_mul(&zz, &in->y, &in->z);
    fe_dbl(&t, &a);
    fe_add(&a, &a, &t);
    fe_dbl(&xyy4, &xyy4);
    fe_sqr(&t, &a);
    fe_sqr(&yy2, &yy2);
    fe_dbl(&out->z, &zz);
    fe_sub(&t, &t, &xyy4);
    fe_sub(&out->x, &t, &xyy4);
    fe_sub(&xyy4, &xyy4, &out->x);
    fe_dbl(&yy2, &yy2);
    fe_mul(&xyy4, &xyy4, &a);
    fe_sub(&out->y, &xyy4, &yy2);
}

/* out = a + b for any two points, by the formulas add-2007-bl; not constant time. */
static inline void jacobian_add(struct jacobian *out, const struct jacobian *a,
                                const struct jacobian *b)
{
    struct phi_u256 zz1, zz2, u1, u2, s1, s2, h, r, i, j;
    if (u256_zero_mask(&a->z) || u256_zero_mask(&b->z)) {
        *out = u256_zero_mask(&a->z) ? *b : *a;
        return;
    }
    fe_sqr(&zz1, &a->z);
    fe_sqr(&zz2, &b->z);
    fe_mul(&u1, &a->x, &zz2);
    fe_mul(&u2, &b->x, &zz1);
    fe_mul(&s1, &b->z, &zz2);
    fe_mul(&s1, &a->y, &s1);
    fe_mul(&s2, &a->z, &zz1);
    fe_mul(&s2, &b->y, &s2);
    fe_sub(&h, &u2, &u1);
    fe_sub(&r, &s2, &s1);
    if (u256_zero_mask(&h) && u256_zero_mask(&r)) {
        jacobian_double(out, a);
        return;
    }
    fe_dbl(&i, &h);
    fe_sqr(&i, &i);
    fe_mul(&j, &h, &i);
    fe_dbl(&r, &r);
    fe_mul(&i, &u1, &i);
    fe_mul(&h, &h, &a->z);
    fe_mul(&h, &h, &b->z);
    fe_dbl(&out->z, &h);
    fe_sqr(&h, &r);
    fe_sub(&h, &h, &j);
    fe_sub(&h, &h, &i);
    fe_sub(&out->x, &h, &i);
    fe_mul(&j, &s1, &j);
    fe_dbl(&j, &j);
    fe_sub(&i, &i, &out->x);
    fe_mul(&i, &r, &i);
    fe_sub(&out->y, &i, &j);
}

/* a += point, for any two points; `point` is not infinity. By the formulas madd; not constant time.
 */
static inline void jacobian_add_affine(struct jacobian *a, const struct phi_sm2_affine *point)
{
    struct phi_u256 zz, h, r, hh, hhh, v;
    if (u256_zero_mask(&a->z)) {
        *a = (struct jacobian){point->x, point->y, fe_one};
        return;
    }
    fe_sqr(&zz, &a->z);
    fe_mul(&r, &point->y, &a->z);
    fe_mul(&h, &point->x, &zz);
    fe_mul(&r, &r, &zz);
    fe_sub(&h, &h, &a->x);
    fe_sub(&r, &r, &a->y);
    if (u256_zero_mask(&h) && u256_zero_mask(&r)) {
        jacobian_double(a, a);
        return;
    }
    fe_sqr(&hh, &h);
    fe_mul(&a->z, &a->z, &h);
    fe_mul(&hhh, &hh, &h);
    fe_mul(&v, &a->x, &hh);
    fe_sqr(&zz, &r);
    fe_mul(&hh, &a->y, &hhh);
    fe_sub(&zz, &zz, &hhh);
    fe_sub(&zz, &zz, &v);
    fe_sub(&a->x, &zz, &v);
    fe_sub(&v, &v, &a->x);
    fe_mul(&v, &v, &r);
    fe_sub(&a->y, &v, &hh);
}

/* Given 1/Z. */
static inline void jacobian_affine(struct phi_sm2_affine *out, const struct jacobian *a,
                                   const struct phi_u256 *inverse)
{
    struct phi_u256 power;
    fe_sqr(&power, inverse);
    fe_mul(&out->x, &a->x, &power);
    fe_mul(&power, &power, inverse);
    fe_mul(&out->y, &a->y, &power);
}

#endif
