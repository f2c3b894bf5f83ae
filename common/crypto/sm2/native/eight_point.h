/* Eight sums of points at once, as crypto/sm2/native/point.h has one: X, Y, ZZ, ZZZ. Part of
 * core_ifma.c. Between operations X lies below 1.01p, Y below 5.3p, ZZ and ZZZ below 1.2p.
 *
 *   eight_sum_set(&sum, &x, &y, negative);
 *   eight_sum_add(&sum, &x, &y, negative);          // a lane whose points met gets ZZ = 0 for good
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_EIGHT_POINT_H
#define PHI_CRYPTO_SM2_NATIVE_EIGHT_POINT_H

#include "crypto/sm2/native/eight.h"

struct eight_sum {
    struct eight x, y, zz, zzz;
};

/* −a where the mask says so; the words are to be carried after something was added. */
static inline void eight_negate_if(struct eight *a, __mmask8 negative)
{
    const __m512i zero = _mm512_setzero_si512();
    for (int i = 0; i < 5; i++)
        a->l[i] = _mm512_mask_sub_epi64(a->l[i], negative, zero, a->l[i]);
}

/* x and y below 16p, y not 0. */
static inline void eight_sum_set(struct eight_sum *sum, const struct eight *x,
                                 const struct eight *y, __mmask8 negative)
{
    sum->x = *x;
    sum->y = *y;
    eight_trim(&sum->x);
    eight_negate_if(&sum->y, negative);
    for (int i = 0; i < 5; i++) /* 16p minus what is below 16p */
        sum->y.l[i] = _mm512_mask_add_epi64(sum->y.l[i], negative, sum->y.l[i],
                                            _mm512_set1_epi64(16 * eight_p[i]));
    eight_trim(&sum->y);
    sum->zz = eight_of(eight_one);
    sum->zzz = sum->zz;
}

/* The rest of both additions: X, Y and the factors of ZZ and ZZZ, from P < 5p, R < 10.3p, and
 * the first point's X and Y to the second's ZZ and ZZZ, below 3p and 5.3p. */
static inline void eight_sum_finish(struct eight_sum *sum, const struct eight *p,
                                    const struct eight *r, const struct eight *x,
                                    const struct eight *y)
{
    struct eight pp, ppp, q, t, v;
    eight_mul(&pp, p, p);    /* 2.6p */
    eight_mul(&t, r, r);     /* 7.7p */
    eight_mul(&ppp, p, &pp); /* 1.9p */
    eight_mul(&q, x, &pp);   /* 1.5p */
    eight_mul(&v, y, &ppp);  /* 1.6p */
    eight_mul(&sum->zz, &sum->zz, &pp);
    eight_mul(&sum->zzz, &sum->zzz, &ppp);
    eight_less(&t, &t, &ppp, 2);
    eight_less(&t, &t, &q, 2);
    eight_less(&t, &t, &q, 2); /* 13.7p, and more than p */
    eight_trim(&t);
    sum->x = t;
    eight_sub(&t, &q, &t, 2);      /* 3.5p */
    eight_mul(&t, r, &t);          /* 3.3p */
    eight_sub(&sum->y, &t, &v, 2); /* 5.3p */
}

/* x and y below 16p. */
static inline void eight_sum_add(struct eight_sum *sum, const struct eight *x,
                                 const struct eight *y, __mmask8 negative)
{
    struct eight u, s;
    const struct eight x1 = sum->x;
    const struct eight y1 = sum->y;
    eight_mul(&u, x, &sum->zz);  /* 2.2p */
    eight_mul(&s, y, &sum->zzz); /* 2.2p */
    eight_sub(&u, &u, &x1, 2);   /* 4.2p */
    eight_negate_if(&s, negative);
    eight_sub(&s, &s, &y1, 8); /* −2.2p − 5.3p + 8p … 2.2p + 8p */
    eight_sum_finish(sum, &u, &s, &x1, &y1);
}

/* sum += other, lane by lane. */
static inline void eight_sum_join(struct eight_sum *sum, const struct eight_sum *other)
{
    struct eight u1, u2, s1, s2;
    eight_mul(&u1, &sum->x, &other->zz);  /* 1.1p */
    eight_mul(&u2, &other->x, &sum->zz);  /* 1.1p */
    eight_mul(&s1, &sum->y, &other->zzz); /* 1.4p */
    eight_mul(&s2, &other->y, &sum->zzz); /* 1.4p */
    eight_mul(&sum->zz, &sum->zz, &other->zz);
    eight_mul(&sum->zzz, &sum->zzz, &other->zzz);
    eight_sub(&u2, &u2, &u1, 2); /* 3.1p */
    eight_sub(&s2, &s2, &s1, 2); /* 3.4p */
    eight_sum_finish(sum, &u2, &s2, &u1, &s1);
}

/* Lane i gets the lane that `order` says. */
static inline void eight_turn(struct eight *out, const struct eight *a, const __m512i order)
{
    for (int i = 0; i < 5; i++)
        out->l[i] = _mm512_permutexvar_epi64(order, a->l[i]);
}

/* Lane 0 becomes the sum of all eight. */
static inline void eight_sum_collapse(struct eight_sum *sum)
{
    const __m512i own = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    for (int by = 4; by > 0; by /= 2) {
        struct eight_sum other;
        const __m512i order = _mm512_add_epi64(own, _mm512_set1_epi64(by));
        eight_turn(&other.x, &sum->x, order);
        eight_turn(&other.y, &sum->y, order);
        eight_turn(&other.zz, &sum->zz, order);
        eight_turn(&other.zzz, &sum->zzz, order);
        eight_sum_join(sum, &other);
    }
}

/* Only the lanes of the mask change. */
static inline void eight_sum_keep(struct eight_sum *sum, const struct eight_sum *before,
                                  __mmask8 changed)
{
    for (int i = 0; i < 5; i++) {
        sum->x.l[i] = _mm512_mask_blend_epi64(changed, before->x.l[i], sum->x.l[i]);
        sum->y.l[i] = _mm512_mask_blend_epi64(changed, before->y.l[i], sum->y.l[i]);
        sum->zz.l[i] = _mm512_mask_blend_epi64(changed, before->zz.l[i], sum->zz.l[i]);
        sum->zzz.l[i] = _mm512_mask_blend_epi64(changed, before->zzz.l[i], sum->zzz.l[i]);
    }
}

#endif
