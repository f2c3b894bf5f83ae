#include "store/outbox.h"

#include "store/conn.h"
#include "store/tables.h"

#define KEY_SQL "hashtextextended('phi.outbox.' || current_schema(), 0)"

/* Of the rows in their order as many as have 32 MiB together, and always the first: records of 350
 * KB are no more in memory than small ones. */
#define WITHIN(rows)                                                                               \
    "SELECT event_id, topic, key, partition, headers, value, created_us FROM (SELECT *, "          \
    "sum(octet_length(value)) OVER (ORDER BY created_us, event_id) - octet_length(value) AS "      \
    "before FROM (" rows ") o) b WHERE before < 33554432 ORDER BY created_us, event_id"

enum phi_err phi_outbox_lock(struct phi_conn *conn, bool *is_held, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err = phi_conn_exec(
        conn, "phi_outbox_lock", "SELECT pg_try_advisory_lock(" KEY_SQL ")", NULL, 0, &rows, error);
    if (err != PHI_OK)
        return err;
    *is_held = phi_rows_bool(rows, 0, 0);
    conn->has_locks = conn->has_locks || *is_held;
    phi_rows_free(rows);
    return PHI_OK;
}

void phi_outbox_unlock(struct phi_conn *conn)
{
    enum phi_err err = phi_conn_exec(conn, "phi_outbox_unlock",
                                     "SELECT pg_advisory_unlock(" KEY_SQL ")", NULL, 0, NULL, NULL);
    if (err != PHI_OK)
        conn->is_broken = true; /* closing it drops the lock for sure */
}

enum phi_err phi_outbox_add(struct phi_conn *conn, const struct phi_param *columns,
                            struct phi_error *error)
{
    return phi_conn_exec(
        conn, "phi_outbox_add",
        "INSERT INTO outbox (event_id, topic, key, partition, headers, value, created_us)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (event_id) DO NOTHING",
        columns, PHI_OUTBOX_COLUMNS, NULL, error);
}

enum phi_err phi_outbox_read(struct phi_conn *conn, int64_t until_us, size_t max,
                             struct phi_rows **rows, struct phi_error *error)
{
    return phi_conn_exec(
        conn, "phi_outbox_read",
        WITHIN("SELECT event_id, topic, key, partition, headers, value, created_us FROM outbox"
               " WHERE created_us <= $1 ORDER BY created_us, event_id LIMIT least($2, 10000)"),
        (struct phi_param[]){PHI_I64(until_us), PHI_I64(max)}, 2, rows, error);
}

enum phi_err phi_outbox_read_topics(struct phi_conn *conn, int64_t until_us, const char *pattern,
                                    bool is_matching, size_t max, struct phi_rows **rows,
                                    struct phi_error *error)
{
    return phi_conn_exec(
        conn, "phi_outbox_read_topics",
        WITHIN("SELECT event_id, topic, key, partition, headers, value, created_us FROM outbox"
               " WHERE created_us <= $1 AND (topic ~ $2) = $3"
               " ORDER BY created_us, event_id LIMIT least($4, 10000)"),
        (struct phi_param[]){PHI_I64(until_us), PHI_TEXT(pattern), PHI_BOOL(is_matching),
                             PHI_I64(max)},
        4, rows, error);
}

enum phi_err phi_outbox_delete(struct phi_conn *conn, const uint8_t (*event_ids)[16], size_t count,
                               size_t *deleted, struct phi_error *error)
{
    struct phi_array *ids = phi_array_new(PHI_COLUMN_BYTES);
    struct phi_rows *rows = NULL;
    enum phi_err err = ids ? PHI_OK : PHI_ERR_MEMORY;
    for (size_t i = 0; err == PHI_OK && i < count; i++)
        err = phi_array_add(ids, PHI_BYTES_OF(event_ids[i], 16));
    if (err != PHI_OK) {
        err = phi_error_set(error, err, "outbox", "event ids");
        goto out;
    }
    PHI_GUARD(phi_conn_exec(conn, "phi_outbox_delete",
                            "DELETE FROM outbox WHERE event_id = ANY($1)",
                            (struct phi_param[]){PHI_ARRAY(ids)}, 1, &rows, error));
    if (deleted != NULL)
        *deleted = phi_rows_affected(rows);
out:
    phi_rows_free(rows);
    phi_array_free(ids);
    return err;
}

enum phi_err phi_outbox_count(struct phi_conn *conn, size_t max, size_t *count,
                              struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err = phi_conn_exec(
        conn, "phi_outbox_count", "SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT $1) AS waiting",
        (struct phi_param[]){PHI_I64(max)}, 1, &rows, error);
    if (err != PHI_OK)
        return err;
    *count = (size_t)phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    return PHI_OK;
}

enum phi_err phi_outbox_size(struct phi_conn *conn, int64_t *bytes, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err = phi_conn_exec(
        conn, "phi_outbox_size", "SELECT pg_total_relation_size('outbox')", NULL, 0, &rows, error);
    if (err != PHI_OK)
        return err;
    *bytes = phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    return PHI_OK;
}
