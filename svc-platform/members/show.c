/* GET /v1/platforms, /{region}: for officers; /{region}/own: for the platform's app. */
#include "svc-platform/members/members.h"

#include <string.h>

#define PAGE_MAX "1000"

static json_t *brief(const struct member *member)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b}", "region", member->region, "state",
                     member->state, "name", member->name, "organisation", member->organisation,
                     "mode", member->mode, "round", (json_int_t)member->round, "replacementWaits",
                     member->pending != NULL);
}

static enum phi_err read_members(struct phi_api_call *call, struct phi_conn *conn,
                                 const char *region, struct phi_rows **out, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(region)};
    const char *sql = phi_arena_printf(phi_api_arena(call),
                                       "SELECT %s FROM members WHERE $1 = '' OR region = $1 "
                                       "ORDER BY region LIMIT " PAGE_MAX,
                                       member_columns);
    return sql == NULL ? PHI_ERR_MEMORY
                       : phi_conn_exec(conn, "member_show", sql, params, 1, out, error);
}

enum phi_err member_show_all(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    json_t *all = json_array();
    PHI_GUARD(all == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(member_check_officer(call, "platform", error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(read_members(call, conn, "", &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        struct member member = {.is_there = false};
        PHI_GUARD(member_take(rows, i, phi_api_arena(call), &member));
        json_array_append_new(all, brief(&member));
    }
    phi_api_data(call, json_pack("{s:O}", "platforms", all));
out:
    json_decref(all);
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static json_t *time_json(int64_t at_us)
{
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(at_us, text);
    return json_string(text);
}

static enum phi_err add_keys(struct phi_conn *conn, const char *region, json_t *to,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(region)};
    json_t *keys = json_array();
    PHI_GUARD(
        phi_conn_exec(conn, "member_show_keys",
                      "SELECT use, key_set, serial, certificate, from_us, to_us, service FROM "
                      "member_keys WHERE region = $1 ORDER BY use, from_us, serial",
                      params, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(
            keys,
            json_pack("{s:s, s:I, s:s, s:s, s:o, s:o, s:s}", "use", phi_rows_text(rows, i, 0),
                      "keySetId", (json_int_t)phi_rows_i64(rows, i, 1), "serial",
                      phi_rows_text(rows, i, 2), "certificate", phi_rows_text(rows, i, 3), "from",
                      time_json(phi_rows_i64(rows, i, 4)), "to",
                      time_json(phi_rows_i64(rows, i, 5)), "service", phi_rows_text(rows, i, 6)));
    json_object_set(to, "keys", keys);
out:
    json_decref(keys);
    phi_rows_free(rows);
    return err;
}

static enum phi_err add_steps(struct phi_conn *conn, const char *region, json_t *to,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(region)};
    json_t *steps = json_array();
    PHI_GUARD(phi_conn_exec(conn, "member_show_steps",
                            "SELECT action, unit, reason, state, round, at_us FROM member_steps "
                            "WHERE region = $1 ORDER BY at_us DESC LIMIT 200",
                            params, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(
            steps,
            json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "step", phi_rows_text(rows, i, 0), "unit",
                      phi_rows_text(rows, i, 1), "reason", phi_rows_text(rows, i, 2), "state",
                      phi_rows_text(rows, i, 3), "round", (json_int_t)phi_rows_i64(rows, i, 4),
                      "at", time_json(phi_rows_i64(rows, i, 5))));
    json_object_set(to, "steps", steps);
out:
    json_decref(steps);
    phi_rows_free(rows);
    return err;
}

/* Whom to call, and what was tested: for who reviews. */
static enum phi_err add_review(struct phi_api_call *call, const struct member *member, json_t *to)
{
    enum phi_err err = PHI_OK;
    const struct platform *platform = phi_service_state(phi_api_service(call));
    uint8_t subject[PHI_SEAL_SUBJECT_LEN] = {0};
    struct phi_view contact;
    memcpy(subject, member->region, 6);
    PHI_GUARD(phi_unseal(platform->store_key, "platform.members.contact", subject,
                         member->contact_sealed, phi_api_arena(call), &contact));
    json_object_set_new(to, "contact",
                        json_loadb((const char *)contact.data, contact.len, 0, NULL));
out:
    return err;
}

static enum phi_err fill(struct phi_api_call *call, struct phi_conn *conn,
                         const struct member *member, json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_object_set_new(to, "testReport", json_loads(member->report, 0, NULL));
    json_object_set_new(to, "endpoints", json_loads(member->endpoints, 0, NULL));
    PHI_GUARD(add_keys(conn, member->region, to, error));
    PHI_GUARD(add_steps(conn, member->region, to, error));
    if (phi_api_who(call) != NULL)
        PHI_GUARD(add_review(call, member, to));
out:
    return err;
}

static enum phi_err show(struct phi_api_call *call, const char *region, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    struct member member = {.is_there = false};
    json_t *data = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(read_members(call, conn, region, &rows, error));
    if (phi_rows_count(rows) != 1)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "region", "no such platform"));
    PHI_GUARD(member_take(rows, 0, phi_api_arena(call), &member));
    data = brief(&member);
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(fill(call, conn, &member, data, error));
    phi_api_data(call, json_incref(data));
out:
    json_decref(data);
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

enum phi_err member_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *region = NULL;
    PHI_GUARD(member_region(call, &region, error));
    PHI_GUARD(member_check_officer(call, "platform", error));
    PHI_GUARD(show(call, region, error));
out:
    return err;
}

enum phi_err member_show_own(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *region = NULL;
    PHI_GUARD(member_region(call, &region, error));
    PHI_GUARD(member_check_app(call, region, error));
    PHI_GUARD(show(call, region, error));
out:
    return err;
}
