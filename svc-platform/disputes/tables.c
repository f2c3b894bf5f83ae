#include "svc-platform/disputes/disputes.h"

static const enum phi_column dispute_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
                                                  PHI_COLUMN_TEXT,  PHI_COLUMN_I64,
                                                  PHI_COLUMN_TEXT,  PHI_COLUMN_I64};
const struct phi_lane_table dispute_tables[DISPUTE_TABLES] = {
    {.name = "disputes",
     .columns = dispute_columns,
     .column_count = 6,
     .key_count = 1,
     .insert_sql = "INSERT INTO disputes (dispute_id, owner, region, state, filed_us, changed_us, "
                   "letter, next_us) SELECT id, owner, region, 'accepted', filed, filed, letter, "
                   "next FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bigint[], "
                   "$5::text[], $6::bigint[]) AS d (id, owner, region, filed, letter, next) ON "
                   "CONFLICT DO NOTHING"},
};
