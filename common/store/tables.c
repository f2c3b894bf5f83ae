#include "store/tables.h"

const char phi_lane_ddl[] = "CREATE TABLE lane_commits (\n"
                            "    id bytea PRIMARY KEY,\n"
                            "    is_kept boolean NOT NULL,\n"
                            "    at_us bigint NOT NULL\n"
                            ");\n"
                            "CREATE INDEX lane_commits_at ON lane_commits USING brin (at_us);\n";

const char phi_requests_ddl[] =
    "CREATE TABLE idempotency (\n"
    "    app_id text NOT NULL,\n"
    "    route text NOT NULL,\n"
    "    customer text NOT NULL,\n"
    "    serial text NOT NULL,\n"
    "    body_digest bytea NOT NULL,\n"
    "    status int NOT NULL,\n"
    "    answer bytea NOT NULL,\n"
    "    created_us bigint NOT NULL,\n"
    "    PRIMARY KEY (app_id, route, customer, serial)\n"
    ");\n"
    "CREATE INDEX idempotency_created ON idempotency USING brin (created_us);\n"
    "CREATE TABLE nonces (\n"
    "    app_id text NOT NULL,\n"
    "    nonce text NOT NULL,\n"
    "    seen_us bigint NOT NULL,\n"
    "    PRIMARY KEY (app_id, nonce)\n"
    ");\n"
    "CREATE INDEX nonces_seen ON nonces USING brin (seen_us);\n";

const char phi_outbox_ddl[] =
    "CREATE TABLE outbox (\n"
    "    event_id bytea PRIMARY KEY CHECK (octet_length(event_id) = 16),\n"
    "    topic text NOT NULL,\n"
    "    key bytea NOT NULL,\n"
    "    partition int NOT NULL,\n"
    "    headers text NOT NULL,\n"
    "    value bytea NOT NULL,\n"
    "    created_us bigint NOT NULL\n"
    ");\n"
    "CREATE INDEX outbox_created ON outbox (created_us, event_id);\n";

const char phi_offsets_ddl[] = "CREATE TABLE offsets (\n"
                               "    cluster_id text NOT NULL,\n"
                               "    topic text NOT NULL,\n"
                               "    partition int NOT NULL,\n"
                               "    next bigint NOT NULL,\n"
                               "    moved_at timestamptz NOT NULL DEFAULT now(),\n"
                               "    PRIMARY KEY (cluster_id, topic, partition)\n"
                               ");\n";

const char phi_alive_ddl[] = "CREATE TABLE alive (\n"
                             "    is_here boolean PRIMARY KEY CHECK (is_here),\n"
                             "    at_us bigint NOT NULL\n"
                             ");\n";

const enum phi_column phi_nonces_columns[] = {PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_I64};
const char phi_nonces_insert[] = "INSERT INTO nonces (app_id, nonce, seen_us)"
                                 " SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])"
                                 " ON CONFLICT (app_id, nonce) DO NOTHING RETURNING app_id, nonce";

const enum phi_column phi_idempotency_columns[] = {
    PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,
    PHI_COLUMN_BYTES, PHI_COLUMN_I64,  PHI_COLUMN_BYTES, PHI_COLUMN_I64};
const char phi_idempotency_insert[] =
    "INSERT INTO idempotency"
    " (app_id, route, customer, serial, body_digest, status, answer, created_us)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[],"
    " $6::bigint[], $7::bytea[], $8::bigint[])"
    " ON CONFLICT (app_id, route, customer, serial) DO NOTHING"
    " RETURNING app_id, route, customer, serial";
const char phi_idempotency_fetch[] =
    "SELECT app_id, route, customer, serial, body_digest, status, answer, created_us"
    " FROM idempotency JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[])"
    " AS wanted (app_id, route, customer, serial) USING (app_id, route, customer, serial)";

const enum phi_column phi_outbox_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
                                              PHI_COLUMN_I64,   PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
                                              PHI_COLUMN_I64};
const char phi_outbox_insert[] =
    "INSERT INTO outbox (event_id, topic, key, partition, headers, value, created_us)"
    " SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bigint[], $5::text[],"
    " $6::bytea[], $7::bigint[]) ON CONFLICT (event_id) DO NOTHING";

enum phi_err phi_idempotency_find(struct phi_conn *conn, const char *app_id, const char *route,
                                  const char *customer, const char *serial, struct phi_rows **rows,
                                  struct phi_error *error)
{
    return phi_conn_exec(
        conn, "phi_idempotency_find",
        "SELECT app_id, route, customer, serial, body_digest, status, answer, created_us"
        " FROM idempotency WHERE app_id = $1 AND route = $2 AND customer = $3 AND serial = $4",
        (struct phi_param[]){PHI_TEXT(app_id), PHI_TEXT(route), PHI_TEXT(customer),
                             PHI_TEXT(serial)},
        4, rows, error);
}

#define DAY_US     (24LL * 3600 * 1000000)
#define MINUTES_US (10LL * 60 * 1000000)

/* SKIP LOCKED: two replicas that prune at once share the work instead of waiting for each other. */
static enum phi_err prune_one(struct phi_conn *conn, const char *name, const char *sql,
                              int64_t until_us, size_t *deleted, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err =
        phi_conn_exec(conn, name, sql, (struct phi_param[]){PHI_I64(until_us)}, 1, &rows, error);
    if (err != PHI_OK)
        return err;
    *deleted += phi_rows_affected(rows);
    phi_rows_free(rows);
    return PHI_OK;
}

enum phi_err phi_store_prune(struct phi_conn *conn, int64_t now_us,
                             const struct phi_prune_ages *ages, size_t *deleted,
                             struct phi_error *error)
{
    static const struct phi_prune_ages defaults = {0};
    const struct phi_prune_ages *given = ages ? ages : &defaults;
    int64_t idempotency_us = given->idempotency_us ? given->idempotency_us : DAY_US;
    int64_t nonces_us = given->nonces_us ? given->nonces_us : MINUTES_US;
    size_t count = 0;
    enum phi_err err = PHI_OK;
    PHI_GUARD(
        prune_one(conn, "phi_prune_idempotency",
                  "DELETE FROM idempotency WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency"
                  " WHERE created_us < $1 LIMIT 10000 FOR UPDATE SKIP LOCKED))",
                  now_us - idempotency_us, &count, error));
    PHI_GUARD(prune_one(conn, "phi_prune_nonces",
                        "DELETE FROM nonces WHERE ctid = ANY (ARRAY(SELECT ctid FROM nonces"
                        " WHERE seen_us < $1 LIMIT 10000 FOR UPDATE SKIP LOCKED))",
                        now_us - nonces_us, &count, error));
out:
    if (err == PHI_OK && deleted != NULL)
        *deleted = count;
    return err;
}
