/* The stays of a batch's new facts into their table. */
#include "svc-directory/facts/intake.h"

#include <string.h>

enum phi_err intake_read_stays(struct intake *in, struct intake_item *item)
{
    struct stay stays[STAYS_MAX];
    item->stay_count = stays_of(item->fact.source, item->fact.content_json.value, stays, STAYS_MAX);
    item->stays = phi_arena_copy(in->arena, stays, item->stay_count * sizeof(stays[0]));
    return item->stay_count == 0 || item->stays != NULL ? PHI_OK : PHI_ERR_MEMORY;
}

static enum phi_err add_stay(struct phi_columns *columns, const struct intake *in,
                             const struct fact *fact, const struct stay *stay)
{
    const struct phi_param row[] = {PHI_I64(stay->from_us),
                                    PHI_I64(stay->to_us),
                                    PHI_I64(in->batch->partition),
                                    PHI_BYTES_OF(fact->id, PHI_FACT_ID_LEN),
                                    PHI_BYTES_OF(fact->subject, PHI_SUBJECT_LEN),
                                    PHI_TEXT(stay->place)};
    return phi_columns_add(columns, row);
}

enum phi_err intake_stays(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_I64,
                                            PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_TEXT};
    struct phi_columns columns = {0};
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->count; i++)
        for (size_t k = 0; in->items[i].is_new && k < in->items[i].stay_count; k++)
            PHI_GUARD(add_stay(&columns, in, &in->items[i].fact, &in->items[i].stays[k]));
    if (phi_columns_rows(&columns) == 0)
        goto out;
    PHI_GUARD(phi_columns_write(&columns, in->tx, "stays_insert",
                                "INSERT INTO stays (from_us, to_us, partition, fact_id, subject, "
                                "place) SELECT * FROM unnest($1::bigint[], $2::bigint[], "
                                "$3::bigint[], $4::bytea[], $5::bytea[], $6::text[])",
                                &in->error));
out:
    phi_columns_fini(&columns);
    return err;
}
