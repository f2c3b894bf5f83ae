/* POST /v1/platforms/{region}/decisions: what officers decide, by one table: from where, to where,
 * and how many officers of as many units it takes. */
#include "svc-platform/members/members.h"

#include <string.h>

enum { APPROVE, REFUSE, SUSPEND, RESUME, REPLACE, REJECT, RETIRE, ACTION_COUNT };

static const char *const actions[ACTION_COUNT] = {"approve", "refuse", "suspend", "resume",
                                                  "replace", "reject", "retire"};

struct way {
    const char *from[2]; /* states; the second may be NULL */
    const char *to;
    int officers;
};

static const struct way ways[ACTION_COUNT] = {
    [APPROVE] = {{"applied", NULL}, "active", 2},
    [REFUSE] = {{"applied", NULL}, "refused", 1},
    [SUSPEND] = {{"active", NULL}, "suspended", 1}, /* at once; undoing it takes two */
    [RESUME] = {{"suspended", NULL}, "active", 2},
    [REPLACE] = {{"active", "suspended"}, NULL, 2}, /* keys that wait; the state stays */
    [REJECT] = {{"active", "suspended"}, NULL, 1},
    [RETIRE] = {{"active", "suspended"}, "retired", 2},
};

static bool is_from(const struct way *way, const char *state)
{
    return strcmp(way->from[0], state) == 0 ||
           (way->from[1] != NULL && strcmp(way->from[1], state) == 0);
}

/* Distinct accounts and distinct units, this officer among them, that want the same of the same
 * round. */
static enum phi_err count_officers(struct member_turn *turn, const char *action, int *out,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {
        PHI_TEXT(turn->member.region), PHI_I64(turn->member.round), PHI_TEXT(action),
        PHI_BYTES_OF(turn->actor, sizeof(turn->actor)), PHI_TEXT(turn->unit)};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_votes",
                            "SELECT count(*) FILTER (WHERE actor <> $4 AND unit <> $5), count(*) "
                            "FILTER (WHERE actor = $4) FROM member_steps WHERE region = $1 AND "
                            "round = $2 AND action = $3",
                            params, 5, &rows, error));
    if (phi_rows_i64(rows, 0, 1) > 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "action",
                                "you have said so already: another officer of another unit"));
    *out = phi_rows_i64(rows, 0, 0) > 0 ? 2 : 1;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err set_users(struct member_turn *turn, bool is_active, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(turn->member.region), PHI_BOOL(is_active)};
    return phi_conn_exec(turn->conn, "member_users_set",
                         "UPDATE member_users SET is_active = $2 WHERE region = $1", params, 2,
                         NULL, error);
}

static enum phi_err approve(struct phi_api_call *call, struct member_turn *turn,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct member_requests requests;
    const struct phi_param params[] = {PHI_TEXT(turn->member.region),
                                       PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(member_requests_again(turn->member.requests, phi_api_arena(call), &requests, error));
    /* of an earlier membership: what was in force ends where the new one begins */
    PHI_GUARD(phi_conn_exec(turn->conn, "member_keys_end",
                            "UPDATE member_keys SET to_us = $2 WHERE region = $1 AND to_us > $2",
                            params, 2, NULL, error));
    PHI_GUARD(member_issue(call, turn, &requests, error));
    if (strcmp(turn->member.mode, "bus") == 0)
        PHI_GUARD(member_open_bus(call, turn, error));
out:
    return err;
}

/* The new keys come into force; those of their use (and key set) end when the overlap is over. */
static enum phi_err replace(struct phi_api_call *call, struct member_turn *turn,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct member_requests requests;
    if (turn->member.pending == NULL)
        return phi_error_set(error, PHI_ERR_STATE, "action", "no replacement waits");
    PHI_GUARD(member_requests_again(turn->member.pending, phi_api_arena(call), &requests, error));
    for (size_t i = 0; i < requests.count; i++) {
        const struct member_request *one = &requests.items[i];
        const struct phi_param params[] = {
            PHI_TEXT(turn->member.region), PHI_TEXT(phi_trust_use_name(one->use)),
            PHI_I64(phi_api_now_us(call) + turn->member.overlap_us), PHI_TEXT(one->serial),
            PHI_TEXT(phi_trust_holder_name(one->holder))};
        PHI_GUARD(phi_conn_exec(turn->conn, "member_key_follow",
                                "UPDATE member_keys SET to_us = $3 WHERE region = $1 AND use = $2 "
                                "AND serial <> $4 AND to_us > $3 AND service = $5",
                                params, 5, NULL, error));
        if (one->use == PHI_TRUST_ENCRYPTION)
            memcpy(turn->member.encryption, one->xy, sizeof(turn->member.encryption));
    }
    PHI_GUARD(member_issue(call, turn, &requests, error));
out:
    return err;
}

static enum phi_err keep(struct phi_api_call *call, struct member_turn *turn,
                         struct phi_error *error)
{
    turn->member.round++;
    const struct phi_param row[] = {
        PHI_TEXT(turn->member.region), PHI_TEXT(turn->member.state), PHI_I64(turn->member.round),
        PHI_BYTES_OF(turn->member.encryption, PHI_SM2_PUBLIC_LEN), PHI_I64(phi_api_now_us(call))};
    return phi_conn_exec(turn->conn, "member_move",
                         "UPDATE members SET state = $2, round = $3, pending = NULL, "
                         "encryption_public = $4, changed_us = $5 WHERE region = $1",
                         row, 5, NULL, error);
}

static enum phi_err do_action(struct phi_api_call *call, struct member_turn *turn, size_t action,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (action == APPROVE)
        PHI_GUARD(approve(call, turn, error));
    if (action == REPLACE)
        PHI_GUARD(replace(call, turn, error));
    if (action == REJECT && turn->member.pending == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "action", "no replacement waits"));
    if (action == SUSPEND || action == RETIRE || action == RESUME)
        PHI_GUARD(set_users(turn, action == RESUME, error));
    if (ways[action].to != NULL)
        turn->member.state = ways[action].to;
    PHI_GUARD(keep(call, turn, error));
out:
    return err;
}

/* The first of two officers is a step of its own, and moves nothing. */
static enum phi_err take_vote(struct phi_api_call *call, struct member_turn *turn, size_t action,
                              const char *reason, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int officers = 0;
    if (!turn->member.is_there)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "region", "no such platform");
    if (!turn->is_repeat) {
        if (!is_from(&ways[action], turn->member.state))
            return phi_error_set(error, PHI_ERR_STATE, "action", "not from the state it is in");
        PHI_GUARD(count_officers(turn, actions[action], &officers, error));
    }
    if (!turn->is_repeat && officers >= ways[action].officers)
        PHI_GUARD(do_action(call, turn, action, error));
    PHI_GUARD(member_end(call, turn, actions[action], reason, error));
out:
    return err;
}

enum phi_err member_decide(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct member_turn turn = {.conn = NULL};
    const char *region = NULL, *reason = NULL;
    size_t action = 0;
    PHI_GUARD(member_check_officer(call, "platform", error));
    PHI_GUARD(member_region(call, &region, error));
    PHI_GUARD(phi_json_enum(&body, "action", actions, ACTION_COUNT, &action, error));
    PHI_GUARD(phi_json_text(&body, "reason", 1, MEMBER_REASON_MAX, &reason, error));
    PHI_GUARD(member_begin(call, region, &turn, error));
    PHI_GUARD(take_vote(call, &turn, action, reason, error));
out:
    member_drop(&turn);
    return err;
}
