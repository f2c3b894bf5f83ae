/* POST /v1/platforms/{region}/keys: the platform renews certificates of keys in force, at once, or
 * asks for other keys in their place, which two officers decide. */
#include "svc-platform/members/members.h"

#include "json/canonical.h"

#include <string.h>

#define OVERLAP_MAX_S (90 * INT64_C(86400))

enum { RENEW, REPLACE };
static const char *const kinds[] = {"renew", "replace"};

struct change {
    size_t kind;
    struct member_requests requests;
    struct phi_view text;
    int64_t overlap_us;
};

static enum phi_err read_change(struct phi_api_call *call, struct change *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call), requests;
    size_t count = 0;
    int64_t overlap_s = 0;
    PHI_GUARD(phi_json_enum(&body, "kind", kinds, 2, &out->kind, error));
    PHI_GUARD(phi_json_array(&body, "certificateRequests", 1, MEMBER_REQUESTS_MAX, &requests,
                             &count, error));
    PHI_GUARD(member_requests_read(&requests, false, &out->requests, error));
    PHI_GUARD(phi_json_canonical(requests.value, phi_api_arena(call), &out->text));
    PHI_GUARD(phi_json_int_opt(&body, "overlapSeconds", 0, OVERLAP_MAX_S, 0, &overlap_s, error));
    out->overlap_us = overlap_s * 1000000;
out:
    return err;
}

/* 1 when the very key is in force for this use. */
static enum phi_err is_in_force(struct phi_api_call *call, struct member_turn *turn,
                                const struct member_request *one, bool *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {
        PHI_TEXT(turn->member.region), PHI_TEXT(phi_trust_use_name(one->use)),
        PHI_TEXT(one->serial), PHI_I64(phi_api_now_us(call)), PHI_I64(one->key_set)};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_key_of",
                            "SELECT 1 FROM member_keys WHERE region = $1 AND use = $2 AND serial = "
                            "$3 AND from_us <= $4 AND to_us > $4 AND key_set = $5",
                            params, 5, &rows, error));
    *out = phi_rows_count(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

/* A code names its key set: another key of a set that was listed would make its codes another's. */
static enum phi_err is_set_used(struct member_turn *turn, const struct member_request *one,
                                bool *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(turn->member.region), PHI_I64(one->key_set)};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_set_of",
                            "SELECT 1 FROM member_keys WHERE region = $1 AND use = 'code' AND "
                            "key_set = $2 LIMIT 1",
                            params, 2, &rows, error));
    *out = one->use == PHI_TRUST_CODE && phi_rows_count(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err check_keys(struct phi_api_call *call, struct member_turn *turn,
                               const struct change *change, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < change->requests.count; i++) {
        const struct member_request *one = &change->requests.items[i];
        bool is_held = false, is_used = false;
        PHI_GUARD(is_in_force(call, turn, one, &is_held, error));
        PHI_GUARD(is_set_used(turn, one, &is_used, error));
        if (change->kind == RENEW && !is_held)
            PHI_GUARD(phi_error_set(error, PHI_ERR_RULE, "$.certificateRequests",
                                    "a key that is not in force is not renewed, but replaced"));
        if (change->kind == REPLACE && (is_held || is_used))
            PHI_GUARD(phi_error_set(error, PHI_ERR_RULE, "$.certificateRequests",
                                    "the key, or the key set, was there before"));
    }
out:
    return err;
}

static enum phi_err do_change(struct phi_api_call *call, struct member_turn *turn,
                              const struct change *change, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_renewal = change->kind == RENEW;
    PHI_GUARD(check_keys(call, turn, change, error));
    if (is_renewal)
        PHI_GUARD(member_issue(call, turn, &change->requests, error));
    turn->member.round++;
    const struct phi_param row[] = {PHI_TEXT(turn->member.region), PHI_I64(turn->member.round),
                                    is_renewal ? PHI_NULL : PHI_TEXT_VIEW(change->text),
                                    PHI_I64(change->overlap_us), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_change",
                            "UPDATE members SET round = $2, pending = $3, overlap_us = $4, "
                            "changed_us = $5 WHERE region = $1",
                            row, 5, NULL, error));
out:
    return err;
}

enum phi_err member_change_keys(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct change change = {.kind = RENEW};
    struct member_turn turn = {.conn = NULL};
    const char *region = NULL;
    PHI_GUARD(member_region(call, &region, error));
    PHI_GUARD(member_check_app(call, region, error));
    PHI_GUARD(read_change(call, &change, error));
    PHI_GUARD(member_begin(call, region, &turn, error));
    if (!turn.member.is_there || strcmp(turn.member.state, "active") != 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "region", "not a platform in force"));
    if (!turn.is_repeat)
        PHI_GUARD(do_change(call, &turn, &change, error));
    PHI_GUARD(member_end(call, &turn, change.kind == RENEW ? "renew" : "ask-replace", "", error));
out:
    member_drop(&turn);
    return err;
}
