/* What the citizen does with a case that is theirs: give the evidence that was asked for, or take
 * the case back. */
#include "svc-correction/relief/relief.h"

static enum phi_err find_own(struct phi_api_call *call, struct case_now *now,
                             struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(case_find(call, now, key, error));
    PHI_GUARD(case_check_own(call, now, error));
out:
    return err;
}

static void tell(struct phi_api_call *call, const struct case_now *now)
{
    char id[2 * CASE_LEN + 1];
    phi_hex_encode(phi_view_of(now->case_id, CASE_LEN), id);
    phi_api_data(call,
                 json_pack("{s:s, s:s, s:s}", "caseId", id, "state", step_state_name(now->state),
                           "stateZh", step_state_zh(now->state)));
}

enum phi_err case_give(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    struct case_deed deed = {.act = ACT_GIVE};
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_lines(&body, "text", 1, CASE_TEXT_MAX, &deed.note, error));
    PHI_GUARD(find_own(call, &now, &key, error));
    PHI_GUARD(case_do(call, &now, &key, &deed, error));
    tell(call, &now);
out:
    return err;
}

enum phi_err case_withdraw(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    const struct case_deed deed = {.act = ACT_WITHDRAW, .outcome = "", .reason = ""};
    PHI_GUARD(find_own(call, &now, &key, error));
    PHI_GUARD(relief_end(call, &now, &key, error));
    PHI_GUARD(case_do(call, &now, &key, &deed, error));
    const struct phi_param closed[] = {PHI_BYTES_OF(now.matter, PHI_SM3_LEN)};
    PHI_GUARD(phi_api_row(call, TABLE_MATTERS_CLOSED, closed, 1));
    tell(call, &now);
out:
    return err;
}
