/* Decisions about disputes: a retraction stands for a record and all its revisions, come or not. */
#include "svc-directory/facts/intake.h"

#include <stdlib.h>
#include <string.h>

#define TOLD_COLUMNS                                                                               \
    "subject, case_id, decision_version, action, source, institution, record_no, waits"
enum {
    AT_SUBJECT,
    AT_CASE,
    AT_VERSION,
    AT_ACTION,
    AT_SOURCE,
    AT_INSTITUTION,
    AT_RECORD_NO,
    AT_WAITS
};

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

/* One that adds a record brings it; one that is too old to be kept never comes. */
static bool may_wait(const struct intake *in, const struct decision *decision)
{
    return decision->action != DECISION_ADD &&
           decision->observed_us >= in->now_us - in->directory->keep_us;
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
        PHI_BOOL(may_wait(in, decision)),
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

static enum phi_err insert_decisions(struct intake *in, const struct phi_columns *columns)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_conn_exec(
        in->tx, "retractions_insert",
        "INSERT INTO retractions (record, subject, decision_version, is_retracted, source, "
        "institution, record_no, case_id, decided_us, known_us, action, waits) SELECT record, "
        "subject, version, is_retracted, source, institution, record_no, case_id, decided_us, "
        "known_us, action, may_wait AND NOT EXISTS (SELECT 1 FROM facts f WHERE f.record = "
        "d.record AND f.subject = d.subject OFFSET 0) FROM unnest($1::bytea[], $2::bytea[], "
        "$3::bigint[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[], "
        "$9::bigint[], $10::bigint[], $11::text[], $12::boolean[]) AS d (record, subject, "
        "version, is_retracted, source, institution, record_no, case_id, decided_us, known_us, "
        "action, may_wait) ON CONFLICT DO NOTHING RETURNING " TOLD_COLUMNS,
        columns->params, columns->count, &in->decided, &in->error));
    in->tally[TALLY_RETRACTED] += phi_rows_count(in->decided);
    in->tally[TALLY_RETRACTED_BEFORE] += phi_columns_rows(columns) - phi_rows_count(in->decided);
out:
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
        PHI_GUARD(phi_conn_exec(
            in->tx, "reliefs_insert",
            "INSERT INTO reliefs (record, subject, case_id, version, until_us, known_us) SELECT "
            "DISTINCT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bigint[], "
            "$5::bigint[], $6::bigint[]) AS r (record, subject, case_id, version, until_us, "
            "known_us) ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING",
            columns.params, columns.count, NULL, &in->error));
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
                                            PHI_COLUMN_I64,   PHI_COLUMN_TEXT,  PHI_COLUMN_BOOL};
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

/* --- telling --- */

/* Who is told of decisions: svc-correction, and of those that count the people's apps. */
struct told {
    struct tell_application *applied;
    size_t applied_count;
    struct tell_correction *corrected;
    size_t corrected_count;
};

static void add_case(const struct intake *in, const struct phi_rows *rows, size_t i, bool waits,
                     struct told *told)
{
    told->applied[told->applied_count++] = (struct tell_application){
        .subject = phi_arena_view(in->arena, phi_rows_bytes(rows, i, AT_SUBJECT)),
        .case_id = phi_rows_text(rows, i, AT_CASE),
        .action = phi_rows_text(rows, i, AT_ACTION),
        .fact_source = phi_rows_text(rows, i, AT_SOURCE),
        .institution = phi_rows_text(rows, i, AT_INSTITUTION),
        .record_no = phi_rows_text(rows, i, AT_RECORD_NO),
        .decision_version = phi_rows_i64(rows, i, AT_VERSION),
        .now_us = in->now_us,
        .waits = waits};
    if (waits)
        return;
    struct tell_correction *one = &told->corrected[told->corrected_count++];
    *one = (struct tell_correction){.case_id = phi_rows_text(rows, i, AT_CASE),
                                    .version = phi_rows_i64(rows, i, AT_VERSION),
                                    .action = phi_rows_text(rows, i, AT_ACTION)};
    memcpy(one->subject, phi_rows_bytes(rows, i, AT_SUBJECT).data, PHI_SUBJECT_LEN);
}

static void add_counting(const struct intake *in, const struct phi_rows *rows, struct told *told)
{
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        if (!phi_rows_bool(rows, i, AT_WAITS))
            add_case(in, rows, i, false, told);
}

static size_t count_waiting(const struct phi_rows *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        count += phi_rows_bool(rows, i, AT_WAITS);
    return count;
}

static enum phi_err list_touched(const struct intake *in, struct phi_array **out)
{
    enum phi_err err = PHI_OK;
    *out = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < in->touched_count; i++)
        PHI_GUARD(phi_array_add(*out, PHI_BYTES(subject_view(in->touched[i]))));
out:
    return err;
}

/* Under the partition's lock, which fact and decision both take: of two at once the later sees what
 * the earlier wrote, so none waits for a record that is there. */
static enum phi_err settle(struct intake *in, const struct phi_array *touched,
                           struct phi_rows **came)
{
    const struct phi_param param = PHI_ARRAY(touched);
    return phi_conn_exec(in->tx, "retractions_came",
                         "UPDATE retractions r SET waits = false WHERE r.waits AND r.subject = "
                         "ANY($1::bytea[]) AND EXISTS (SELECT 1 FROM facts f WHERE f.record = "
                         "r.record AND f.subject = r.subject OFFSET 0) RETURNING " TOLD_COLUMNS,
                         &param, 1, came, &in->error);
}

/* Those of this batch for which nothing has come. */
static enum phi_err find_waiting(struct intake *in, const struct phi_array *touched,
                                 struct phi_rows **waiting)
{
    const struct phi_param params[] = {PHI_ARRAY(touched), PHI_I64(in->now_us)};
    return phi_conn_exec(in->tx, "retractions_waiting",
                         "SELECT " TOLD_COLUMNS " FROM retractions WHERE waits AND subject = "
                         "ANY($1::bytea[]) AND known_us = $2::bigint",
                         params, 2, waiting, &in->error);
}

static enum phi_err tell_all(struct intake *in, const struct phi_rows *came,
                             const struct phi_rows *waiting)
{
    enum phi_err err = PHI_OK;
    const struct tell *tell = &in->directory->tell;
    size_t room = phi_rows_count(in->decided) + phi_rows_count(came) + phi_rows_count(waiting) + 1;
    struct told told = {.applied = phi_arena_alloc(in->arena, room * sizeof(*told.applied)),
                        .corrected = phi_arena_alloc(in->arena, room * sizeof(*told.corrected))};
    PHI_GUARD(told.applied == NULL || told.corrected == NULL ? PHI_ERR_MEMORY : PHI_OK);
    add_counting(in, in->decided, &told);
    add_counting(in, came, &told);
    for (size_t i = 0; i < phi_rows_count(waiting); i++)
        add_case(in, waiting, i, true, &told);
    PHI_GUARD(
        tell_applied(tell, in->tx, in->arena, told.applied, told.applied_count, &in->applied));
    in->applied_count = in->applied == NULL ? 0 : told.applied_count;
    PHI_GUARD(tell_corrections(tell, in->tx, in->arena, told.corrected, told.corrected_count,
                               in->now_us));
out:
    return err;
}

enum phi_err intake_tell_decisions(struct intake *in)
{
    enum phi_err err = PHI_OK;
    struct phi_array *touched = NULL;
    struct phi_rows *came = NULL, *waiting = NULL;
    size_t waits = count_waiting(in->decided);
    if (in->touched_count > 0 && (phi_rows_count(in->decided) == 0 || waits > 0)) {
        PHI_GUARD(list_touched(in, &touched));
        PHI_GUARD(settle(in, touched, &came));
        PHI_GUARD(waits > 0 ? find_waiting(in, touched, &waiting) : PHI_OK);
    }
    PHI_GUARD(tell_all(in, came, waiting));
out:
    phi_rows_free(came);
    phi_rows_free(waiting);
    phi_array_free(touched);
    phi_rows_free(in->decided);
    in->decided = NULL;
    return err;
}
