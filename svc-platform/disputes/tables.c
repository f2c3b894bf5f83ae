#include "svc-platform/appeals/appeals.h"

static const enum phi_column dispute_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
                                                  PHI_COLUMN_TEXT,  PHI_COLUMN_I64,
                                                  PHI_COLUMN_TEXT,  PHI_COLUMN_I64};
static const enum phi_column step_columns[APPEAL_STEP_COUNT] = {
    PHI_COLUMN_TEXT, PHI_COLUMN_BYTES, PHI_COLUMN_I64,  PHI_COLUMN_I64,  PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_BYTES};
static const enum phi_column moved_columns[APPEAL_MOVED_COUNT] = {
    PHI_COLUMN_TEXT, PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_I64,
    PHI_COLUMN_I64,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
    PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_I64};

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
    {.name = "appeal_steps",
     .columns = step_columns,
     .column_count = APPEAL_STEP_COUNT,
     .key_count = 3,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE, /* another officer was faster */
     .insert_sql = "INSERT INTO appeal_steps (region, case_id, seq, at_us, step, decision, reason, "
                   "unit, officer) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], "
                   "$4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[]) ON "
                   "CONFLICT (region, case_id, seq) DO NOTHING RETURNING region, case_id, seq"},
    {.name = "appeals_moved",
     .columns = moved_columns,
     .column_count = APPEAL_MOVED_COUNT,
     .key_count = 2,
     .insert_sql = "UPDATE appeals SET state = m.state, seq = m.seq, changed_us = m.at, decision = "
                   "m.decision, reason = m.reason, proposer = m.proposer, proposer_unit = m.unit, "
                   "proposer_sealed = m.sealed, letter = m.letter, next_us = m.next FROM "
                   "unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[], $5::bigint[], "
                   "$6::text[], $7::text[], $8::bytea[], $9::text[], $10::text[], $11::text[], "
                   "$12::bigint[]) AS m (region, case_id, state, seq, at, decision, reason, "
                   "proposer, unit, sealed, letter, next) WHERE appeals.region = m.region AND "
                   "appeals.case_id = "
                   "m.case_id AND appeals.seq < m.seq"},
};
