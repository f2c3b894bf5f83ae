/* The tables of cases as the lane writes them, in the order of enum correction_table: guards
 * first. */
#include "svc-correction/attachments/attach.h"
#include "svc-correction/entry/filer.h"
#include "svc-correction/flow/move.h"
#include "svc-correction/looks/looks.h"

static const enum phi_column matter_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES};
static const enum phi_column step_columns[MOVE_STEP_COLUMNS] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES};
static const enum phi_column decision_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_I64,   PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
    PHI_COLUMN_TEXT,  PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_I64};
static const enum phi_column case_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,  PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,  PHI_COLUMN_I64,
    PHI_COLUMN_I64,   PHI_COLUMN_BYTES, PHI_COLUMN_I64,  PHI_COLUMN_TEXT};
static const enum phi_column moved_columns[MOVE_CASE_COLUMNS] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_I64,  PHI_COLUMN_BYTES,
    PHI_COLUMN_I64,   PHI_COLUMN_I64,  PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
    PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_I64,  PHI_COLUMN_I64};
static const enum phi_column attachment_columns[ATTACH_COLUMNS] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_TEXT,
    PHI_COLUMN_I64,   PHI_COLUMN_BYTES, PHI_COLUMN_I64};
static const enum phi_column chunk_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_BYTES};
static const enum phi_column closed_columns[] = {PHI_COLUMN_BYTES};
static const enum phi_column filer_columns[FILER_COLUMNS] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_I64,   PHI_COLUMN_I64};
static const enum phi_column look_columns[LOOK_COLUMNS] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES};

const struct phi_lane_table correction_tables[CORRECTION_TABLES] = {
    {.name = "open_matters",
     .columns = matter_columns,
     .column_count = 2,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_OVERLOAD, /* filed twice at once: the next try adds to it */
     .insert_sql = "INSERT INTO open_matters (matter, case_id) SELECT * FROM unnest($1::bytea[], "
                   "$2::bytea[]) ON CONFLICT (matter) DO NOTHING RETURNING matter"},
    {.name = "steps",
     .columns = step_columns,
     .column_count = MOVE_STEP_COLUMNS,
     .key_count = 2,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE, /* another step was faster */
     .insert_sql =
         "INSERT INTO steps (case_id, seq, at_us, step, state, outcome, reason, unit, actor, "
         "note_sealed, note_digest, salt, digest, head, content_sealed, content_digest) SELECT * "
         "FROM unnest($1::bytea[], "
         "$2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], "
         "$9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[], "
         "$15::bytea[], $16::bytea[]) ON CONFLICT (case_id, seq) DO NOTHING RETURNING case_id, "
         "seq"},
    {.name = "decisions",
     .columns = decision_columns,
     .column_count = 8,
     .key_count = 2,
     .insert_sql =
         "INSERT INTO decisions (case_id, decision_version, decision, officer, unit, proposer, "
         "proposer_unit, decided_us) SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], "
         "$4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::bigint[]) ON CONFLICT DO NOTHING"},
    {.name = "cases",
     .columns = case_columns,
     .column_count = 14,
     .key_count = 1,
     .insert_sql =
         "INSERT INTO cases (case_id, subject, subject_key, matter, region, source, institution, "
         "record_no, state, opened_us, seq, head, due_us, matter_kind, statement_sealed, "
         "decision_version, decided_us) SELECT *, ''::bytea, 0, 0 FROM unnest($1::bytea[], "
         "$2::bytea[], "
         "$3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], "
         "$10::bigint[], $11::bigint[], $12::bytea[], $13::bigint[], $14::text[]) ON CONFLICT "
         "(case_id) DO "
         "NOTHING"},
    {.name = "cases_moved",
     .columns = moved_columns,
     .column_count = MOVE_CASE_COLUMNS,
     .key_count = 1,
     .insert_sql = "UPDATE cases SET state = m.state, seq = m.seq, head = m.head, due_us = m.due, "
                   "level = m.level, outcome = m.outcome, reason = m.reason, proposer = m.officer, "
                   "proposer_unit = m.unit, decision_version = GREATEST(decision_version, "
                   "m.version), decided_us = GREATEST(decided_us, m.decided) FROM "
                   "unnest($1::bytea[], $2::text[], $3::bigint[], $4::bytea[], $5::bigint[], "
                   "$6::bigint[], $7::text[], $8::text[], $9::bytea[], $10::text[], "
                   "$11::bigint[], $12::bigint[]) AS m (case_id, state, seq, head, due, level, "
                   "outcome, reason, officer, unit, version, decided) WHERE cases.case_id = "
                   "m.case_id AND cases.seq < m.seq"},
    {.name = "matters_closed",
     .columns = closed_columns,
     .column_count = 1,
     .key_count = 1,
     .insert_sql = "DELETE FROM open_matters USING unnest($1::bytea[]) AS c (matter) "
                   "WHERE open_matters.matter = c.matter"},
    {.name = "attachments",
     .columns = attachment_columns,
     .column_count = ATTACH_COLUMNS,
     .key_count = 1,
     .insert_sql = "INSERT INTO attachments (attachment_id, case_id, number, type, size_bytes, "
                   "digest, at_us) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], "
                   "$4::text[], $5::bigint[], $6::bytea[], $7::bigint[]) ON CONFLICT DO NOTHING"},
    {.name = "attachment_chunks",
     .columns = chunk_columns,
     .column_count = 3,
     .key_count = 2,
     .insert_sql = "INSERT INTO attachment_chunks (attachment_id, chunk, sealed) SELECT * FROM "
                   "unnest($1::bytea[], $2::bigint[], $3::bytea[]) ON CONFLICT DO NOTHING"},
    {.name = "filers",
     .columns = filer_columns,
     .column_count = FILER_COLUMNS,
     .key_count = 2,
     .insert_sql = "INSERT INTO filers (case_id, filer, subject, role, issuer, mandate_id, "
                   "until_us, at_us) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], "
                   "$4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[]) ON CONFLICT "
                   "(case_id, filer) DO UPDATE SET role = EXCLUDED.role, issuer = "
                   "EXCLUDED.issuer, mandate_id = EXCLUDED.mandate_id, until_us = "
                   "EXCLUDED.until_us WHERE filers.until_us < EXCLUDED.until_us"},
    {.name = "handed",
     .columns = matter_columns,
     .column_count = 2,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_OVERLOAD, /* taken meanwhile: the next look finds it */
     .insert_sql = "INSERT INTO handed (dispute_id, case_id) SELECT * FROM unnest($1::bytea[], "
                   "$2::bytea[]) ON CONFLICT (dispute_id) DO NOTHING RETURNING dispute_id"},
    {.name = "cases_told",
     .columns = closed_columns,
     .column_count = 1,
     .key_count = 1,
     .insert_sql = "UPDATE cases SET told_seq = 0 FROM unnest($1::bytea[]) AS c (case_id) WHERE "
                   "cases.case_id = c.case_id"},
    {.name = "looks",
     .columns = look_columns,
     .column_count = LOOK_COLUMNS,
     /* in the order of the key, so that two replicas' lists at once don't wait for each other */
     .insert_sql = "INSERT INTO looks (case_id, hour_us, unit, purpose, officer, count) SELECT "
                   "substr(l.ids, g.n, 16), l.hour, l.unit, l.purpose, (array_agg(l.officer))[1], "
                   "count(*) FROM unnest($1::bytea[], $2::bigint[], $3::text[], "
                   "$4::text[], $5::bytea[]) AS l (ids, hour, unit, purpose, officer), "
                   "generate_series(1, length(l.ids), 16) AS g (n) GROUP BY 1, 2, 3, 4 ORDER BY "
                   "1, 3, 4, 2 ON CONFLICT (case_id, unit, purpose, hour_us) DO UPDATE SET count "
                   "= looks.count + EXCLUDED.count"},
};
