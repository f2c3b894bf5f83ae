/* Part of core_ifma.c: signing. The table for many rows holds each window's points word by word, so
 * that the eight lanes look theirs up by permutations of registers: every word is loaded whatever
 * the digits are. */
#ifndef PHI_CRYPTO_SM2_NATIVE_EIGHT_MULTIPLY_H
#define PHI_CRYPTO_SM2_NATIVE_EIGHT_MULTIPLY_H

#include "crypto/sm2/native/eight_check.h"

#define WIDE_BITS    7
#define WIDE_WINDOWS 37
#define WIDE_POINTS  64
#define ROWS_MAX     64

/* Words 0 to 4 of x, then of y, of each point of a window; below 1.01p. 189 KB. */
static _Alignas(64) uint64_t wide[WIDE_WINDOWS][10][WIDE_POINTS];

/* What the core can't do without the table it leaves to core_body.h. */
static bool has_wide;

static void wide_store(uint64_t window[10][WIDE_POINTS], size_t at, const struct eight *x,
                       const struct eight *y)
{
    for (int i = 0; i < 5; i++) {
        _mm512_storeu_si512(&window[i][at], x->l[i]);
        _mm512_storeu_si512(&window[5 + i][at], y->l[i]);
    }
}

/* Made once, from G. */
static void wide_build(const struct phi_sm2_affine *g)
{
    struct phi_sm2_table table = {.window_bits = WIDE_BITS, .window_count = WIDE_WINDOWS};
    table.points = aligned_alloc(64, phi_sm2_table_points(WIDE_BITS) * sizeof(*table.points));
    if (!table.points)
        return;
    table_build(&table, g);
    for (size_t i = 0; i < WIDE_WINDOWS * WIDE_POINTS; i += 8) {
        const struct phi_sm2_affine *points[8];
        struct eight x, y;
        for (size_t lane = 0; lane < 8; lane++)
            points[lane] = &table.points[i + lane];
        eight_from_points(&x, &y, points);
        eight_trim(&x);
        eight_trim(&y);
        wide_store(wide[i / WIDE_POINTS], i % WIDE_POINTS, &x, &y);
    }
    free(table.points);
    has_wide = true;
}

/* The entry of each lane's index, out of 64. */
static inline __m512i wide_look_up(const uint64_t entries[WIDE_POINTS], __m512i index)
{
    const __mmask8 bit4 = _mm512_test_epi64_mask(index, eight_all(16));
    const __mmask8 bit5 = _mm512_test_epi64_mask(index, eight_all(32));
    const __m512i *e = (const __m512i *)entries;
    const __m512i a = _mm512_permutex2var_epi64(e[0], index, e[1]);
    const __m512i b = _mm512_permutex2var_epi64(e[2], index, e[3]);
    const __m512i c = _mm512_permutex2var_epi64(e[4], index, e[5]);
    const __m512i d = _mm512_permutex2var_epi64(e[6], index, e[7]);
    return _mm512_mask_blend_epi64(bit5, _mm512_mask_blend_epi64(bit4, a, b),
                                   _mm512_mask_blend_epi64(bit4, c, d));
}

/* Eight odd multipliers, word by word. */
struct eight_scalar {
    __m512i l[4];
};

static void eight_scalar_set(struct eight_scalar *out, const struct phi_sm2_multiple *rows,
                             size_t count)
{
    uint64_t words[4][8];
    for (size_t lane = 0; lane < 8; lane++) {
        struct phi_u256 k = {{1, 0, 0, 0}};
        if (lane < count)
            (void)phi_sm2_order_odd(&k, &rows[lane].k);
        for (int i = 0; i < 4; i++)
            words[i][lane] = k.l[i];
        phi_wipe(&k, sizeof(k));
    }
    for (int i = 0; i < 4; i++)
        out->l[i] = _mm512_loadu_si512(words[i]);
    phi_wipe(words, sizeof(words));
}

/* As phi_sm2_digit. */
static inline __m512i eight_digit(const struct eight_scalar *k, unsigned i, __mmask8 *negative)
{
    const unsigned from = WIDE_BITS * i + 1;
    const unsigned word = from / 64;
    const unsigned shift = from % 64;
    const __m512i all = eight_all((1 << WIDE_BITS) - 1);
    const __m512i half = eight_all(1 << (WIDE_BITS - 1));
    __m512i bits = _mm512_setzero_si512();
    if (word < 4)
        bits = _mm512_srl_epi64(k->l[word], _mm_cvtsi32_si128((int)shift));
    if (word < 3)
        bits = _mm512_or_si512(
            bits, _mm512_sll_epi64(k->l[word + 1], _mm_cvtsi32_si128((int)(64 - shift))));
    bits = _mm512_and_si512(bits, all);
    *negative = i == WIDE_WINDOWS - 1 ? 0 : _mm512_cmplt_epu64_mask(bits, half);
    bits = _mm512_mask_xor_epi64(bits, *negative, bits, all);
    return _mm512_and_si512(bits, eight_all((1 << (WIDE_BITS - 1)) - 1));
}

static inline __mmask8 wide_pick(struct eight *x, struct eight *y, const struct eight_scalar *k,
                                 unsigned i)
{
    __mmask8 negative;
    const __m512i index = eight_digit(k, i, &negative);
    for (int j = 0; j < 5; j++) {
        x->l[j] = wide_look_up(wide[i][j], index);
        y->l[j] = wide_look_up(wide[i][5 + j], index);
    }
    return negative;
}

/* The rows' x from X and ZZ, with one inversion; a ZZ of zero is told and doesn't disturb. */
static void multiply_end(struct phi_sm2_multiple *rows, const struct phi_u256 *x,
                         struct phi_u256 *zz, size_t count)
{
    struct phi_u256 scratch[ROWS_MAX];
    for (size_t i = 0; i < count; i++) {
        const uint64_t met = u256_zero_mask(&zz[i]);
        u256_select(&zz[i], met, &fe_one, &zz[i]);
        rows[i].is_good = !met;
    }
    invert_all(zz, scratch, count);
    for (size_t i = 0; i < count; i++) {
        fe_mul(&zz[i], &zz[i], &x[i]);
        rows[i].x = fe_to_plain(&zz[i]);
    }
    phi_wipe(scratch, sizeof(scratch));
}

/* What lies on the stack while many rows are multiplied, in one piece: it is wiped at once. */
struct eights {
    struct eight_scalar k[ROWS_MAX / 8];
    struct eight_sum sum[ROWS_MAX / 8];
    struct phi_u256 x[ROWS_MAX];
    struct phi_u256 zz[ROWS_MAX];
};

/* All groups of eight go through a window before the next one, which then lies in the nearest
 * cache. */
static void multiply_eights(struct phi_sm2_multiple *rows, size_t count)
{
    struct eights all;
    struct eight x, y;
    const size_t groups = (count + 7) / 8;
    for (size_t g = 0; g < groups; g++)
        eight_scalar_set(&all.k[g], rows + 8 * g, count - 8 * g);
    for (unsigned i = 0; i < WIDE_WINDOWS; i++) {
        for (size_t g = 0; g < groups; g++) {
            const __mmask8 negative = wide_pick(&x, &y, &all.k[g], i);
            if (i == 0)
                eight_sum_set(&all.sum[g], &x, &y, negative);
            else
                eight_sum_add(&all.sum[g], &x, &y, negative);
        }
    }
    for (size_t g = 0; g < groups; g++) {
        eight_to_fields(&all.x[8 * g], &all.sum[g].x);
        eight_to_fields(&all.zz[8 * g], &all.sum[g].zz);
    }
    multiply_end(rows, all.x, all.zz, count);
    phi_wipe(&all, sizeof(all));
    phi_wipe(&x, sizeof(x));
    phi_wipe(&y, sizeof(y));
}

/* One row: the lanes take every eighth window each. */
static void multiply_alone(const struct phi_sm2_table *base, struct phi_sm2_multiple *row)
{
    struct phi_sm2_affine points[EIGHT_POINTS_MAX / 2 + 8];
    struct terms terms;
    struct eight_sum sum;
    struct phi_u256 k;
    (void)phi_sm2_order_odd(&k, &row->k);
    terms.count = base->window_count;
    for (unsigned i = 0; i < base->window_count; i++) {
        select_point(&points[i], base->points + ((size_t)i << (PHI_SM2_SECRET_WINDOW - 1)),
                     phi_sm2_digit(&k, PHI_SM2_SECRET_WINDOW, i));
        terms.points[i] = &points[i];
        terms.negative[i] = 0;
    }
    terms_sum(&terms, &sum);
    struct phi_u256 x = first_field(&sum.x);
    struct phi_u256 zz = first_field(&sum.zz);
    multiply_end(row, &x, &zz, 1);
    phi_wipe(&k, sizeof(k));
    phi_wipe(&x, sizeof(x));
    phi_wipe(&zz, sizeof(zz));
    phi_wipe(&sum, sizeof(sum));
    phi_wipe(points, sizeof(points));
}

static void eights_multiply(const struct phi_sm2_table *base, struct phi_sm2_multiple *rows,
                            size_t count)
{
    while (has_wide && count >= EIGHT_MIN) {
        const size_t some = count < ROWS_MAX ? count : ROWS_MAX;
        multiply_eights(rows, some);
        rows += some;
        count -= some;
    }
    for (size_t i = 0; i < count; i++)
        multiply_alone(base, &rows[i]);
}

#endif
