/* How far svc-directory has got with a batch: which records count, whose apps it has told. */
#include "svc-correction/batches/batches.h"

#include "store/columns.h"
#include "svc-correction/flow/stored.h"

static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
                                        PHI_COLUMN_TEXT,  PHI_COLUMN_I64,  PHI_COLUMN_BOOL};

static enum phi_err add(struct phi_columns *columns, const struct news *news)
{
    const struct phi_param row[] = {
        PHI_BYTES(news->msg->key),        PHI_TEXT(news->fact.source),
        PHI_TEXT(news->fact.institution), PHI_TEXT(news->fact.record_no),
        PHI_I64(news->decision_version),  PHI_BOOL(news->waits)};
    return phi_columns_add(columns, row);
}

/* The row's lock lets one batch of news count at a time: the last sees that all is said. */
static enum phi_err lock(struct phi_conn *tx, const uint8_t *batch_id, struct phi_error *error)
{
    const struct phi_param id = PHI_BYTES_OF(batch_id, CASE_LEN);
    return phi_conn_exec(tx, "batch_lock",
                         "INSERT INTO batches (batch_id) VALUES ($1) ON CONFLICT (batch_id) DO "
                         "UPDATE SET batch_id = EXCLUDED.batch_id",
                         &id, 1, NULL, error);
}

static enum phi_err count(struct phi_conn *tx, const uint8_t *batch_id,
                          const struct phi_columns *columns, int64_t now_us,
                          struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(batch_id, CASE_LEN),
                                       columns->params[0],
                                       columns->params[1],
                                       columns->params[2],
                                       columns->params[3],
                                       columns->params[4],
                                       columns->params[5],
                                       PHI_I64(now_us)};
    return phi_conn_exec(
        tx, "batch_count",
        "WITH n AS (SELECT DISTINCT ON (subject, record_no) * FROM unnest($2::bytea[], "
        "$3::text[], $4::text[], $5::text[], $6::bigint[], $7::boolean[]) AS u (subject, source, "
        "institution, record_no, version, waits) ORDER BY subject, record_no, waits), r AS (INSERT "
        "INTO batch_records AS b (batch_id, subject, source, institution, record_no, version, "
        "at_us, waits) SELECT $1::bytea, subject, source, institution, record_no, version, "
        "$8::bigint, waits FROM n ORDER BY subject, record_no ON CONFLICT (batch_id, subject, "
        "record_no) DO UPDATE SET waits = false, at_us = EXCLUDED.at_us WHERE b.waits AND NOT "
        "EXCLUDED.waits RETURNING b.waits), p AS (INSERT INTO batch_people (batch_id, subject, "
        "at_us) SELECT DISTINCT $1::bytea, subject, $8::bigint FROM n WHERE NOT waits ORDER BY "
        "subject ON CONFLICT DO NOTHING RETURNING subject) UPDATE batches SET applied = applied + "
        "(SELECT count(*) FROM r WHERE NOT waits), told = told + (SELECT count(*) FROM p) WHERE "
        "batch_id = $1",
        params, sizeof(params) / sizeof(params[0]), NULL, error);
}

enum phi_err batch_applied(struct phi_service *service, struct phi_conn *tx,
                           const struct news *news, size_t count_of, struct phi_arena *arena,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns columns = {0};
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < count_of; i++)
        if (news[i].fact.record_no != NULL)
            PHI_GUARD(add(&columns, &news[i]));
    if (phi_columns_rows(&columns) == 0)
        goto out;
    PHI_GUARD(lock(tx, news->case_id, error));
    PHI_GUARD(
        count(tx, news->case_id, &columns, phi_clock_now_us(phi_service_clock(service)), error));
    PHI_GUARD(batch_finish(service, tx, news->case_id, arena, error));
out:
    phi_columns_fini(&columns);
    return err;
}

enum phi_err batch_finish(struct phi_service *service, struct phi_conn *tx,
                          const uint8_t batch_id[CASE_LEN], struct phi_arena *arena,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct case_now now = {.seq = 0};
    bool is_done = false;
    const struct phi_param id = PHI_BYTES_OF(batch_id, CASE_LEN);
    PHI_GUARD(phi_conn_exec(tx, "batch_finish",
                            "SELECT " STORED_COLUMNS " FROM cases WHERE case_id = $1 AND state = "
                            "'decided' AND (SELECT applied >= records FROM batches WHERE batch_id "
                            "= $1)",
                            &id, 1, &rows, error));
    if (phi_rows_count(rows) == 0)
        goto out;
    PHI_GUARD(stored_take(rows, 0, &now));
    PHI_GUARD(stored_act(service, tx, &now, ACT_APPLY, arena, &is_done, error));
    if (is_done)
        PHI_GUARD(stored_act(service, tx, &now, ACT_TELL, arena, &is_done, error));
out:
    phi_rows_free(rows);
    return err;
}
