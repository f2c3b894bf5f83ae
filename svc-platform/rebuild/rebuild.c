#include "svc-platform/rebuild/rebuild.h"

#include "base/log.h"
#include "svc-platform/rebuild/window.h"

#include <stdio.h>
#include <string.h>

#define TOPICS "^phi\\.[0-9]{6}\\.directory$"

static enum phi_err advance(int64_t id, const struct phi_batch *batch, int64_t written,
                            struct phi_conn *tx, bool *is_done)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {
        PHI_I64(id),           PHI_TEXT(batch->topic), PHI_I64(batch->partition),
        PHI_I64(batch->first), PHI_I64(batch->next),   PHI_I64((int64_t)batch->count),
        PHI_I64(written)};
    PHI_GUARD(phi_conn_exec(tx, "rebuild_advance",
                            "UPDATE rebuild_parts SET next = $5, records = records + $6, written = "
                            "written + $7 WHERE rebuild = $1 AND topic = $2 AND partition = $3 AND "
                            "next < goal RETURNING next >= goal AND $4::bigint < goal",
                            params, 7, &rows, NULL));
    *is_done = phi_rows_count(rows) == 1 && phi_rows_bool(rows, 0, 0);
out:
    phi_rows_free(rows);
    return err;
}

/* One partition's end at a time: whoever comes second sees what the first has done. */
static enum phi_err lock(int64_t id, struct phi_conn *tx)
{
    const struct phi_param param = PHI_I64(id);
    return phi_conn_exec(tx, "rebuild_lock", "SELECT 1 FROM rebuilds WHERE id = $1 FOR UPDATE",
                         &param, 1, NULL, NULL);
}

static enum phi_err finish(struct phi_service *service, int64_t id, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    const struct phi_param params[] = {PHI_I64(id), PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(tx, "rebuild_read",
                            "UPDATE rebuilds SET read_us = $2 WHERE id = $1 AND read_us = 0 AND "
                            "NOT EXISTS (SELECT 1 FROM rebuild_parts WHERE rebuild = $1 AND next < "
                            "goal) RETURNING id",
                            params, 2, &rows, NULL));
    if (phi_rows_count(rows) == 1) {
        phi_log(PHI_LOG_INFO, "directory_read_anew", PHI_L_INT("rebuild", id));
        PHI_GUARD(window_open(tx, id));
    }
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err rebuild_tell(struct phi_service *service, int64_t id, const struct phi_batch *batch,
                          int64_t written, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    bool is_done = false;
    PHI_GUARD(advance(id, batch, written, tx, &is_done));
    if (!is_done)
        goto out;
    PHI_GUARD(lock(id, tx));
    PHI_GUARD(finish(service, id, tx));
out:
    return err;
}

/* The rows of `offsets` go in the order of their key, as they are written. */
static const char begin_sql[] =
    "WITH fresh AS (INSERT INTO rebuilds (started_us) VALUES ($1) RETURNING id), gone AS (DELETE "
    "FROM offsets WHERE topic ~ $2 RETURNING topic, partition, next), parts AS (INSERT INTO "
    "rebuild_parts (rebuild, topic, partition, goal) SELECT fresh.id, gone.topic, gone.partition, "
    "max(gone.next) FROM fresh, gone WHERE gone.next > 0 GROUP BY 1, 2, 3 RETURNING 1) SELECT "
    "fresh.id, (SELECT count(*) FROM parts) FROM fresh";

static enum phi_err begin(struct phi_conn *conn, int64_t now_us, json_t **out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(now_us), PHI_TEXT(TOPICS)};
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(phi_conn_exec(conn, "rebuild_running",
                            "SELECT id FROM rebuilds WHERE read_us = 0 FOR UPDATE", NULL, 0, &rows,
                            error));
    if (phi_rows_count(rows) > 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "rebuild", "one is under way"));
    phi_rows_free(rows);
    rows = NULL;
    PHI_GUARD(phi_conn_exec(conn, "rebuild_begin", begin_sql, params, 2, &rows, error));
    if (phi_rows_i64(rows, 0, 1) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "rebuild", "nothing was read yet"));
    *out = json_pack("{s:I, s:I}", "rebuild", (json_int_t)phi_rows_i64(rows, 0, 0), "partitions",
                     (json_int_t)phi_rows_i64(rows, 0, 1));
    PHI_GUARD(phi_conn_commit(conn, error));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err platform_rebuild_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    json_t *data = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(begin(conn, phi_api_now_us(call), &data, error));
    phi_api_data(call, data);
out:
    phi_store_release(conn);
    return err;
}

static json_t *time_json(int64_t time_us)
{
    char text[PHI_RFC3339_MAX];
    if (time_us <= 0)
        return json_null();
    phi_rfc3339_format(time_us, text);
    return json_string(text);
}

static const char state_sql[] =
    "SELECT r.id, r.started_us, r.read_us, COALESCE(sum(p.records), 0)::bigint, "
    "COALESCE(sum(p.written), 0)::bigint, count(*) FILTER (WHERE p.next >= p.goal), count(p.goal), "
    "(SELECT count(*) FROM buckets b WHERE b.compared_us > r.read_us AND r.read_us > 0), (SELECT "
    "count(*) FROM buckets b WHERE b.compared_us > r.read_us AND r.read_us > 0 AND NOT "
    "b.is_equal), 4096 * count(DISTINCT substr(p.topic, 5, 6)), (SELECT count(*) FROM "
    "rebuild_regions w WHERE w.rebuild = r.id AND NOT is_over), COALESCE((SELECT "
    "string_agg(region, ',' ORDER BY region) FROM rebuild_regions w WHERE w.rebuild = r.id AND "
    "is_over AND low < 4096), '') FROM rebuilds r LEFT JOIN rebuild_parts p ON p.rebuild = r.id "
    "GROUP BY r.id ORDER BY r.id DESC LIMIT 1";

enum state {
    ID,
    STARTED,
    READ,
    RECORDS,
    WRITTEN,
    PARTS_READ,
    PARTS,
    COMPARED,
    DIFFERENT,
    BUCKETS,
    OPEN,
    UNANSWERED
};

static const char *state_of(const struct phi_rows *rows)
{
    if (phi_rows_i64(rows, 0, READ) == 0)
        return "reading";
    if (phi_rows_i64(rows, 0, OPEN) > 0)
        return "comparing";
    if (phi_rows_i64(rows, 0, DIFFERENT) > 0)
        return "healing";
    return phi_rows_text(rows, 0, UNANSWERED)[0] == '\0' ? "done" : "unanswered";
}

static json_t *regions_of(const char *joined)
{
    json_t *list = json_array();
    for (; *joined != '\0'; joined += 6 + (joined[6] == ','))
        json_array_append_new(list, json_stringn(joined, 6));
    return list;
}

static json_t *state_json(const struct phi_rows *rows, int64_t now_us)
{
    int64_t started_us = phi_rows_i64(rows, 0, STARTED), read_us = phi_rows_i64(rows, 0, READ);
    int64_t records = phi_rows_i64(rows, 0, RECORDS);
    int64_t took_us = (read_us > 0 ? read_us : now_us) - started_us;
    return json_pack("{s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:{s:I, s:I}, s:{s:I, s:I, s:I}, s:o}",
                     "rebuild", (json_int_t)phi_rows_i64(rows, 0, ID), "state", state_of(rows),
                     "startedAt", time_json(started_us), "readAt", time_json(read_us), "records",
                     (json_int_t)records, "written", (json_int_t)phi_rows_i64(rows, 0, WRITTEN),
                     "recordsPerSecond",
                     (json_int_t)(took_us > 0 ? records * 1000000 / took_us : 0), "partitions",
                     "read", (json_int_t)phi_rows_i64(rows, 0, PARTS_READ), "all",
                     (json_int_t)phi_rows_i64(rows, 0, PARTS), "buckets", "compared",
                     (json_int_t)phi_rows_i64(rows, 0, COMPARED), "different",
                     (json_int_t)phi_rows_i64(rows, 0, DIFFERENT), "all",
                     (json_int_t)phi_rows_i64(rows, 0, BUCKETS), "unanswered",
                     regions_of(phi_rows_text(rows, 0, UNANSWERED)));
}

enum phi_err platform_rebuild_state_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "rebuild_state", state_sql, NULL, 0, &rows, error));
    if (phi_rows_count(rows) == 1)
        phi_api_data(call, state_json(rows, phi_api_now_us(call)));
    else
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "rebuild", "there was none");
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
