/* 被授权访问的情况 (GB/T 38961 5.1, 6.1): who used my code, for the holder's eyes only. */
#include "svc-verify/verify.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX     100
#define LIMIT_DEFAULT 20

struct uses_query {
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t limit;
    int64_t before_us;
};

static enum phi_err parse(struct phi_api_call *call, struct uses_query *out,
                          struct phi_error *error)
{
    struct verify *verify = phi_service_state(phi_api_service(call));
    const char *limit = phi_http_query(phi_api_request(call), "limit");
    const char *before = phi_http_query(phi_api_request(call), "before");
    out->limit = LIMIT_DEFAULT;
    out->before_us = INT64_MAX;
    if (limit != NULL && phi_text_to_i64(phi_view_text(limit), 1, LIMIT_MAX, &out->limit) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "limit", "not a number from 1 to %d", LIMIT_MAX);
    if (before != NULL && phi_rfc3339_parse(phi_view_text(before), &out->before_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "before", "not a date-time");
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

static json_t *page_of(const struct phi_rows *rows, int64_t limit)
{
    json_t *uses = json_array();
    size_t count = phi_rows_count(rows);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(uses, use_of(rows, i));
    json_t *data = json_pack("{s:o}", "uses", uses);
    if (data != NULL && count > 0 && (int64_t)count == limit) {
        char next[PHI_RFC3339_MAX];
        phi_rfc3339_format(phi_rows_i64(rows, count - 1, 0), next);
        json_object_set_new(data, "next", json_string(next));
    }
    return data;
}

enum phi_err verify_uses(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct uses_query query;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(parse(call, &query, error));
    const struct phi_param params[] = {PHI_BYTES_OF(query.subject, PHI_SUBJECT_LEN),
                                       PHI_I64(query.before_us), PHI_I64(query.limit)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(
        phi_conn_exec(conn, "uses_page",
                      "SELECT used_us, platform, program, app, scope, result_code FROM uses WHERE "
                      "subject = $1 AND used_us < $2 ORDER BY used_us DESC LIMIT $3",
                      params, 3, &rows, error));
    phi_api_data(call, page_of(rows, query.limit));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
