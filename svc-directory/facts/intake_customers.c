/* As whom the apps that people used know them. */
#include "svc-directory/facts/intake.h"

#include <stdlib.h>
#include <string.h>

static int compare_customers(const void *a, const void *b)
{
    const struct fact *left = *(const struct fact *const *)a,
                      *right = *(const struct fact *const *)b;
    int order = memcmp(left->subject, right->subject, PHI_SUBJECT_LEN);
    if (order == 0)
        order = strcmp(left->institution, right->institution);
    return order != 0 ? order
                      : (left->recorded_us > right->recorded_us) -
                            (left->recorded_us < right->recorded_us);
}

static bool is_same_key(const struct fact *a, const struct fact *b)
{
    return memcmp(a->subject, b->subject, PHI_SUBJECT_LEN) == 0 &&
           strcmp(a->institution, b->institution) == 0;
}

/* Of each person and app the latest, in order. */
static enum phi_err fill(struct phi_columns *columns, const struct fact **facts, size_t count)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < count; i++) {
        const struct phi_param row[] = {PHI_BYTES_OF(facts[i]->subject, PHI_SUBJECT_LEN),
                                        PHI_BYTES_OF(facts[i]->customer, PHI_NOTICE_PERSON_LEN),
                                        PHI_TEXT(facts[i]->institution)};
        if (i + 1 == count || !is_same_key(facts[i], facts[i + 1]))
            PHI_GUARD(phi_columns_add(columns, row));
    }
out:
    return err;
}

enum phi_err intake_customers(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_TEXT};
    struct phi_columns columns = {0};
    size_t count = 0;
    const struct fact **facts = phi_arena_alloc(in->arena, (in->count + 1) * sizeof(*facts));
    PHI_GUARD(facts == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i].is_new && in->items[i].fact.has_customer)
            facts[count++] = &in->items[i].fact;
    if (count == 0)
        return PHI_OK;
    qsort(facts, count, sizeof(*facts), compare_customers);
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    PHI_GUARD(fill(&columns, facts, count));
    PHI_GUARD(
        phi_columns_write(&columns, in->tx, "customers_upsert",
                          "INSERT INTO customers AS c (subject, customer, app) SELECT * FROM "
                          "unnest($1::bytea[], $2::bytea[], $3::text[]) ON CONFLICT (subject, "
                          "app) DO UPDATE SET customer = EXCLUDED.customer WHERE c.customer <> "
                          "EXCLUDED.customer",
                          &in->error));
out:
    phi_columns_fini(&columns);
    return err;
}
