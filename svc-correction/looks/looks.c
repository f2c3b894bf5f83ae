#include "svc-correction/looks/looks.h"

#include <string.h>

#define HOUR_US (3600 * 1000000LL)

/* The ids one after the other: one row of the call's commit, however long the list. */
static enum phi_err join(struct phi_api_call *call, const struct phi_rows *rows, size_t column,
                         struct phi_view *out)
{
    size_t count = phi_rows_count(rows);
    uint8_t *ids = phi_arena_alloc(phi_api_arena(call), count * CASE_LEN);
    if (ids == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct phi_view id = phi_rows_bytes(rows, i, column);
        if (id.len != CASE_LEN)
            return PHI_ERR_DATA_BROKEN;
        memcpy(ids + i * CASE_LEN, id.data, CASE_LEN);
    }
    *out = phi_view_of(ids, count * CASE_LEN);
    return PHI_OK;
}

enum phi_err looks_add(struct phi_api_call *call, const struct phi_rows *rows, size_t column,
                       const char *purpose)
{
    enum phi_err err = PHI_OK;
    uint8_t officer[PHI_SM3_LEN];
    struct phi_view ids;
    if (!phi_api_who(call)->is_staff || phi_rows_count(rows) == 0)
        return PHI_OK;
    PHI_GUARD(phi_api_who_digest(call, officer));
    PHI_GUARD(join(call, rows, column, &ids));
    const struct phi_param look[LOOK_COLUMNS] = {
        PHI_BYTES(ids), PHI_I64(phi_api_now_us(call) / HOUR_US * HOUR_US),
        PHI_TEXT(phi_api_who(call)->staff->unit), PHI_TEXT(purpose),
        PHI_BYTES_OF(officer, sizeof(officer))};
    PHI_GUARD(phi_api_row(call, TABLE_LOOKS, look, LOOK_COLUMNS));
out:
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
