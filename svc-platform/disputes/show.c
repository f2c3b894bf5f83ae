/* GET /v1/disputes and /{id}: a citizen's own, as far as the provinces have said. */
#include "svc-platform/disputes/disputes.h"

#include "base/text.h"
#include "crypto/sm3.h"

#include <string.h>

#define LIMIT_MAX     100
#define LIMIT_DEFAULT 20
#define STEPS_MAX     "200"

#define COLUMNS                                                                                    \
    "dispute_id, region, state, filed_us, changed_us, answered_us, case_id, outcome, reason, "     \
    "due_us, refusal"
enum {
    AT_ID,
    AT_REGION,
    AT_STATE,
    AT_FILED,
    AT_CHANGED,
    AT_ANSWERED,
    AT_CASE,
    AT_OUTCOME,
    AT_REASON,
    AT_DUE,
    AT_REFUSAL
};

static void add_time(json_t *to, const char *name, int64_t at_us)
{
    char text[PHI_RFC3339_MAX];
    if (at_us == 0)
        return;
    phi_rfc3339_format(at_us, text);
    json_object_set_new(to, name, json_string(text));
}

static void add_province(struct phi_api_call *call, json_t *to, const struct phi_rows *rows,
                         size_t i)
{
    int64_t patience_s =
        phi_config_int(phi_service_config(phi_api_service(call)), "PHI_DISPUTE_PATIENCE_S");
    int64_t filed_us = phi_rows_i64(rows, i, AT_FILED);
    if (phi_rows_i64(rows, i, AT_ANSWERED) != 0)
        return;
    add_time(to, "waitingSince", filed_us);
    json_object_set_new(to, "isSilent",
                        json_boolean(phi_api_now_us(call) - filed_us > patience_s * 1000000));
}

static json_t *dispute_of(struct phi_api_call *call, const struct phi_rows *rows, size_t i)
{
    char id[2 * DISPUTE_LEN + 1], case_id[2 * DISPUTE_LEN + 1];
    phi_hex_encode(phi_rows_bytes(rows, i, AT_ID), id);
    json_t *one = json_pack(
        "{s:s, s:s, s:s, s:s, s:s}", "disputeId", id, "region", phi_rows_text(rows, i, AT_REGION),
        "state", phi_rows_text(rows, i, AT_STATE), "outcome", phi_rows_text(rows, i, AT_OUTCOME),
        "reason", phi_rows_text(rows, i, AT_REASON));
    if (one == NULL)
        return NULL;
    add_time(one, "filedAt", phi_rows_i64(rows, i, AT_FILED));
    add_time(one, "changedAt", phi_rows_i64(rows, i, AT_CHANGED));
    add_time(one, "answeredAt", phi_rows_i64(rows, i, AT_ANSWERED));
    add_time(one, "dueAt", phi_rows_i64(rows, i, AT_DUE));
    add_province(call, one, rows, i);
    if (!phi_rows_is_null(rows, i, AT_CASE)) {
        phi_hex_encode(phi_rows_bytes(rows, i, AT_CASE), case_id);
        json_object_set_new(one, "caseId", json_string(case_id));
    }
    if (phi_rows_text(rows, i, AT_REFUSAL)[0] != '\0')
        json_object_set_new(one, "refusal",
                            json_loads(phi_rows_text(rows, i, AT_REFUSAL), 0, NULL));
    return one;
}

static enum phi_err parse(struct phi_api_call *call, int64_t *limit, int64_t *before_us,
                          struct phi_error *error)
{
    const char *count = phi_http_query(phi_api_request(call), "limit");
    const char *before = phi_http_query(phi_api_request(call), "before");
    *limit = LIMIT_DEFAULT;
    *before_us = INT64_MAX;
    if (count != NULL && phi_text_to_i64(phi_view_text(count), 1, LIMIT_MAX, limit) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "limit", "not a number from 1 to %d", LIMIT_MAX);
    if (before != NULL && phi_rfc3339_parse(phi_view_text(before), before_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "before", "not a date-time");
    return PHI_OK;
}

enum phi_err dispute_list(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t limit = 0, before_us = 0;
    uint8_t owner[PHI_SM3_LEN];
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(parse(call, &limit, &before_us, error));
    PHI_GUARD(phi_api_who_digest(call, owner));
    const struct phi_param params[] = {PHI_BYTES_OF(owner, PHI_SM3_LEN), PHI_I64(before_us),
                                       PHI_I64(limit)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "disputes_own",
                            "SELECT " COLUMNS " FROM disputes WHERE owner = $1 AND filed_us < $2 "
                            "ORDER BY filed_us DESC LIMIT $3",
                            params, 3, &rows, error));
    json_t *disputes = json_array();
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(disputes, dispute_of(call, rows, i));
    phi_api_data(call, json_pack("{s:o}", "disputes", disputes));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static enum phi_err add_steps(struct phi_conn *conn, const struct phi_param *id, json_t *to,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *steps = json_array();
    PHI_GUARD(json_object_set_new(to, "steps", steps) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_conn_exec(conn, "dispute_steps",
                            "SELECT seq, at_us, step, state, outcome, reason FROM dispute_steps "
                            "WHERE dispute_id = $1 ORDER BY seq LIMIT " STEPS_MAX,
                            id, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        json_t *step =
            json_pack("{s:I, s:s, s:s, s:s, s:s}", "seq", (json_int_t)phi_rows_i64(rows, i, 0),
                      "step", phi_rows_text(rows, i, 2), "state", phi_rows_text(rows, i, 3),
                      "outcome", phi_rows_text(rows, i, 4), "reason", phi_rows_text(rows, i, 5));
        add_time(step, "at", phi_rows_i64(rows, i, 1));
        json_array_append_new(steps, step);
    }
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err dispute_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t id[DISPUTE_LEN], owner[PHI_SM3_LEN];
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const char *text = phi_http_param(phi_api_request(call), "id");
    if (phi_hex_decode(phi_view_text(text), id, DISPUTE_LEN) != PHI_OK)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such dispute");
    PHI_GUARD(phi_api_who_digest(call, owner));
    const struct phi_param params[] = {PHI_BYTES_OF(id, DISPUTE_LEN),
                                       PHI_BYTES_OF(owner, PHI_SM3_LEN)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "dispute_show",
                            "SELECT " COLUMNS " FROM disputes WHERE dispute_id = $1 AND owner = $2",
                            params, 2, &rows, error));
    if (phi_rows_count(rows) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such dispute"));
    json_t *one = dispute_of(call, rows, 0);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), one));
    PHI_GUARD(add_steps(conn, params, one, error));
    phi_api_data(call, json_incref(one));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
