#include "svc-correction/copy/copy.h"

#include "base/text.h"

#define LIMIT_MAX     20
#define LIMIT_DEFAULT 10
#define FILED_MAX     "200"

const char *const copy_queries[] = {"before", "limit", NULL};

struct page {
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t before_us;
    int64_t limit;
};

static enum phi_err parse(struct phi_api_call *call, struct page *out, struct phi_error *error)
{
    const char *limit = phi_http_query(phi_api_request(call), "limit");
    const char *before = phi_http_query(phi_api_request(call), "before");
    out->limit = LIMIT_DEFAULT;
    out->before_us = INT64_MAX;
    if (limit != NULL && phi_text_to_i64(phi_view_text(limit), 1, LIMIT_MAX, &out->limit) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "limit", "not a number from 1 to %d", LIMIT_MAX);
    if (before != NULL && phi_rfc3339_parse(phi_view_text(before), &out->before_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "before", "not a date-time");
    return correction_subject(call, out->subject);
}

static enum phi_err add(json_t *to, const char *member, json_t *value)
{
    return json_object_set_new(to, member, value) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

/* --- cases about the person --- */

static json_t *next_of(const struct page *page, const struct phi_rows *rows)
{
    char next[PHI_RFC3339_MAX];
    size_t count = phi_rows_count(rows);
    if (count < (size_t)page->limit)
        return json_null();
    phi_rfc3339_format(phi_rows_i64(rows, count - 1, 1), next);
    return json_string(next);
}

static enum phi_err add_cases(struct phi_api_call *call, struct phi_conn *conn,
                              const struct page *page, json_t *data, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *items = json_array();
    const struct phi_param params[] = {PHI_BYTES_OF(page->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(page->before_us), PHI_I64(page->limit)};
    PHI_GUARD(add(data, "items", items));
    PHI_GUARD(phi_conn_exec(conn, "copy_cases",
                            "SELECT case_id, opened_us FROM cases WHERE subject = $1 AND opened_us "
                            "< $2 ORDER BY opened_us DESC FETCH FIRST ($3::bigint) ROWS WITH TIES",
                            params, 3, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        json_t *one = NULL;
        PHI_GUARD(case_whole(call, conn, phi_rows_bytes(rows, i, 0).data, &one, error));
        PHI_GUARD(json_array_append_new(items, one) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    PHI_GUARD(add(data, "next", next_of(page, rows)));
out:
    phi_rows_free(rows);
    return err;
}

/* --- cases of others, that the person filed --- */

static json_t *filed_of(const struct phi_rows *rows, size_t i)
{
    char id[2 * CASE_LEN + 1], at[PHI_RFC3339_MAX], until[PHI_RFC3339_MAX];
    phi_hex_encode(phi_rows_bytes(rows, i, 0), id);
    phi_rfc3339_format(phi_rows_i64(rows, i, 4), until);
    phi_rfc3339_format(phi_rows_i64(rows, i, 5), at);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "caseId", id, "role",
                     phi_rows_text(rows, i, 1), "issuer", phi_rows_text(rows, i, 2), "mandateId",
                     phi_rows_text(rows, i, 3), "until", until, "filedAt", at);
}

static enum phi_err add_filed(struct phi_conn *conn, const struct page *page, json_t *data,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *filed = json_array();
    const struct phi_param me = PHI_BYTES_OF(page->subject, PHI_SUBJECT_LEN);
    PHI_GUARD(add(data, "filedForOthers", filed));
    PHI_GUARD(phi_conn_exec(conn, "copy_filed",
                            "SELECT case_id, role, issuer, mandate_id, until_us, at_us FROM filers "
                            "WHERE filer = $1 ORDER BY at_us DESC, case_id LIMIT " FILED_MAX,
                            &me, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(json_array_append_new(filed, filed_of(rows, i)) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err case_copy(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct page page;
    struct phi_conn *conn = NULL;
    json_t *data = json_object(), *cases = json_object();
    PHI_GUARD(phi_json_keep(phi_api_arena(call), data));
    PHI_GUARD(add(data, "cases", cases));
    PHI_GUARD(parse(call, &page, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(add_cases(call, conn, &page, cases, error));
    PHI_GUARD(add_filed(conn, &page, data, error));
    phi_api_data(call, json_incref(data));
out:
    phi_store_release(conn);
    return err;
}
