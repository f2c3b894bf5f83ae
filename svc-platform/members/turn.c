/* One change of a member: its row locked, its step and its event in the same transaction. */
#include "svc-platform/members/members.h"

#include "base/text.h"
#include "bus/event_row.h"
#include "json/canonical.h"

#include <stdio.h>
#include <string.h>

const char member_columns[] =
    "region, state, round, app_id, name, organisation, mode, contact_sealed, report, endpoints, "
    "requests, pending, overlap_us, encryption_public";

static const char *kept(const struct phi_rows *rows, size_t row, size_t column,
                        struct phi_arena *arena)
{
    return phi_arena_text(arena, phi_view_text(phi_rows_text(rows, row, column)));
}

enum phi_err member_take(const struct phi_rows *rows, size_t row, struct phi_arena *arena,
                         struct member *out)
{
    snprintf(out->region, sizeof(out->region), "%s", phi_rows_text(rows, row, 0));
    out->is_there = true;
    out->state = kept(rows, row, 1, arena);
    out->round = phi_rows_i64(rows, row, 2);
    out->app_id = kept(rows, row, 3, arena);
    out->name = kept(rows, row, 4, arena);
    out->organisation = kept(rows, row, 5, arena);
    out->mode = kept(rows, row, 6, arena);
    out->contact_sealed = phi_arena_view(arena, phi_rows_bytes(rows, row, 7));
    out->report = kept(rows, row, 8, arena);
    out->endpoints = kept(rows, row, 9, arena);
    out->requests = kept(rows, row, 10, arena);
    out->pending = phi_rows_is_null(rows, row, 11) ? NULL : kept(rows, row, 11, arena);
    out->overlap_us = phi_rows_i64(rows, row, 12);
    memcpy(out->encryption, phi_rows_bytes(rows, row, 13).data, sizeof(out->encryption));
    bool is_whole = out->state && out->app_id && out->name && out->organisation && out->mode &&
                    out->report && out->endpoints && out->requests;
    return is_whole ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err member_region(struct phi_api_call *call, const char **out, struct phi_error *error)
{
    const char *region = phi_http_param(phi_api_request(call), "region");
    if (region == NULL || strlen(region) != 6 || !phi_text_is_digits(phi_view_text(region)))
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "region", "no such platform");
    *out = region;
    return PHI_OK;
}

enum phi_err member_check_app(struct phi_api_call *call, const char *region,
                              struct phi_error *error)
{
    const struct phi_registry_app *app = phi_api_app(call);
    if (!phi_words_has(&app->roles, "platform.apply") || strcmp(app->institution, region) != 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "region",
                             "the app does not speak for this region");
    return PHI_OK;
}

enum phi_err member_check_officer(struct phi_api_call *call, const char *role,
                                  struct phi_error *error)
{
    const struct phi_identity *who = phi_api_who(call);
    if (who == NULL || !who->is_staff || who->staff == NULL ||
        !phi_words_has(&who->staff->roles, role))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity", "no officer with this role");
    return PHI_OK;
}

static enum phi_err find_actor(struct phi_api_call *call, struct member_turn *turn)
{
    const struct phi_identity *who = phi_api_who(call);
    if (who != NULL && who->staff != NULL) {
        turn->unit = who->staff->unit;
        return phi_api_who_digest(call, turn->actor);
    }
    turn->unit = "";
    return phi_sm3(phi_view_text(phi_api_app(call)->app_id), turn->actor);
}

static enum phi_err lock_row(struct phi_api_call *call, const char *region,
                             struct member_turn *turn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(region)};
    const char *sql = phi_arena_printf(phi_api_arena(call),
                                       "SELECT %s FROM members WHERE region = $1", member_columns);
    PHI_GUARD(sql == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_conn_exec(turn->conn, "member_lock",
                            "SELECT pg_advisory_xact_lock(hashtext('platform.members.' || $1))",
                            params, 1, NULL, error));
    PHI_GUARD(phi_conn_exec(turn->conn, "member_of", sql, params, 1, &rows, error));
    snprintf(turn->member.region, sizeof(turn->member.region), "%s", region);
    if (phi_rows_count(rows) == 1)
        PHI_GUARD(member_take(rows, 0, phi_api_arena(call), &turn->member));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err find_step(struct member_turn *turn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(turn->request, sizeof(turn->request))};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_step_of",
                            "SELECT region FROM member_steps WHERE request = $1", params, 1, &rows,
                            error));
    turn->is_repeat = phi_rows_count(rows) == 1;
    if (turn->is_repeat && strcmp(phi_rows_text(rows, 0, 0), turn->member.region) != 0)
        err = phi_error_set(error, PHI_ERR_CONFLICT, "bizSerialNum", "was another platform's");
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err member_begin(struct phi_api_call *call, const char *region, struct member_turn *out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct member_turn turn = {.conn = NULL};
    PHI_GUARD(phi_api_request_key(call, turn.request));
    PHI_GUARD(find_actor(call, &turn));
    PHI_GUARD(phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call),
                                &turn.conn));
    PHI_GUARD(phi_conn_begin(turn.conn, error));
    PHI_GUARD(lock_row(call, region, &turn, error));
    PHI_GUARD(find_step(&turn, error));
    *out = turn;
    turn.conn = NULL;
out:
    member_drop(&turn);
    return err;
}

void member_drop(struct member_turn *turn)
{
    if (turn->conn == NULL)
        return;
    phi_conn_rollback(turn->conn);
    phi_store_release(turn->conn);
    turn->conn = NULL;
}

/* Who decided is in the table; the topic says what, of which platform, by which unit. */
static enum phi_err tell(struct phi_api_call *call, struct member_turn *turn, const char *action,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char at[PHI_RFC3339_MAX];
    struct phi_service *service = phi_api_service(call);
    const struct member *member = &turn->member;
    struct phi_event event = {.topic = phi_service_topic(service, "audit"),
                              .type = "cn.phi.audit.platform",
                              .source = phi_service_source(service),
                              .time_us = phi_api_now_us(call),
                              .key = phi_view_text(member->region)};
    phi_rfc3339_format(phi_api_now_us(call), at);
    json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "platform", member->region, "step",
                             action, "state", member->state, "round", (json_int_t)member->round,
                             "unit", turn->unit, "at", at);
    PHI_GUARD(json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event.value));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_service_sign_event(service, &event, (uint64_t)phi_api_now_us(call),
                                     phi_api_arena(call)));
    PHI_GUARD(phi_event_put(turn->conn, &event, error));
out:
    json_decref(json);
    return err;
}

static enum phi_err keep_step(struct phi_api_call *call, struct member_turn *turn,
                              const char *action, const char *reason, struct phi_error *error)
{
    const struct member *member = &turn->member;
    const struct phi_param row[] = {PHI_BYTES_OF(turn->request, sizeof(turn->request)),
                                    PHI_TEXT(member->region),
                                    PHI_I64(member->round),
                                    PHI_TEXT(action),
                                    PHI_BYTES_OF(turn->actor, sizeof(turn->actor)),
                                    PHI_TEXT(turn->unit),
                                    PHI_TEXT(reason),
                                    PHI_TEXT(member->state),
                                    PHI_I64(phi_api_now_us(call))};
    return phi_conn_exec(turn->conn, "member_step",
                         "INSERT INTO member_steps VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                         row, 9, NULL, error);
}

enum phi_err member_end(struct phi_api_call *call, struct member_turn *turn, const char *action,
                        const char *reason, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct platform *platform = phi_service_state(phi_api_service(call));
    const struct member *member = &turn->member;
    if (!turn->is_repeat) {
        PHI_GUARD(keep_step(call, turn, action, reason, error));
        PHI_GUARD(tell(call, turn, action, error));
        PHI_GUARD(phi_conn_commit(turn->conn, error));
        phi_relay_wake(phi_service_relay(platform->service));
        atomic_store(&platform->is_member_changed, true);
    }
    phi_api_data(call, json_pack("{s:s, s:s, s:I}", "region", member->region, "state",
                                 member->state, "round", (json_int_t)member->round));
out:
    return err;
}
