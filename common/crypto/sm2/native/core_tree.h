/* Part of core_plain.c and core_adx.c: many rows at once. The points of each row are added in
 * pairs, level by level, in affine form; the pairs of a level, of all rows, share one inversion:
 * six products for an addition. */
#ifndef PHI_CRYPTO_SM2_NATIVE_CORE_TREE_H
#define PHI_CRYPTO_SM2_NATIVE_CORE_TREE_H

#include "crypto/sm2/native/core_common.h"

#define TREE_ROWS   GATHER_MAX
#define TREE_POINTS 76 /* windows of 6 bits for P and of 8 for G, at most */

struct tree {
    struct phi_sm2_affine points[TREE_ROWS][TREE_POINTS];
    struct phi_u256 rest[TREE_ROWS * TREE_POINTS / 2];
    struct phi_u256 scratch[TREE_ROWS * TREE_POINTS / 2];
    uint64_t met[TREE_ROWS]; /* ones when two points with the same x were to be added */
};

/* One level of all rows: points[j] = points[2j] + points[2j+1]. Rows whose points met go on with
 * nonsense, and the others don't notice; constant time. */
static void tree_level(struct tree *tree, size_t rows, size_t count)
{
    const size_t pairs = count / 2;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < pairs; j++) {
            struct phi_u256 *rest = &tree->rest[i * pairs + j];
            fe_sub(rest, &tree->points[i][2 * j + 1].x, &tree->points[i][2 * j].x);
            uint64_t met = u256_zero_mask(rest);
            u256_select(rest, met, &fe_one, rest);
            tree->met[i] |= met;
        }
    }
    invert_all(tree->rest, tree->scratch, rows * pairs);
    for (size_t i = 0; i < rows; i++) {
        struct phi_sm2_affine *points = tree->points[i];
        const struct phi_u256 *inverses = &tree->rest[i * pairs];
        size_t j = 0;
        for (; j + 1 < pairs; j += 2)
            affine_add_two(&points[j], &points[2 * j], &inverses[j]);
        if (j < pairs)
            affine_add(&points[j], &points[2 * j], &points[2 * j + 1], &inverses[j]);
        if (count % 2)
            points[pairs] = points[count - 1];
    }
}

/* points[0] of each row becomes the sum of its first `count`. */
static void tree_sum(struct tree *tree, size_t rows, size_t count)
{
    memset(tree->met, 0, sizeof(tree->met));
    for (; count > 1; count = (count + 1) / 2)
        tree_level(tree, rows, count);
}

static void multiply_together(const struct phi_sm2_table *base, struct phi_sm2_multiple *rows,
                              size_t count)
{
    struct tree tree;
    struct phi_u256 k;
    for (size_t i = 0; i < count; i++) {
        (void)phi_sm2_order_odd(&k, &rows[i].k);
        for (unsigned j = 0; j < base->window_count; j++)
            select_point(&tree.points[i][j],
                         base->points + ((size_t)j << (PHI_SM2_SECRET_WINDOW - 1)),
                         phi_sm2_digit(&k, PHI_SM2_SECRET_WINDOW, j));
    }
    tree_sum(&tree, count, base->window_count);
    for (size_t i = 0; i < count; i++) {
        rows[i].x = fe_to_plain(&tree.points[i][0].x);
        rows[i].is_good = !tree.met[i];
    }
    phi_wipe(&k, sizeof(k));
    phi_wipe(&tree, sizeof(tree));
}

/* All rows have a known key, with windows of the same size. */
static void check_together(const struct phi_sm2_table *base, struct phi_sm2_check *const *rows,
                           size_t count)
{
    struct tree tree;
    const unsigned of_t = rows[0]->known->window_count;
    for (size_t i = 0; i < count; i++) {
        struct digits t = digits_of(rows[i]->known, &rows[i]->t);
        struct digits s = digits_of(base, &rows[i]->s);
        digits_prefetch(&t);
        for (unsigned j = 0; j < of_t; j++)
            pick_point(&tree.points[i][j], &t, j);
        for (unsigned j = 0; j < base->window_count; j++)
            pick_point(&tree.points[i][of_t + j], &s, j);
    }
    tree_sum(&tree, count, of_t + base->window_count);
    for (size_t i = 0; i < count; i++) {
        if (tree.met[i])
            check_careful(base, rows[i]);
        else
            rows[i]->is_good = x_is(&rows[i]->x, &tree.points[i][0].x, &fe_one);
    }
}

#endif
