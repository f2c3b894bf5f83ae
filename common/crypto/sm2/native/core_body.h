/* What core_plain.c and core_adx.c have in common: rows go together where that is cheaper. */
#ifndef PHI_CRYPTO_SM2_NATIVE_CORE_BODY_H
#define PHI_CRYPTO_SM2_NATIVE_CORE_BODY_H

#include "crypto/sm2/native/core_single.h"
#include "crypto/sm2/native/core_tree.h"

#define TOGETHER_MIN 3 /* fewer don't pay for the inversions of the levels */

static void multiply(const struct phi_sm2_table *base, struct phi_sm2_multiple *rows, size_t count)
{
    while (count >= TOGETHER_MIN) {
        size_t some = count < TREE_ROWS ? count : TREE_ROWS;
        multiply_together(base, rows, some);
        rows += some;
        count -= some;
    }
    for (size_t i = 0; i < count; i++)
        multiply_one(base, &rows[i]);
}

static void gathered_flush(struct gathered *some, const struct phi_sm2_table *base)
{
    if (some->count >= TOGETHER_MIN)
        check_together(base, some->rows, some->count);
    else
        for (size_t i = 0; i < some->count; i++)
            check_one(base, some->rows[i]);
    some->count = 0;
}

static void check(const struct phi_sm2_table *base, struct phi_sm2_check *rows, size_t count)
{
    check_gathered(base, rows, count, TREE_ROWS, gathered_flush);
}

#endif
