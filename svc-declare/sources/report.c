#include "svc-declare/sources/report.h"

#include "base/text.h"
#include "store/columns.h"

#include <stdlib.h>
#include <string.h>

#define PROBLEM_COLUMNS 8
#define PROBLEMS_SHOWN  100

static const enum phi_column problem_columns[PROBLEM_COLUMNS] = {
    PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT, PHI_COLUMN_BOOL, PHI_COLUMN_TEXT, PHI_COLUMN_I64};

static const char problems_insert[] =
    "INSERT INTO source_problems (source, institution, record_no, field, reason, is_conflict, way, "
    "at_us) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], "
    "$6::boolean[], $7::text[], $8::bigint[])";

static const char problems_trim[] =
    "DELETE FROM source_problems WHERE source = $1 AND institution = $2 AND problem_id <= (SELECT "
    "problem_id FROM source_problems WHERE source = $1 AND institution = $2 ORDER BY problem_id "
    "DESC OFFSET $3 LIMIT 1)";

static const char marks_keep[] =
    "INSERT INTO source_marks AS old (source, institution, accepted, duplicates, rejected, "
    "conflicts, last_record_no, first_us, last_us, accepted_us) VALUES ($1, $2, $3, $4, $5, $6, "
    "$7, $8, $8, CASE WHEN $3 > 0 THEN $8::bigint END) ON CONFLICT (source, institution) DO UPDATE "
    "SET accepted = old.accepted + $3, duplicates = old.duplicates + $4, rejected = old.rejected + "
    "$5, conflicts = old.conflicts + $6, last_record_no = coalesce($7, old.last_record_no), "
    "last_us = greatest(old.last_us, $8), accepted_us = CASE WHEN $3 > 0 THEN "
    "greatest(old.accepted_us, $8) ELSE old.accepted_us END";

struct tally {
    int64_t results[3]; /* by enum intake_result */
    int64_t conflicts;
    const char *last_record_no;
};

static void tally_line(struct tally *tally, const struct intake_line *line)
{
    tally->results[line->result]++;
    if (line->result == INTAKE_REJECTED)
        tally->conflicts += line->error.code == PHI_ERR_CONFLICT;
    else
        tally->last_record_no = line->fact.record_no;
}

static enum phi_err keep_marks(const struct intake *intake, struct phi_conn *tx,
                               struct phi_error *error)
{
    struct tally tally = {0};
    for (size_t i = 0; i < intake->count; i++)
        tally_line(&tally, &intake->lines[i]);
    const struct phi_param params[] = {
        PHI_TEXT(intake->kind->stream),          PHI_TEXT(intake->institution),
        PHI_I64(tally.results[INTAKE_ACCEPTED]), PHI_I64(tally.results[INTAKE_DUPLICATE]),
        PHI_I64(tally.results[INTAKE_REJECTED]), PHI_I64(tally.conflicts),
        PHI_TEXT(tally.last_record_no),          PHI_I64(intake->from.now_us)};
    return phi_conn_exec(tx, "marks_keep", marks_keep, params, 8, NULL, error);
}

static enum phi_err trim(struct phi_conn *tx, const char *source, const char *institution,
                         struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(source), PHI_TEXT(institution),
                                       PHI_I64(REPORT_PROBLEMS_KEPT)};
    return phi_conn_exec(tx, "problems_trim", problems_trim, params, 3, NULL, error);
}

static enum phi_err keep_problems(const struct intake *intake, struct phi_conn *tx,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns columns = {0};
    size_t count = 0;
    PHI_GUARD(phi_columns_init(&columns, problem_columns, PROBLEM_COLUMNS));
    for (size_t i = 0; i < intake->count; i++) {
        const struct intake_line *line = &intake->lines[i];
        if (line->result != INTAKE_REJECTED)
            continue;
        const struct phi_param row[PROBLEM_COLUMNS] = {
            PHI_TEXT(intake->kind->stream), PHI_TEXT(intake->institution),
            PHI_TEXT(line->fact.record_no), PHI_TEXT(line->error.place),
            PHI_TEXT(line->error.text),     PHI_BOOL(line->error.code == PHI_ERR_CONFLICT),
            PHI_TEXT(intake->from.way),     PHI_I64(intake->from.now_us)};
        PHI_GUARD(phi_columns_add(&columns, row));
        count++;
    }
    if (count == 0)
        goto out;
    PHI_GUARD(phi_columns_write(&columns, tx, "problems_insert", problems_insert, error));
    PHI_GUARD(trim(tx, intake->kind->stream, intake->institution, error));
out:
    phi_columns_fini(&columns);
    return err;
}

enum phi_err report_keep(struct intake *intake, struct phi_conn *tx, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(keep_marks(intake, tx, error));
    PHI_GUARD(keep_problems(intake, tx, error));
out:
    return err;
}

enum phi_err report_letter(struct phi_conn *tx, const char *source, const char *institution,
                           const char *reason, int64_t now_us, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_param params[] = {PHI_TEXT(source), PHI_TEXT(institution), PHI_TEXT(reason),
                                       PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(tx, "problem_letter",
                            "INSERT INTO source_problems (source, institution, field, reason, "
                            "is_conflict, way, at_us) VALUES ($1, $2, '$', $3, false, 'intake', "
                            "$4)",
                            params, 4, NULL, error));
    PHI_GUARD(trim(tx, source, institution, error));
out:
    return err;
}

/* --- GET /v1/sources/{kind}/report --- */

struct asking {
    struct phi_api_call *call;
    const struct form_kind *kind;
    const char *institution;
    struct phi_conn *conn;
    json_t *data; /* the arena's */
    struct phi_error *error;
};

static enum phi_err put(const struct asking *a, const char *field, json_t *value)
{
    return json_object_set_new(a->data, field, value) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

static json_t *time_or_null(const struct phi_rows *rows, size_t row, size_t column)
{
    char text[PHI_RFC3339_MAX];
    if (phi_rows_count(rows) <= row || phi_rows_is_null(rows, row, column))
        return json_null();
    phi_rfc3339_format(phi_rows_i64(rows, row, column), text);
    return json_string(text);
}

static json_t *text_or_null(const struct phi_rows *rows, size_t row, size_t column)
{
    if (phi_rows_count(rows) <= row || phi_rows_is_null(rows, row, column))
        return json_null();
    return json_string(phi_rows_text(rows, row, column));
}

static int64_t count_of(const struct phi_rows *rows, size_t column)
{
    return phi_rows_count(rows) == 0 ? 0 : phi_rows_i64(rows, 0, column);
}

static enum phi_err tell_marks(const struct asking *a)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(a->kind->stream), PHI_TEXT(a->institution)};
    PHI_GUARD(phi_conn_exec(a->conn, "marks_of",
                            "SELECT accepted, duplicates, rejected, conflicts, last_record_no, "
                            "first_us, last_us, accepted_us FROM source_marks WHERE source = $1 "
                            "AND institution = $2",
                            params, 2, &rows, a->error));
    PHI_GUARD(put(a, "accepted", json_integer(count_of(rows, 0))));
    PHI_GUARD(put(a, "duplicates", json_integer(count_of(rows, 1))));
    PHI_GUARD(put(a, "rejected", json_integer(count_of(rows, 2))));
    PHI_GUARD(put(a, "conflicts", json_integer(count_of(rows, 3))));
    PHI_GUARD(put(a, "resumeAfter", text_or_null(rows, 0, 4)));
    PHI_GUARD(put(a, "since", time_or_null(rows, 0, 5)));
    PHI_GUARD(put(a, "lastAt", time_or_null(rows, 0, 6)));
    PHI_GUARD(put(a, "lastAcceptedAt", time_or_null(rows, 0, 7)));
out:
    phi_rows_free(rows);
    return err;
}

static json_t *problem_json(const struct phi_rows *rows, size_t row)
{
    return json_pack("{s:o, s:s, s:s, s:b, s:s, s:o}", "recordNo", text_or_null(rows, row, 0),
                     "field", phi_rows_text(rows, row, 1), "reason", phi_rows_text(rows, row, 2),
                     "isConflict", phi_rows_bool(rows, row, 3), "way", phi_rows_text(rows, row, 4),
                     "at", time_or_null(rows, row, 5));
}

/* The newest first; letters that could not be opened belong to no kind and are shown with each. */
static enum phi_err tell_problems(const struct asking *a)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(a->kind->stream), PHI_TEXT(a->institution),
                                       PHI_I64(PROBLEMS_SHOWN)};
    json_t *list = json_array();
    PHI_GUARD(put(a, "problems", list));
    PHI_GUARD(phi_conn_exec(a->conn, "problems_of",
                            "SELECT record_no, field, reason, is_conflict, way, at_us FROM "
                            "source_problems WHERE source IN ($1, '-') AND institution = $2 "
                            "ORDER BY problem_id DESC LIMIT $3",
                            params, 3, &rows, a->error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(json_array_append_new(list, problem_json(rows, i)) == 0 ? PHI_OK
                                                                          : PHI_ERR_MEMORY);
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err tell_rhythm(const struct asking *a)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(a->kind->stream), PHI_TEXT(a->institution)};
    PHI_GUARD(phi_conn_exec(a->conn, "rhythm_of",
                            "SELECT every_us, fresh_until_us, state FROM rhythms WHERE source = $1 "
                            "AND institution = $2",
                            params, 2, &rows, a->error));
    json_t *rhythm = phi_rows_count(rows) == 0
                         ? json_null()
                         : json_pack("{s:I, s:o, s:s}", "everySeconds",
                                     (json_int_t)(phi_rows_i64(rows, 0, 0) / 1000000), "freshUntil",
                                     time_or_null(rows, 0, 1), "state", phi_rows_text(rows, 0, 2));
    PHI_GUARD(put(a, "rhythm", rhythm));
out:
    phi_rows_free(rows);
    return err;
}

/* With ?recordNo=: the revisions of that number that were taken. */
static enum phi_err tell_record(const struct asking *a)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const char *record_no = phi_http_query(phi_api_request(a->call), "recordNo");
    if (record_no == NULL)
        return PHI_OK;
    if (!phi_text_is_word(phi_view_text(record_no), FORM_RECORD_MAX))
        return phi_error_set(a->error, PHI_ERR_QUERY, "recordNo", "no record number");
    const struct phi_param params[] = {PHI_TEXT(phi_service_region(phi_api_service(a->call))),
                                       PHI_TEXT(a->kind->stream), PHI_TEXT(a->institution),
                                       PHI_TEXT(record_no)};
    json_t *list = json_array();
    PHI_GUARD(put(a, "revisions", list));
    PHI_GUARD(phi_conn_exec(a->conn, "record_revisions",
                            "SELECT revision FROM intake WHERE region = $1 AND source = $2 AND "
                            "institution = $3 AND record_no = $4 ORDER BY revision LIMIT 1000",
                            params, 4, &rows, a->error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(json_array_append_new(list, json_integer(phi_rows_i64(rows, i, 0))) == 0
                      ? PHI_OK
                      : PHI_ERR_MEMORY);
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err declare_report(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct asking a = {.call = call, .error = error};
    PHI_GUARD(declare_kind(call, &a.kind, error));
    PHI_GUARD(declare_institution(call, a.kind->kind, &a.institution, error));
    a.data = json_pack("{s:s, s:s}", "source", a.kind->stream, "institution", a.institution);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), a.data));
    PHI_GUARD(phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call),
                                &a.conn));
    PHI_GUARD(tell_marks(&a));
    PHI_GUARD(tell_problems(&a));
    PHI_GUARD(tell_rhythm(&a));
    PHI_GUARD(tell_record(&a));
    phi_api_data(call, json_incref(a.data));
out:
    phi_store_release(a.conn);
    return err;
}
