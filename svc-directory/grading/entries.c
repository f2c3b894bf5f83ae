#include "svc-directory/grading/entries.h"

enum entry_column {
    ENTRY_SUBJECT,
    ENTRY_GRADE,
    ENTRY_THEN,
    ENTRY_UNTIL,
    ENTRY_REASONS,
    ENTRY_MASK,
    ENTRY_VERSION,
    ENTRY_FROM,
    ENTRY_WITHDRAWN
};

enum phi_err entries_lock(struct phi_conn *tx, int32_t partition, struct phi_error *error)
{
    const struct phi_param param = PHI_I64(partition);
    return phi_conn_exec(tx, "partition_lock",
                         "SELECT pg_advisory_xact_lock(hashtext('grading.' || current_schema()), "
                         "$1::bigint::integer)",
                         &param, 1, NULL, error);
}

enum phi_err entries_read(const struct grading *g, const struct phi_array *subjects,
                          struct phi_rows **rows, struct phi_error *error)
{
    const struct phi_param param = PHI_ARRAY(subjects);
    return phi_conn_exec(g->tx, "entries_of_subjects",
                         "SELECT s.subject, e.grade, e.then_grade, e.until_us, e.reasons, "
                         "e.sources_mask, e.version, e.from_us, COALESCE(e.is_withdrawn, false) "
                         "FROM unnest($1::bytea[]) AS "
                         "s(subject) LEFT JOIN entries e ON e.subject = s.subject ORDER BY "
                         "s.subject",
                         &param, 1, rows, error);
}

struct phi_view entries_subject(const struct phi_rows *rows, size_t row)
{
    return phi_rows_bytes(rows, row, ENTRY_SUBJECT);
}

struct decide_state entries_state(const struct phi_rows *rows, size_t row)
{
    return (struct decide_state){
        .is = {.grade = (enum phi_grade)phi_rows_i64(rows, row, ENTRY_GRADE),
               .then = (enum phi_grade)phi_rows_i64(rows, row, ENTRY_THEN),
               .until_us = phi_rows_i64(rows, row, ENTRY_UNTIL),
               .reasons = phi_rows_bytes(rows, row, ENTRY_REASONS),
               .sources_mask = (uint32_t)phi_rows_i64(rows, row, ENTRY_MASK),
               .is_withdrawn = phi_rows_bool(rows, row, ENTRY_WITHDRAWN)},
        .version = phi_rows_i64(rows, row, ENTRY_VERSION),
        .from_us = phi_rows_i64(rows, row, ENTRY_FROM),
    };
}

enum phi_err entries_changes_init(struct entries_changes *changes)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column entries[] = {
        PHI_COLUMN_I64, PHI_COLUMN_I64, PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_I64,
        PHI_COLUMN_I64, PHI_COLUMN_I64, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BOOL};
    static const enum phi_column periods[] = {PHI_COLUMN_I64, PHI_COLUMN_I64, PHI_COLUMN_I64,
                                              PHI_COLUMN_BYTES, PHI_COLUMN_BYTES};
    *changes = (struct entries_changes){0};
    PHI_GUARD(phi_columns_init(&changes->entries, entries, sizeof(entries) / sizeof(entries[0])));
    PHI_GUARD(phi_columns_init(&changes->periods, periods, sizeof(periods) / sizeof(periods[0])));
out:
    return err;
}

void entries_changes_fini(struct entries_changes *changes)
{
    phi_columns_fini(&changes->entries);
    phi_columns_fini(&changes->periods);
}

static enum phi_err add_period(struct entries_changes *changes, struct phi_view subject,
                               int64_t version, int64_t from_us, enum phi_grade grade,
                               struct phi_view reasons)
{
    const struct phi_param row[] = {PHI_I64(version), PHI_I64(from_us), PHI_I64(grade),
                                    PHI_BYTES(subject), PHI_BYTES(reasons)};
    return phi_columns_add(&changes->periods, row);
}

enum phi_err entries_change(struct entries_changes *changes, struct phi_view subject,
                            const struct decide_state *old, const struct entry_decision *decision)
{
    enum phi_err err = PHI_OK;
    const struct decide_state *new = &decision->new;
    const struct phi_param row[] = {
        PHI_I64(new->version),
        PHI_I64(new->from_us),
        PHI_I64(new->is.until_us),
        PHI_I64(new->is.sources_mask),
        PHI_I64(new->is.grade),
        PHI_I64(new->is.then),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_BYTES(subject),
        PHI_BYTES(new->is.reasons),
        PHI_BOOL(new->is.is_withdrawn),
    };
    PHI_GUARD(phi_columns_add(&changes->entries, row));
    if (decision->is_lapsed)
        PHI_GUARD(add_period(changes, subject, new->version - 1, old->is.until_us + 1, old->is.then,
                             phi_view_of(NULL, 0)));
    if (decision->is_period)
        PHI_GUARD(add_period(changes, subject, new->version, new->from_us, new->is.grade,
                             new->is.reasons));
out:
    return err;
}

static enum phi_err write_entries(const struct grading *g, const struct phi_columns *entries,
                                  struct phi_error *error)
{
    struct phi_param params[PHI_COLUMNS_MAX];
    size_t count = entries->count;
    for (size_t i = 0; i < count; i++)
        params[i] = entries->params[i];
    params[count++] = PHI_I64(g->partition);
    params[count++] = PHI_I64(g->now_us);
    return phi_conn_exec(
        g->tx, "entries_upsert",
        "INSERT INTO entries (version, from_us, until_us, updated_us, sources_mask, partition, "
        "subject_key, grade, then_grade, subject, reasons, is_withdrawn) SELECT "
        "unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]), $12::bigint, "
        "unnest($4::bigint[]), $11::bigint, unnest($7::bigint[]), unnest($5::bigint[]), "
        "unnest($6::bigint[]), unnest($8::bytea[]), unnest($9::bytea[]), unnest($10::boolean[]) ON "
        "CONFLICT (subject) DO UPDATE SET version = EXCLUDED.version, from_us = EXCLUDED.from_us, "
        "until_us = EXCLUDED.until_us, updated_us = EXCLUDED.updated_us, sources_mask = "
        "EXCLUDED.sources_mask, partition = EXCLUDED.partition, grade = EXCLUDED.grade, then_grade "
        "= EXCLUDED.then_grade, reasons = EXCLUDED.reasons, is_withdrawn = EXCLUDED.is_withdrawn",
        params, count, NULL, error);
}

static enum phi_err write_periods(const struct grading *g, const struct phi_columns *periods,
                                  struct phi_error *error)
{
    const struct phi_param params[] = {periods->params[0], periods->params[1], periods->params[2],
                                       periods->params[3], periods->params[4], PHI_I64(g->now_us)};
    return phi_conn_exec(g->tx, "history_add",
                         "INSERT INTO history (version, from_us, known_us, grade, subject, "
                         "reasons) SELECT unnest($1::bigint[]), unnest($2::bigint[]), "
                         "$6::bigint, unnest($3::bigint[]), unnest($4::bytea[]), "
                         "unnest($5::bytea[])",
                         params, 6, NULL, error);
}

enum phi_err entries_write(const struct grading *g, const struct entries_changes *changes,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (phi_columns_rows(&changes->entries) > 0)
        PHI_GUARD(write_entries(g, &changes->entries, error));
    if (phi_columns_rows(&changes->periods) > 0)
        PHI_GUARD(write_periods(g, &changes->periods, error));
out:
    return err;
}
