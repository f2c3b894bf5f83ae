/* What a person is told of auditors' looks at their consent records: when, of which units, by what
 * law. Pages go by the request's id, which is unique and rises with time. */
#include "svc-codegen/consent/consent.h"

#include "base/text.h"

#include <string.h>

#define LIMIT_MAX     100
#define LIMIT_DEFAULT 20
#define LOOK_COLUMNS                                                                               \
    "request_id, consent_digest, scene, asked_unit, approved_unit, legal_reference, "              \
    "requested_us, seen_us"

static json_t *look_of(const struct phi_rows *rows, size_t i)
{
    char id[2 * CONSENT_REQUEST_LEN + 1], digest[2 * PHI_SM3_LEN + 1];
    char requested[PHI_RFC3339_MAX], seen[PHI_RFC3339_MAX];
    phi_hex_encode(phi_rows_bytes(rows, i, 0), id);
    phi_hex_encode(phi_rows_bytes(rows, i, 1), digest);
    phi_rfc3339_format(phi_rows_i64(rows, i, 6), requested);
    phi_rfc3339_format(phi_rows_i64(rows, i, 7), seen);
    return json_pack("{s:s, s:s, s:s, s:[s, s], s:s, s:s, s:s}", "requestId", id, "digest", digest,
                     "scene", phi_rows_text(rows, i, 2), "units", phi_rows_text(rows, i, 3),
                     phi_rows_text(rows, i, 4), "legalReference", phi_rows_text(rows, i, 5),
                     "requestedAt", requested, "seenAt", seen);
}

static json_t *looks_json(const struct phi_rows *rows)
{
    json_t *looks = json_array();
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(looks, look_of(rows, i));
    return looks;
}

enum phi_err consent_looks_of(struct phi_conn *conn, const uint8_t serial_hmac[PHI_SM3_LEN],
                              json_t **out, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(serial_hmac, PHI_SM3_LEN),
                                       PHI_I64(CONSENT_LOOKS_MAX)};
    enum phi_err err = phi_conn_exec(conn, "looks_of_code",
                                     "SELECT " LOOK_COLUMNS " FROM consent_looks WHERE "
                                     "serial_hmac = $1 ORDER BY request_id DESC LIMIT $2",
                                     params, 2, &rows, error);
    if (err != PHI_OK)
        return err;
    *out = looks_json(rows);
    phi_rows_free(rows);
    return *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

struct looks_query {
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t before[CONSENT_REQUEST_LEN];
    int64_t limit;
};

static enum phi_err parse(struct phi_api_call *call, struct looks_query *out,
                          struct phi_error *error)
{
    const char *before = phi_http_query(phi_api_request(call), "before");
    const char *limit = phi_http_query(phi_api_request(call), "limit");
    out->limit = LIMIT_DEFAULT;
    memset(out->before, 0xff, sizeof(out->before));
    if (limit != NULL && phi_text_to_i64(phi_view_text(limit), 1, LIMIT_MAX, &out->limit) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "limit", "not a number from 1 to %d", LIMIT_MAX);
    bool is_id = before == NULL || (strlen(before) == 2 * sizeof(out->before) &&
                                    phi_hex_decode(phi_view_text(before), out->before,
                                                   sizeof(out->before)) == PHI_OK);
    if (!is_id)
        return phi_error_set(error, PHI_ERR_QUERY, "before", "not a page's `next`");
    return codegen_subject(call, out->subject);
}

static void tell(struct phi_api_call *call, const struct phi_rows *rows, int64_t limit)
{
    size_t count = phi_rows_count(rows);
    json_t *data = json_pack("{s:o}", "looks", looks_json(rows));
    if (data != NULL && count > 0 && (int64_t)count == limit) {
        char next[2 * CONSENT_REQUEST_LEN + 1];
        phi_hex_encode(phi_rows_bytes(rows, count - 1, 0), next);
        json_object_set_new(data, "next", json_string(next));
    }
    phi_api_data(call, data);
}

enum phi_err codegen_looks(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct looks_query query;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(parse(call, &query, error));
    const struct phi_param params[] = {PHI_BYTES_OF(query.subject, PHI_SUBJECT_LEN),
                                       PHI_BYTES_OF(query.before, CONSENT_REQUEST_LEN),
                                       PHI_I64(query.limit)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "looks_page",
                            "SELECT " LOOK_COLUMNS
                            " FROM consent_looks WHERE (subject = $1 OR grantor = $1) AND "
                            "request_id < $2 ORDER BY request_id DESC LIMIT $3",
                            params, 3, &rows, error));
    tell(call, rows, query.limit);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
