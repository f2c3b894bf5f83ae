/* What is handed over: to the platform its parcels, each once and sealed to it; to the operator of
 * the bus its users. The index key comes as a parcel that was sealed elsewhere: it is never here.
 */
#include "svc-platform/members/members.h"

#include <string.h>

#define PARCEL_MAX 8192

enum phi_err member_keep_parcel(struct phi_api_call *call, struct member_turn *turn,
                                const char *kind, const char *text, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char serial[PHI_KEY_ID_LEN + 1];
    PHI_GUARD(phi_key_id_of(turn->member.encryption, serial));
    const struct phi_param row[] = {PHI_TEXT(turn->member.region), PHI_TEXT(kind), PHI_TEXT(serial),
                                    PHI_TEXT(text), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_parcel_put",
                            "INSERT INTO member_parcels VALUES ($1, $2, $3, $4, $5) ON CONFLICT "
                            "(region, kind) DO UPDATE SET key_serial = $3, sealed = $4, made_us = "
                            "$5, taken_by = NULL, taken_us = NULL",
                            row, 5, NULL, error));
out:
    return err;
}

enum phi_err member_put_parcel(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct member_turn turn = {.conn = NULL};
    const char *region = NULL, *text = NULL;
    PHI_GUARD(member_check_officer(call, "platform.keys", error));
    PHI_GUARD(member_region(call, &region, error));
    PHI_GUARD(phi_json_lines(&body, "parcel", 1, PARCEL_MAX, &text, error));
    PHI_GUARD(member_begin(call, region, &turn, error));
    if (!turn.member.is_there || strcmp(turn.member.state, "active") != 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "region", "not a platform in force"));
    if (!turn.is_repeat)
        PHI_GUARD(member_keep_parcel(call, &turn, "index-key", text, error));
    PHI_GUARD(member_end(call, &turn, "parcel", "", error));
out:
    member_drop(&turn);
    return err;
}

/* What was given to this very request is given again: its answer may have been lost. */
static enum phi_err take_parcels(struct phi_api_call *call, struct member_turn *turn, json_t *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(turn->member.region),
                                       PHI_BYTES_OF(turn->request, sizeof(turn->request)),
                                       PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_parcels_take",
                            "UPDATE member_parcels SET taken_by = $2, taken_us = coalesce("
                            "taken_us, $3) WHERE region = $1 AND (taken_by IS NULL OR taken_by = "
                            "$2) RETURNING kind, key_serial, sealed",
                            params, 3, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "kind", phi_rows_text(rows, i, 0),
                                             "keySerial", phi_rows_text(rows, i, 1), "sealed",
                                             phi_rows_text(rows, i, 2)));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err member_hand_over(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct member_turn turn = {.conn = NULL};
    const char *region = NULL;
    json_t *parcels = json_array();
    PHI_GUARD(parcels == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(member_region(call, &region, error));
    PHI_GUARD(member_check_app(call, region, error));
    PHI_GUARD(member_begin(call, region, &turn, error));
    if (!turn.member.is_there || strcmp(turn.member.state, "active") != 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "region", "not a platform in force"));
    PHI_GUARD(take_parcels(call, &turn, parcels, error));
    PHI_GUARD(member_end(call, &turn, "hand-over", "", error));
    phi_api_data(call, json_pack("{s:s, s:O}", "region", region, "parcels", parcels));
out:
    member_drop(&turn);
    json_decref(parcels);
    return err;
}

static enum phi_err add_user(struct phi_api_call *call, const struct phi_rows *rows, size_t i,
                             json_t *users)
{
    enum phi_err err = PHI_OK;
    const struct platform *platform = phi_service_state(phi_api_service(call));
    uint8_t subject[PHI_SEAL_SUBJECT_LEN] = {0};
    struct phi_view password;
    const char *region = phi_rows_text(rows, i, 0);
    memcpy(subject, region, 6);
    PHI_GUARD(phi_unseal(platform->store_key, "platform.member_users.password", subject,
                         phi_rows_bytes(rows, i, 1), phi_api_arena(call), &password));
    json_array_append_new(users,
                          json_pack("{s:s, s:s%, s:b}", "region", region, "password", password.data,
                                    password.len, "isActive", phi_rows_bool(rows, i, 2)));
out:
    return err;
}

/* GET /v1/bus/users: for the operator of the platform bus, who writes its users and rights. */
enum phi_err member_bus(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    json_t *users = json_array();
    PHI_GUARD(users == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(member_check_officer(call, "platform.bus", error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "member_users_all",
                            "SELECT region, password_sealed, is_active FROM member_users ORDER BY "
                            "region",
                            NULL, 0, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(add_user(call, rows, i, users));
    phi_api_data(call, json_pack("{s:O}", "users", users));
out:
    json_decref(users);
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
