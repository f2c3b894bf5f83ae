/* Decisions about disputes: a retraction stands for a record and all its revisions, come or not. */
#include "svc-directory/facts/intake.h"

#include <stdlib.h>
#include <string.h>

static struct phi_view subject_view(const uint8_t *subject)
{
    return phi_view_of(subject, PHI_SUBJECT_LEN);
}

/* By their key: record, version, subject. */
static int compare_decisions(const void *a, const void *b)
{
    const struct decision *left = a, *right = b;
    int order = memcmp(left->record, right->record, PHI_FACT_ID_LEN);
    if (order == 0)
        order = (left->version > right->version) - (left->version < right->version);
    return order != 0 ? order : memcmp(left->subject, right->subject, PHI_SUBJECT_LEN);
}

static enum phi_err add_decision(struct phi_columns *columns, const struct intake *in,
                                 const struct decision *decision)
{
    const struct phi_param row[] = {
        PHI_BYTES_OF(decision->record, PHI_FACT_ID_LEN),
        PHI_BYTES(subject_view(decision->subject)),
        PHI_I64(decision->version),
        PHI_BOOL(decision->is_retracted),
        PHI_TEXT(decision->source),
        PHI_TEXT(decision->institution),
        PHI_TEXT(decision->record_no),
        PHI_TEXT(decision->case_id),
        PHI_I64(decision->decided_us),
        PHI_I64(in->now_us),
        PHI_TEXT(decision_action_name(decision->action)),
    };
    return phi_columns_add(columns, row);
}

/* Whose facts the decisions are about, when these are others than the cases' own people: a record
 * that moved. They are graded by their owners. */
static enum phi_err mark_others(struct intake *in, const struct phi_columns *columns)
{
    const struct phi_param params[] = {columns->params[0], columns->params[1], PHI_I64(in->now_us),
                                       PHI_I64(in->batch->partitions)};
    return phi_conn_exec(in->tx, "due_of_decisions",
                         "INSERT INTO due (partition, after_us, subject) SELECT " DUE_PARTITION(
                             "f.subject", "$4") ", $3::bigint, f.subject FROM unnest($1::bytea[], "
                                                "$2::bytea[]) AS d(record, subject) JOIN facts f "
                                                "ON f.record = d.record AND f.subject <> d.subject",
                         params, 4, NULL, &in->error);
}

/* Those that were not known before: svc-correction goes on with their cases, the people's apps tell
 * them. */
static enum phi_err tell_cases(struct intake *in, const struct phi_rows *rows)
{
    enum phi_err err = PHI_OK;
    size_t count = phi_rows_count(rows);
    struct tell_correction *told = phi_arena_alloc(in->arena, (count + 1) * sizeof(*told));
    struct tell_application *applied = phi_arena_alloc(in->arena, (count + 1) * sizeof(*applied));
    PHI_GUARD(told == NULL || applied == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        told[i] = (struct tell_correction){.case_id = phi_rows_text(rows, i, 1),
                                           .version = phi_rows_i64(rows, i, 2),
                                           .action = phi_rows_text(rows, i, 3)};
        memcpy(told[i].subject, phi_rows_bytes(rows, i, 0).data, PHI_SUBJECT_LEN);
        applied[i] = (struct tell_application){
            .subject = phi_arena_view(in->arena, phi_rows_bytes(rows, i, 0)),
            .case_id = phi_rows_text(rows, i, 1),
            .decision_version = phi_rows_i64(rows, i, 2),
            .now_us = in->now_us};
    }
    PHI_GUARD(tell_applied(&in->directory->tell, in->tx, in->arena, applied, count, &in->applied));
    in->applied_count = in->applied == NULL ? 0 : count;
    PHI_GUARD(tell_corrections(&in->directory->tell, in->tx, in->arena, told, count, in->now_us));
out:
    return err;
}

static enum phi_err insert_decisions(struct intake *in, const struct phi_columns *columns)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(
        in->tx, "retractions_insert",
        "INSERT INTO retractions (record, subject, decision_version, is_retracted, source, "
        "institution, record_no, case_id, decided_us, known_us, action) SELECT * FROM "
        "unnest($1::bytea[], "
        "$2::bytea[], $3::bigint[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[], "
        "$9::bigint[], $10::bigint[], $11::text[]) ON CONFLICT DO NOTHING RETURNING subject, "
        "case_id, decision_version, action",
        columns->params, columns->count, &rows, &in->error));
    PHI_GUARD(tell_cases(in, rows));
    in->tally[TALLY_RETRACTED] += phi_rows_count(rows);
    in->tally[TALLY_RETRACTED_BEFORE] += phi_columns_rows(columns) - phi_rows_count(rows);
out:
    phi_rows_free(rows);
    return err;
}

/* --- interim relief --- */

static bool is_relief(const struct decision *decision)
{
    return decision->action == DECISION_RELIEVE || decision->action == DECISION_RESUME;
}

static enum phi_err add_relief(struct phi_columns *columns, const struct intake *in,
                               const struct decision *decision)
{
    const struct phi_param row[] = {PHI_BYTES_OF(decision->record, PHI_FACT_ID_LEN),
                                    PHI_BYTES(subject_view(decision->subject)),
                                    PHI_TEXT(decision->case_id),
                                    PHI_I64(decision->version),
                                    PHI_I64(decision->until_us),
                                    PHI_I64(in->now_us)};
    return phi_columns_add(columns, row);
}

static enum phi_err insert_reliefs(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,
                                            PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_I64};
    struct phi_columns columns = {0};
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->decision_count; i++)
        if (is_relief(&in->decisions[i]))
            PHI_GUARD(add_relief(&columns, in, &in->decisions[i]));
    if (phi_columns_rows(&columns) > 0)
        PHI_GUARD(phi_columns_write(
            &columns, in->tx, "reliefs_insert",
            "INSERT INTO reliefs (record, subject, case_id, version, until_us, known_us) SELECT "
            "DISTINCT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bigint[], "
            "$5::bigint[], $6::bigint[]) AS r (record, subject, case_id, version, until_us, "
            "known_us) ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING",
            &in->error));
out:
    phi_columns_fini(&columns);
    return err;
}

enum phi_err intake_decisions(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,
                                            PHI_COLUMN_BOOL,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,
                                            PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_I64,
                                            PHI_COLUMN_I64,   PHI_COLUMN_TEXT};
    struct phi_columns columns = {0};
    if (in->decision_count == 0)
        return PHI_OK;
    qsort(in->decisions, in->decision_count, sizeof(*in->decisions), compare_decisions);
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->decision_count; i++) {
        const struct decision *decision = &in->decisions[i];
        bool is_last =
            i + 1 == in->decision_count || compare_decisions(decision, decision + 1) != 0;
        if (is_last && !is_relief(decision))
            PHI_GUARD(add_decision(&columns, in, decision));
    }
    PHI_GUARD(insert_reliefs(in));
    if (phi_columns_rows(&columns) == 0)
        goto out;
    PHI_GUARD(insert_decisions(in, &columns));
    PHI_GUARD(mark_others(in, &columns));
out:
    phi_columns_fini(&columns);
    return err;
}
