#include "svc-correction/appeals/appeals.h"

#include "bus/signed.h"
#include "codes/region.h"
#include "json/canonical.h"
#include "service/letter.h"
#include "svc-correction/entry/handed.h"
#include "svc-correction/flow/case.h"
#include "svc-correction/matters/matters.h"

#define DAY_US    (INT64_C(86400) * 1000000)
#define STEPS_MAX "200"

struct lodging {
    struct phi_api_call *call;
    struct case_now now;
    struct phi_person_key key;
    const char *statement;
    json_t *steps;
};

/* --- whether --- */

static enum phi_err check_time(const struct lodging *l, const struct phi_rows *rows,
                               struct phi_error *error)
{
    int64_t days = phi_config_int(phi_service_config(phi_api_service(l->call)), "PHI_APPEAL_DAYS");
    if (phi_rows_i64(rows, 0, 1) > 0)
        return phi_error_set(error, PHI_ERR_STATE, "id", "a case is appealed once");
    if (phi_rows_i64(rows, 0, 2) > 0)
        return phi_error_set(error, PHI_ERR_STATE, "id", "another case about it is open");
    if (phi_api_now_us(l->call) > phi_rows_i64(rows, 0, 0) + days * DAY_US)
        return phi_error_set(error, PHI_ERR_RULE, "id", "the %d days to appeal are over",
                             (int)days);
    return PHI_OK;
}

static enum phi_err check(const struct lodging *l, struct phi_conn *conn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(l->now.case_id, CASE_LEN),
                                       PHI_BYTES_OF(l->now.matter, PHI_SM3_LEN)};
    PHI_GUARD(phi_conn_exec(conn, "appeal_check",
                            "SELECT decided_us, (SELECT count(*) FROM steps WHERE case_id = $1 AND "
                            "step = 'appealed'), (SELECT count(*) FROM open_matters WHERE matter = "
                            "$2) FROM cases WHERE case_id = $1",
                            params, 2, &rows, error));
    PHI_GUARD(phi_rows_count(rows) == 0 ? PHI_ERR_NOT_FOUND : PHI_OK);
    PHI_GUARD(check_time(l, rows, error));
    if (l->now.state != STATE_REFUSED)
        err = phi_error_set(error, PHI_ERR_STATE, "id", "the case is %s",
                            step_state_name(l->now.state));
out:
    phi_rows_free(rows);
    return err;
}

/* --- what the platform is told --- */

static json_t *step_of(const struct phi_rows *rows, size_t i)
{
    char at[PHI_RFC3339_MAX], actor[2 * PHI_SM3_LEN + 1] = "";
    phi_rfc3339_format(phi_rows_i64(rows, i, 1), at);
    phi_hex_encode(phi_rows_bytes(rows, i, 7), actor);
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "seq",
                     (json_int_t)phi_rows_i64(rows, i, 0), "at", at, "step",
                     phi_rows_text(rows, i, 2), "state", phi_rows_text(rows, i, 3), "outcome",
                     phi_rows_text(rows, i, 4), "reason", phi_rows_text(rows, i, 5), "unit",
                     phi_rows_text(rows, i, 6), "actor", actor);
}

static enum phi_err read_steps(struct lodging *l, struct phi_conn *conn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(l->now.case_id, CASE_LEN);
    l->steps = json_array();
    PHI_GUARD(phi_json_keep(phi_api_arena(l->call), l->steps));
    PHI_GUARD(phi_conn_exec(conn, "appeal_steps",
                            "SELECT seq, at_us, step, state, outcome, reason, unit, actor FROM "
                            "steps WHERE case_id = $1 ORDER BY seq DESC LIMIT " STEPS_MAX,
                            &id, 1, &rows, error));
    for (size_t i = phi_rows_count(rows); i > 0; i--)
        PHI_GUARD(json_array_append_new(l->steps, step_of(rows, i - 1)) == 0 ? PHI_OK
                                                                             : PHI_ERR_MEMORY);
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err seal(const struct lodging *l, const char *topic, json_t *json,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    const struct phi_trust_view *view = NULL;
    struct phi_arena *arena = phi_api_arena(l->call);
    const struct case_fact *fact = &l->now.fact;
    const struct phi_letter letter = {.topic = topic,
                                      .context = DISPUTE_UP,
                                      .member = "sealed",
                                      .holder = PHI_TRUST_FOR_PLATFORM};
    PHI_GUARD(phi_trust_hold(phi_service_trust(phi_api_service(l->call)), arena, &view));
    const struct phi_trust_platform *nation = phi_trust_platform(view, PHI_REGION_NATION);
    if (phi_letter_keys(nation, PHI_TRUST_FOR_PLATFORM, phi_api_now_us(l->call)) == 0)
        return phi_error_set(error, PHI_ERR_NEIGHBOUR, "000000",
                             "the unified platform takes no appeals now");
    json_t *said = json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "statement", l->statement, "fact",
                             "region", fact->region, "source", fact->source, "institution",
                             fact->institution, "recordNo", fact->record_no);
    PHI_GUARD(phi_json_keep(arena, said));
    PHI_GUARD(phi_json_canonical(said, arena, &plain));
    PHI_GUARD(phi_letter_seal(&letter, nation, phi_api_now_us(l->call), plain, arena, json, error));
out:
    return err;
}

static enum phi_err tell_platform(const struct lodging *l, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(l->call);
    const struct correction *correction = correction_of(l->call);
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    struct phi_event event = {.topic = phi_service_topic(service, DISPUTE_UP),
                              .type = "cn.phi.appeal.lodged"};
    char id[2 * CASE_LEN + 1], head[2 * PHI_CHAIN_LEN + 1];
    phi_hex_encode(phi_view_of(l->now.case_id, CASE_LEN), id);
    phi_hex_encode(phi_view_of(l->now.head, PHI_CHAIN_LEN), head);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "kind", "appeal", "caseId",
                             id, "matter", matter_at(l->now.matter_kind)->name, "source",
                             l->now.fact.source, "outcome", l->now.outcome, "reason", l->now.reason,
                             "head", head, "steps", l->steps);
    PHI_GUARD(phi_json_keep(phi_api_arena(l->call), json));
    PHI_GUARD(seal(l, event.topic, json, error));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(l->call), &event.value));
    PHI_GUARD(
        phi_signed_add(&event, &signer, (uint64_t)phi_api_now_us(l->call), phi_api_arena(l->call)));
    PHI_GUARD(phi_api_event(l->call, &event));
out:
    return err;
}

/* --- the route --- */

static enum phi_err find(struct lodging *l, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_api_call *call = l->call;
    PHI_GUARD(case_find(call, &l->now, &l->key, error));
    PHI_GUARD(case_check_own(call, &l->now, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(check(l, conn, error));
    PHI_GUARD(read_steps(l, conn, error));
out:
    phi_store_release(conn);
    return err;
}

enum phi_err appeal_lodge(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct lodging l = {.call = call};
    char id[2 * CASE_LEN + 1];
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_lines(&body, "statement", 1, CASE_TEXT_MAX, &l.statement, error));
    PHI_GUARD(find(&l, error));
    PHI_GUARD(tell_platform(&l, error));
    const struct case_deed deed = {.act = ACT_APPEAL, .note = l.statement};
    const struct phi_param matter[] = {PHI_BYTES_OF(l.now.matter, PHI_SM3_LEN),
                                       PHI_BYTES_OF(l.now.case_id, CASE_LEN)};
    PHI_GUARD(case_do(call, &l.now, &l.key, &deed, error));
    PHI_GUARD(phi_api_row(call, TABLE_OPEN_MATTERS, matter, 2));
    phi_hex_encode(phi_view_of(l.now.case_id, CASE_LEN), id);
    phi_api_data(call,
                 json_pack("{s:s, s:s, s:s}", "caseId", id, "state", step_state_name(l.now.state),
                           "stateZh", step_state_zh(l.now.state)));
out:
    return err;
}
