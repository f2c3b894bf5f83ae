/* What a province is told about what it sends: GET /v1/platforms/{region}/quality and …/healing. */
#include "svc-platform/entries/quality.h"

#include <stdio.h>
#include <string.h>

#define DAYS       7
#define DAY_US     INT64_C(86400000000)
#define DIFFER_MAX 100

typedef json_t *row_json(const struct phi_rows *rows, size_t row);

static json_t *time_json(int64_t time_us)
{
    char text[PHI_RFC3339_MAX];
    if (time_us <= 0)
        return json_null();
    phi_rfc3339_format(time_us, text);
    return json_string(text);
}

enum phi_err quality_region(struct phi_api_call *call, const char **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_app *app = phi_api_app(call);
    const struct phi_trust_view *trust = NULL;
    *out = phi_http_param(phi_api_request(call), "region");
    bool is_own = phi_words_has(&app->roles, "directory") && strcmp(app->institution, *out) == 0;
    if (!is_own && !phi_words_has(&app->roles, "platform"))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "region", "another platform's");
    PHI_GUARD(
        phi_trust_hold(phi_service_trust(phi_api_service(call)), phi_api_arena(call), &trust));
    if (phi_trust_platform(trust, *out) == NULL)
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "region", "no platform of the trust list");
out:
    return err;
}

static enum phi_err list(struct phi_conn *conn, const char *name, const char *sql,
                         const struct phi_param *params, size_t count, row_json *row, json_t **out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *array = json_array();
    PHI_GUARD(array == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_conn_exec(conn, name, sql, params, count, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(json_array_append_new(array, row(rows, i)) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    *out = array;
    array = NULL;
out:
    json_decref(array);
    phi_rows_free(rows);
    return err;
}

static json_t *day_json(const struct phi_rows *rows, size_t row)
{
    char day[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, row, 0) * DAY_US, day);
    day[10] = '\0';
    return json_pack("{s:s, s:I, s:I, s:I}", "day", day, "taken",
                     (json_int_t)phi_rows_i64(rows, row, 1), "older",
                     (json_int_t)phi_rows_i64(rows, row, 2), "refused",
                     (json_int_t)phi_rows_i64(rows, row, 3));
}

static json_t *refusal_json(const struct phi_rows *rows, size_t row)
{
    return json_pack("{s:s, s:I, s:o, s:s}", "reason", phi_rows_text(rows, row, 0), "count",
                     (json_int_t)phi_rows_i64(rows, row, 1), "last",
                     time_json(phi_rows_i64(rows, row, 2)), "example", phi_rows_text(rows, row, 3));
}

static json_t *lag_json(const struct phi_rows *rows, size_t row)
{
    int64_t waited_us = phi_rows_i64(rows, row, 2) - phi_rows_i64(rows, row, 1);
    return json_pack("{s:I, s:o, s:I}", "records", (json_int_t)phi_rows_i64(rows, row, 0),
                     "lastRecord", time_json(phi_rows_i64(rows, row, 1)), "seconds",
                     (json_int_t)(waited_us > 0 ? waited_us / 1000000 : 0));
}

static json_t *healing_json(const struct phi_rows *rows, size_t row)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:o, s:o}", "compared", (json_int_t)phi_rows_i64(rows, row, 0),
        "different", (json_int_t)phi_rows_i64(rows, row, 1), "asked",
        (json_int_t)phi_rows_i64(rows, row, 2), "healed", (json_int_t)phi_rows_i64(rows, row, 3),
        "oldest", time_json(phi_rows_i64(rows, row, 4)), "newest",
        time_json(phi_rows_i64(rows, row, 5)));
}

static json_t *digest_json(struct phi_view digest)
{
    char text[33] = "";
    if (digest.len == 16)
        phi_hex_encode(digest, text);
    return json_string(text);
}

static json_t *bucket_json(const struct phi_rows *rows, size_t row)
{
    return json_pack(
        "{s:I, s:o, s:{s:I, s:o}, s:{s:I, s:o}, s:o}", "bucket",
        (json_int_t)phi_rows_i64(rows, row, 0), "comparedAt", time_json(phi_rows_i64(rows, row, 1)),
        "province", "entries", (json_int_t)phi_rows_i64(rows, row, 2), "digest",
        digest_json(phi_rows_bytes(rows, row, 4)), "nation", "entries",
        (json_int_t)phi_rows_i64(rows, row, 3), "digest", digest_json(phi_rows_bytes(rows, row, 5)),
        "askedAt", time_json(phi_rows_i64(rows, row, 6)));
}

static enum phi_err add(json_t *data, const char *name, json_t *list, bool is_one)
{
    json_t *value = is_one ? json_incref(json_array_get(list, 0)) : json_incref(list);
    int failed = json_object_set_new(data, name, value == NULL ? json_null() : value);
    json_decref(list);
    return failed == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

static const char healing_sql[] =
    "SELECT count(*) FILTER (WHERE compared_us > 0), count(*) FILTER (WHERE NOT is_equal), "
    "COALESCE(sum(asks), 0)::bigint, COALESCE(sum(healed), 0)::bigint, "
    "COALESCE(min(compared_us) FILTER (WHERE compared_us > 0), 0), COALESCE(max(compared_us), 0) "
    "FROM buckets WHERE region = $1";

static enum phi_err read_quality(struct phi_conn *conn, const char *region, int64_t now_us,
                                 json_t *data, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *one = NULL;
    const struct phi_param params[] = {PHI_TEXT(region), PHI_I64(now_us / DAY_US - DAYS + 1)};
    PHI_GUARD(list(conn, "quality_days",
                   "SELECT day, sum(taken)::bigint, sum(older)::bigint, sum(refused)::bigint FROM "
                   "intake WHERE region = $1 AND day >= $2 GROUP BY day ORDER BY day",
                   params, 2, day_json, &one, error));
    PHI_GUARD(add(data, "days", one, false));
    PHI_GUARD(list(conn, "quality_refusals",
                   "SELECT reason, sum(count)::bigint, max(last_us), (array_agg(example ORDER BY "
                   "day DESC))[1] FROM refusals WHERE region = $1 AND day >= $2 GROUP BY reason "
                   "ORDER BY reason",
                   params, 2, refusal_json, &one, error));
    PHI_GUARD(add(data, "refusals", one, false));
    PHI_GUARD(list(conn, "quality_lag",
                   "SELECT COALESCE(sum(behind), 0)::bigint, COALESCE(max(record_us), 0), "
                   "COALESCE(max(seen_us), 0) FROM (SELECT DISTINCT ON (partition) behind, "
                   "record_us, seen_us FROM intake WHERE region = $1 ORDER BY partition, day DESC) "
                   "AS last",
                   params, 1, lag_json, &one, error));
    PHI_GUARD(add(data, "lag", one, true));
    PHI_GUARD(list(conn, "healing_sums", healing_sql, params, 1, healing_json, &one, error));
    PHI_GUARD(add(data, "healing", one, true));
out:
    return err;
}

static enum phi_err read_healing(struct phi_conn *conn, const char *region, json_t *data,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *one = NULL;
    const struct phi_param params[] = {PHI_TEXT(region), PHI_I64(DIFFER_MAX)};
    PHI_GUARD(list(conn, "healing_sums", healing_sql, params, 1, healing_json, &one, error));
    PHI_GUARD(add(data, "healing", one, true));
    PHI_GUARD(list(conn, "healing_buckets",
                   "SELECT bucket, compared_us, their_count, our_count, their_digest, our_digest, "
                   "asked_us FROM buckets WHERE region = $1 AND NOT is_equal ORDER BY bucket LIMIT "
                   "$2",
                   params, 2, bucket_json, &one, error));
    PHI_GUARD(add(data, "differing", one, false));
out:
    return err;
}

static enum phi_err report(struct phi_api_call *call, bool is_quality, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    const char *region = NULL;
    json_t *data = NULL;
    PHI_GUARD(quality_region(call, &region, error));
    data = json_pack("{s:s}", "region", region);
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(is_quality ? read_quality(conn, region, phi_api_now_us(call), data, error)
                         : read_healing(conn, region, data, error));
    phi_api_data(call, json_incref(data));
out:
    json_decref(data);
    phi_store_release(conn);
    return err;
}

enum phi_err platform_quality_http(struct phi_api_call *call, struct phi_error *error)
{
    return report(call, true, error);
}

enum phi_err platform_healing_http(struct phi_api_call *call, struct phi_error *error)
{
    return report(call, false, error);
}
