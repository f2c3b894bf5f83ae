/* POST /v1/platforms: an application, by the app that will speak for the platform. */
#include "svc-platform/members/members.h"

#include "json/canonical.h"

#include <string.h>

static const char *const modes[] = {"bus", "push"};

struct application {
    const char *region;
    const char *name;
    const char *organisation;
    size_t mode;
    struct phi_view contact;
    struct phi_view report;
    struct phi_view endpoints;
    struct phi_view requests_json;
    struct member_requests requests;
};

static enum phi_err text_of(const struct phi_json_at *at, struct phi_arena *arena,
                            struct phi_view *out)
{
    return phi_json_canonical(at->value, arena, out);
}

static enum phi_err read_contact(const struct phi_json_at *body, struct phi_arena *arena,
                                 struct phi_view *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"name", "phone", "email"};
    struct phi_json_at at;
    const char *name, *phone, *email;
    PHI_GUARD(phi_json_object(body, "contact", &at, error));
    PHI_GUARD(phi_json_only(&at, members, 3, error));
    PHI_GUARD(phi_json_text(&at, "name", 1, 64, &name, error));
    PHI_GUARD(phi_json_text(&at, "phone", 3, 32, &phone, error));
    PHI_GUARD(phi_json_text_opt(&at, "email", 3, 128, NULL, &email, error));
    PHI_GUARD(text_of(&at, arena, out));
out:
    return err;
}

/* By the reader of trust lists, since there they will stand. */
static enum phi_err check_endpoints(const struct phi_json_at *at, const char *region,
                                    struct phi_arena *arena, struct phi_error *error)
{
    struct phi_trust_list list;
    struct phi_view text;
    json_t *json =
        json_pack("{s:i, s:s, s:[{s:s, s:s, s:s, s:[], s:O}]}", "version", 1, "issuedAt",
                  "2026-01-01T00:00:00+08:00", "platforms", "id", region, "name", "x", "status",
                  "active", "keys", "endpoints", (json_t *)(uintptr_t)at->value);
    enum phi_err err = json == NULL ? PHI_ERR_MEMORY : phi_json_canonical(json, arena, &text);
    json_decref(json);
    if (err != PHI_OK)
        return err;
    if (phi_trust_decode(text, arena, &list, NULL) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.endpoints",
                             "not endpoints as the trust list has them");
    return PHI_OK;
}

static enum phi_err read_region(struct phi_api_call *call, const struct phi_json_at *body,
                                struct application *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_text(body, "region", 6, 6, &out->region, error));
    if (strspn(out->region, "0123456789") != 6)
        return phi_json_refuse(body, "region", PHI_ERR_FIELD_VALUE, "not six digits", error);
    PHI_GUARD(member_check_app(call, out->region, error));
    PHI_GUARD(phi_json_text(body, "name", 1, 64, &out->name, error));
    PHI_GUARD(phi_json_text(body, "organisation", 1, 64, &out->organisation, error));
    PHI_GUARD(phi_json_enum(body, "mode", modes, 2, &out->mode, error));
out:
    return err;
}

static enum phi_err read_application(struct phi_api_call *call, struct application *out,
                                     struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    struct phi_json_at body = phi_api_body(call), requests, endpoints, report;
    size_t count = 0;
    PHI_GUARD(read_region(call, &body, out, error));
    PHI_GUARD(read_contact(&body, arena, &out->contact, error));
    PHI_GUARD(phi_json_object(&body, "testReport", &report, error));
    PHI_GUARD(member_report_check(call, &report, out->region, error));
    PHI_GUARD(text_of(&report, arena, &out->report));
    PHI_GUARD(phi_json_array(&body, "certificateRequests", 1, MEMBER_REQUESTS_MAX, &requests,
                             &count, error));
    PHI_GUARD(member_requests_read(&requests, true, &out->requests, error));
    PHI_GUARD(text_of(&requests, arena, &out->requests_json));
    PHI_GUARD(phi_json_object(&body, "endpoints", &endpoints, error));
    PHI_GUARD(check_endpoints(&endpoints, out->region, arena, error));
    PHI_GUARD(text_of(&endpoints, arena, &out->endpoints));
out:
    return err;
}

static const uint8_t *encryption_of(const struct member_requests *requests)
{
    for (size_t i = 0; i < requests->count; i++)
        if (requests->items[i].use == PHI_TRUST_ENCRYPTION)
            return requests->items[i].xy;
    return NULL;
}

static enum phi_err seal_contact(struct phi_api_call *call, const struct application *a,
                                 struct phi_view *out)
{
    const struct platform *platform = phi_service_state(phi_api_service(call));
    uint8_t subject[PHI_SEAL_SUBJECT_LEN] = {0};
    memcpy(subject, a->region, 6);
    return phi_seal(platform->store_key, "platform.members.contact", subject, a->contact,
                    phi_api_arena(call), out);
}

/* A platform that was refused or retired may ask again; one that is in force may not. */
static enum phi_err keep(struct phi_api_call *call, struct member_turn *turn,
                         const struct application *a, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    PHI_GUARD(seal_contact(call, a, &sealed));
    const struct phi_param row[] = {PHI_TEXT(a->region),
                                    PHI_I64(turn->member.round + 1),
                                    PHI_TEXT(phi_api_app(call)->app_id),
                                    PHI_TEXT(a->name),
                                    PHI_TEXT(a->organisation),
                                    PHI_TEXT(modes[a->mode]),
                                    PHI_BYTES(sealed),
                                    PHI_TEXT_VIEW(a->report),
                                    PHI_TEXT_VIEW(a->endpoints),
                                    PHI_TEXT_VIEW(a->requests_json),
                                    PHI_BYTES_OF(encryption_of(&a->requests), PHI_SM2_PUBLIC_LEN),
                                    PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_conn_exec(
        turn->conn, "member_apply",
        "INSERT INTO members (region, state, round, app_id, name, organisation, mode, "
        "contact_sealed, report, endpoints, requests, encryption_public, changed_us) VALUES "
        "($1, 'applied', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (region) DO "
        "UPDATE SET state = 'applied', round = $2, app_id = $3, name = $4, organisation = $5, "
        "mode = $6, contact_sealed = $7, report = $8, endpoints = $9, requests = $10, pending = "
        "NULL, encryption_public = $11, changed_us = $12",
        row, 12, NULL, error));
    turn->member.state = "applied";
    turn->member.round++;
out:
    return err;
}

enum phi_err member_apply(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct application a = {.region = NULL};
    struct member_turn turn = {.conn = NULL};
    PHI_GUARD(read_application(call, &a, error));
    PHI_GUARD(member_begin(call, a.region, &turn, error));
    bool is_open = !turn.member.is_there || strcmp(turn.member.state, "refused") == 0 ||
                   strcmp(turn.member.state, "applied") == 0 ||
                   strcmp(turn.member.state, "retired") == 0;
    if (!turn.is_repeat && !is_open)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "region", "the platform is in force"));
    if (!turn.is_repeat)
        PHI_GUARD(keep(call, &turn, &a, error));
    PHI_GUARD(member_end(call, &turn, "apply", "", error));
out:
    member_drop(&turn);
    return err;
}
