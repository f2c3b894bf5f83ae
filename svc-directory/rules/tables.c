/* The tables of rule sets as the lane writes them. */
#include "svc-directory/rules/life.h"

static const enum phi_column activation_columns[] = {
    PHI_COLUMN_I64,   PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_I64,
    PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,  PHI_COLUMN_I64};
static const enum phi_column step_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
                                               PHI_COLUMN_TEXT, PHI_COLUMN_I64};
static const enum phi_column trial_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_I64,
                                                PHI_COLUMN_I64,   PHI_COLUMN_I64, PHI_COLUMN_BYTES,
                                                PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT};

const struct phi_lane_table rules_tables[RULES_TABLES] = {
    {.name = "rule_activations",
     .columns = activation_columns,
     .column_count = 7,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_OVERLOAD, /* two at once: the next try sees the other's */
     .insert_sql = "INSERT INTO rule_activations (number, trial_id, back, from_us, officer, unit, "
                   "at_us) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], "
                   "$4::bigint[], $5::bytea[], $6::text[], $7::bigint[]) ON CONFLICT (number) DO "
                   "NOTHING RETURNING number"},
    {.name = "rule_steps",
     .columns = step_columns,
     .column_count = 5,
     .key_count = 2,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE,
     .insert_sql = "INSERT INTO rule_steps (trial_id, step, officer, unit, at_us) SELECT * FROM "
                   "unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[], $5::bigint[]) ON "
                   "CONFLICT (trial_id, step) DO NOTHING RETURNING trial_id, step"},
    {.name = "rule_trials",
     .columns = trial_columns,
     .column_count = 8,
     .key_count = 1,
     .insert_sql = "INSERT INTO rule_trials (trial_id, version, base, from_us, requested_us, "
                   "officer, unit, content) SELECT * FROM unnest($1::bytea[], $2::bigint[], "
                   "$3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[], $8::text[]) "
                   "ON CONFLICT (trial_id) DO NOTHING"},
};
