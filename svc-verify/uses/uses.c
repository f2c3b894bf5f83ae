/* 被授权访问的情况 (GB/T 38961 5.1, 6.1): who used my code, for the holder's eyes only. Pages go by
 * (time, id): uses of one microsecond are in one order, and none falls between two pages. */
#include "svc-verify/verify.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX     500
#define LIMIT_DEFAULT 20
#define CURSOR_MAX    64
#define LINE_MAX      320

static const char csv_head[] = "usedAt,platform,program,app,scope,resultCode,resultDesc,cursor\r\n";

/* From the newest before (before_us, before_id) on, none older than since_us. */
struct uses_query {
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t limit;
    int64_t since_us;
    int64_t before_us;
    uint8_t before_id[PHI_EVENT_ID_LEN];
    bool is_csv;
};

/* The place of a use in the order: its time in µs, a dash, its id in hex. */
static void format_cursor(const struct phi_rows *rows, size_t i, char out[CURSOR_MAX])
{
    char id[2 * PHI_EVENT_ID_LEN + 1] = "";
    struct phi_view bytes = phi_rows_bytes(rows, i, 6);
    if (bytes.len == PHI_EVENT_ID_LEN)
        phi_hex_encode(bytes, id);
    snprintf(out, CURSOR_MAX, "%" PRId64 "-%s", phi_rows_i64(rows, i, 0), id);
}

static bool parse_cursor(const char *text, struct uses_query *out)
{
    size_t digits = strspn(text, "0123456789");
    const char *id = text + digits + 1;
    if (digits < 1 || digits > 18 || text[digits] != '-' ||
        strspn(id, "0123456789abcdef") != 2 * PHI_EVENT_ID_LEN || id[2 * PHI_EVENT_ID_LEN] != '\0')
        return false;
    return phi_text_to_i64(phi_view_of(text, digits), 0, INT64_MAX, &out->before_us) == PHI_OK &&
           phi_hex_decode(phi_view_text(id), out->before_id, PHI_EVENT_ID_LEN) == PHI_OK;
}

/* Leaves `out` as it is when the query doesn't have it. */
static enum phi_err parse_time(struct phi_http_request *request, const char *name, int64_t *out,
                               struct phi_error *error)
{
    const char *text = phi_http_query(request, name);
    if (text != NULL && phi_rfc3339_parse(phi_view_text(text), out) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, name, "not a date-time");
    return PHI_OK;
}

static enum phi_err parse_span(struct phi_http_request *request, struct uses_query *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *before = phi_http_query(request, "before");
    int64_t since_us = out->since_us, until_us = INT64_MAX;
    if (before != NULL && !parse_cursor(before, out))
        return phi_error_set(error, PHI_ERR_QUERY, "before", "not a page's `next`");
    PHI_GUARD(parse_time(request, "since", &since_us, error));
    PHI_GUARD(parse_time(request, "until", &until_us, error));
    if (since_us > out->since_us)
        out->since_us = since_us;
    if (until_us <= out->before_us) {
        out->before_us = until_us;
        memset(out->before_id, 0, sizeof(out->before_id));
    }
out:
    return err;
}

static enum phi_err parse(struct phi_api_call *call, struct uses_query *out,
                          struct phi_error *error)
{
    struct verify *verify = phi_service_state(phi_api_service(call));
    struct phi_http_request *request = phi_api_request(call);
    const char *limit = phi_http_query(request, "limit");
    const char *format = phi_http_query(request, "format");
    *out = (struct uses_query){.limit = LIMIT_DEFAULT,
                               .before_us = INT64_MAX,
                               .since_us = phi_api_now_us(call) - verify->uses_keep_us};
    if (limit != NULL && phi_text_to_i64(phi_view_text(limit), 1, LIMIT_MAX, &out->limit) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "limit", "not a number from 1 to %d", LIMIT_MAX);
    out->is_csv = format != NULL && strcmp(format, "csv") == 0;
    if (format != NULL && !out->is_csv && strcmp(format, "json") != 0)
        return phi_error_set(error, PHI_ERR_QUERY, "format", "neither json nor csv");
    enum phi_err err = parse_span(request, out, error);
    if (err != PHI_OK)
        return err;
    return phi_subject_index(verify->index_key, &phi_api_who(call)->person, out->subject);
}

static json_t *use_of(const struct phi_rows *rows, size_t i)
{
    char used[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, i, 0), used);
    enum phi_err result = phi_err_from_return_code(phi_rows_text(rows, i, 5));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "usedAt", used, "platform",
                     phi_rows_text(rows, i, 1), "program", phi_rows_text(rows, i, 2), "app",
                     phi_rows_text(rows, i, 3), "scope",
                     phi_scope_name((enum phi_scope)phi_rows_i64(rows, i, 4)), "resultCode",
                     phi_rows_text(rows, i, 5), "resultDesc", phi_err_text_zh(result));
}

static void tell_json(struct phi_api_call *call, const struct phi_rows *rows, int64_t limit)
{
    json_t *uses = json_array();
    size_t count = phi_rows_count(rows);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(uses, use_of(rows, i));
    json_t *data = json_pack("{s:o}", "uses", uses);
    if (data != NULL && count > 0 && (int64_t)count == limit) {
        char next[CURSOR_MAX];
        format_cursor(rows, count - 1, next);
        json_object_set_new(data, "next", json_string(next));
    }
    phi_api_data(call, data);
}

/* Words and numbers, which need no quotes (RFC 4180); every line carries its cursor. */
static size_t write_line(const struct phi_rows *rows, size_t i, char *out)
{
    char used[PHI_RFC3339_MAX], cursor[CURSOR_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, i, 0), used);
    format_cursor(rows, i, cursor);
    enum phi_err result = phi_err_from_return_code(phi_rows_text(rows, i, 5));
    int len =
        snprintf(out, LINE_MAX, "%s,%s,%s,%s,%s,%s,%s,%s\r\n", used, phi_rows_text(rows, i, 1),
                 phi_rows_text(rows, i, 2), phi_rows_text(rows, i, 3),
                 phi_scope_name((enum phi_scope)phi_rows_i64(rows, i, 4)),
                 phi_rows_text(rows, i, 5), phi_err_text_zh(result), cursor);
    return len > 0 && len < LINE_MAX ? (size_t)len : 0;
}

static enum phi_err tell_csv(struct phi_api_call *call, const struct phi_rows *rows)
{
    size_t count = phi_rows_count(rows);
    char *text = phi_arena_alloc(phi_api_arena(call), sizeof(csv_head) + count * LINE_MAX);
    if (text == NULL)
        return PHI_ERR_MEMORY;
    size_t len = sizeof(csv_head) - 1;
    memcpy(text, csv_head, len);
    for (size_t i = 0; i < count; i++)
        len += write_line(rows, i, text + len);
    phi_api_text(call, "text/csv; charset=utf-8", phi_view_of(text, len));
    return PHI_OK;
}

enum phi_err verify_uses(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct uses_query query;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(parse(call, &query, error));
    const struct phi_param params[] = {PHI_BYTES_OF(query.subject, PHI_SUBJECT_LEN),
                                       PHI_I64(query.since_us), PHI_I64(query.before_us),
                                       PHI_BYTES_OF(query.before_id, PHI_EVENT_ID_LEN),
                                       PHI_I64(query.limit)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(
        conn, "uses_page",
        "SELECT used_us, platform, program, app, scope, result_code, id FROM uses WHERE "
        "subject = $1 AND used_us >= $2 AND used_us <= $3 AND (used_us, id) < ($3, $4) "
        "ORDER BY used_us DESC, id DESC LIMIT $5",
        params, 5, &rows, error));
    if (query.is_csv)
        PHI_GUARD(tell_csv(call, rows));
    else
        tell_json(call, rows, query.limit);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
