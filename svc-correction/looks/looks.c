#include "svc-correction/looks/looks.h"

#define HOUR_US (3600 * 1000000LL)

/* In the order of the cases' ids, so that two lists at once don't wait for each other. */
static enum phi_err add(struct phi_api_call *call, struct phi_conn *conn,
                        const struct phi_array *ids, const char *purpose, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t officer[PHI_SM3_LEN];
    PHI_GUARD(phi_api_who_digest(call, officer));
    const struct phi_param params[] = {PHI_ARRAY(ids),
                                       PHI_I64(phi_api_now_us(call) / HOUR_US * HOUR_US),
                                       PHI_TEXT(phi_api_who(call)->staff->unit), PHI_TEXT(purpose),
                                       PHI_BYTES_OF(officer, sizeof(officer))};
    PHI_GUARD(phi_conn_exec(conn, "looks_add",
                            "INSERT INTO looks (case_id, hour_us, unit, purpose, officer) SELECT "
                            "id, $2::bigint, $3, $4, $5 FROM unnest($1::bytea[]) AS n (id) ORDER "
                            "BY id ON CONFLICT (case_id, unit, purpose, hour_us) DO UPDATE SET "
                            "count = looks.count + 1",
                            params, sizeof(params) / sizeof(params[0]), NULL, error));
out:
    return err;
}

enum phi_err looks_add(struct phi_api_call *call, struct phi_conn *conn,
                       const struct phi_rows *rows, size_t column, const char *purpose,
                       struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_array *ids = NULL;
    if (!phi_api_who(call)->is_staff || phi_rows_count(rows) == 0)
        return PHI_OK;
    ids = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(ids == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(phi_array_add(ids, PHI_BYTES(phi_rows_bytes(rows, i, column))));
    PHI_GUARD(add(call, conn, ids, purpose, error));
out:
    phi_array_free(ids);
    return err;
}

static json_t *look_of(const struct phi_rows *rows, size_t i)
{
    char at[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, i, 0), at);
    return json_pack("{s:s, s:s, s:s, s:I}", "hour", at, "unit", phi_rows_text(rows, i, 1),
                     "purpose", phi_rows_text(rows, i, 2), "count",
                     (json_int_t)phi_rows_i64(rows, i, 3));
}

enum phi_err looks_show(struct phi_api_call *call, struct phi_conn *conn, const uint8_t *case_id,
                        json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(case_id, CASE_LEN), PHI_I64(LOOKS_MAX)};
    if (phi_api_who(call)->is_staff)
        return PHI_OK;
    PHI_GUARD(phi_conn_exec(conn, "looks_of",
                            "SELECT hour_us, unit, purpose, count FROM looks WHERE case_id = $1 "
                            "ORDER BY hour_us DESC, unit, purpose LIMIT $2",
                            params, 2, &rows, error));
    json_t *looks = json_array();
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(looks, look_of(rows, i));
    PHI_GUARD(json_object_set_new(to, "looks", looks) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    phi_rows_free(rows);
    return err;
}
