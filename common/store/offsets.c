#include "store/offsets.h"

static enum phi_err find(struct phi_conn *conn, const struct phi_param *place, bool *is_there,
                         int64_t *next, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err = phi_conn_exec(conn, "phi_offsets_load",
                                     "SELECT next FROM offsets"
                                     " WHERE cluster_id = $1 AND topic = $2 AND partition = $3",
                                     place, 3, &rows, error);
    if (err != PHI_OK)
        return err;
    *is_there = phi_rows_count(rows) == 1;
    if (*is_there)
        *next = phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    return PHI_OK;
}

/* Looks first: an insert that meets the row waits for whoever has it in an open transaction. */
enum phi_err phi_offsets_load(struct phi_conn *conn, const char *cluster_id, const char *topic,
                              int32_t partition, int64_t start, int64_t *next,
                              struct phi_error *error)
{
    bool is_there = false;
    const struct phi_param params[] = {PHI_TEXT(cluster_id), PHI_TEXT(topic), PHI_I64(partition),
                                       PHI_I64(start)};
    enum phi_err err = find(conn, params, &is_there, next, error);
    if (err != PHI_OK || is_there)
        return err;
    err = phi_conn_exec(conn, "phi_offsets_init",
                        "INSERT INTO offsets (cluster_id, topic, partition, next)"
                        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                        params, 4, NULL, error);
    if (err == PHI_OK)
        err = find(conn, params, &is_there, next, error);
    if (err != PHI_OK || is_there)
        return err;
    return phi_error_set(error, PHI_ERR_STORE, "offsets", "the row went away");
}

enum phi_err phi_offsets_advance(struct phi_conn *conn, const char *cluster_id, const char *topic,
                                 int32_t partition, int64_t first, int64_t next,
                                 struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err =
        phi_conn_exec(conn, "phi_offsets_advance",
                      "UPDATE offsets SET next = $5, moved_at = now()"
                      " WHERE cluster_id = $1 AND topic = $2 AND partition = $3 AND next = $4",
                      (struct phi_param[]){PHI_TEXT(cluster_id), PHI_TEXT(topic),
                                           PHI_I64(partition), PHI_I64(first), PHI_I64(next)},
                      5, &rows, error);
    if (err != PHI_OK)
        return err;
    size_t moved = phi_rows_affected(rows);
    phi_rows_free(rows);
    if (moved != 1)
        return phi_error_set(error, PHI_ERR_FENCED, topic,
                             "partition %d is not at the expected offset", (int)partition);
    return PHI_OK;
}

enum phi_err phi_offsets_reset(struct phi_conn *conn, const char *cluster_id, const char *topic,
                               int32_t partition, int64_t next, struct phi_error *error)
{
    return phi_conn_exec(
        conn, "phi_offsets_reset",
        "INSERT INTO offsets (cluster_id, topic, partition, next) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (cluster_id, topic, partition)"
        " DO UPDATE SET next = excluded.next, moved_at = now()",
        (struct phi_param[]){PHI_TEXT(cluster_id), PHI_TEXT(topic), PHI_I64(partition),
                             PHI_I64(next)},
        4, NULL, error);
}

enum phi_err phi_offsets_is_foreign(struct phi_conn *conn, const char *cluster_id,
                                    const char *topic, bool *is_foreign, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err =
        phi_conn_exec(conn, "phi_offsets_foreign",
                      "SELECT count(*) > 0 AND NOT coalesce(bool_or(cluster_id = $1), false)"
                      " FROM offsets WHERE topic = $2",
                      (struct phi_param[]){PHI_TEXT(cluster_id), PHI_TEXT(topic)}, 2, &rows, error);
    if (err != PHI_OK)
        return err;
    *is_foreign = phi_rows_bool(rows, 0, 0);
    phi_rows_free(rows);
    return PHI_OK;
}
