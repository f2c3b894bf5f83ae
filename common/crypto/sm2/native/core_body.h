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

/* Rows that were gathered because their tables have the same windows. */
struct gathered {
    struct phi_sm2_check *rows[TREE_ROWS];
    size_t count;
};

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
    struct gathered some = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].known) {
            check_careful(base, &rows[i]);
            continue;
        }
        if (some.count == TREE_ROWS ||
            (some.count > 0 && some.rows[0]->known->window_count != rows[i].known->window_count))
            gathered_flush(&some, base);
        some.rows[some.count++] = &rows[i];
    }
    gathered_flush(&some, base);
}

#endif
