/* What officers do with a case: ask for evidence, propose, and, as the second pair of eyes, decide
 * or give it back. A decision that changes the record goes out signed on correction.decided, and
 * svc-directory acts on it. */
#include "svc-correction/officer.h"

#include "svc-correction/matters/outcome.h"
#include "svc-correction/relief/relief.h"

#include <stdio.h>
#include <string.h>

static const char *const reasons[] = {"record-error", "identity-error", "method-error",
                                      "not-substantiated", "other"};

/* --- what all do --- */

/* Then nobody could be its officer, and nothing could be said of it. */
static enum phi_err check_source(const struct case_now *now, struct phi_error *error)
{
    bool is_there =
        matter_at(now->matter_kind)->source != NULL || matter_source_is_known(now->fact.source);
    return is_there
               ? PHI_OK
               : phi_error_set(error, PHI_ERR_RULE, "fact.source", "the source no longer exists");
}

enum phi_err officer_find(struct phi_api_call *call, struct case_now *now,
                          struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(case_find(call, now, key, error));
    if (now->matter_kind == MATTER_BATCH)
        return phi_error_set(error, PHI_ERR_RULE, "id",
                             "a batch is decided where it was proposed, at svc-declare");
    PHI_GUARD(check_source(now, error));
    PHI_GUARD(case_check_officer(call, now, error));
out:
    return err;
}

static enum phi_err read_reason(struct phi_api_call *call, const char **out,
                                struct phi_error *error)
{
    struct phi_json_at body = phi_api_body(call);
    size_t reason = 0;
    enum phi_err err = phi_json_enum(&body, "reason", reasons, sizeof(reasons) / sizeof(reasons[0]),
                                     &reason, error);
    *out = reasons[reason];
    return err;
}

enum phi_err officer_read_note(struct phi_api_call *call, const char **out, struct phi_error *error)
{
    struct phi_json_at body = phi_api_body(call);
    return phi_json_lines_opt(&body, "note", 1, CASE_TEXT_MAX, NULL, out, error);
}

static void tell(struct phi_api_call *call, const struct case_now *now, int64_t version)
{
    char id[2 * CASE_LEN + 1], text[24];
    phi_hex_encode(phi_view_of(now->case_id, CASE_LEN), id);
    json_t *data =
        json_pack("{s:s, s:s, s:s, s:s}", "caseId", id, "state", step_state_name(now->state),
                  "stateZh", step_state_zh(now->state), "outcome", now->outcome);
    if (data != NULL && version != 0) {
        snprintf(text, sizeof(text), "%lld", (long long)version);
        json_object_set_new(data, "decisionVersion", json_string(text));
    }
    phi_api_data(call, data);
}

/* --- asking --- */

enum phi_err case_ask(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    struct case_deed deed = {.act = ACT_ASK};
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_lines(&body, "question", 1, CASE_TEXT_MAX, &deed.note, error));
    PHI_GUARD(officer_find(call, &now, &key, error));
    PHI_GUARD(case_do(call, &now, &key, &deed, error));
    tell(call, &now, 0);
out:
    return err;
}

/* --- proposing --- */

enum phi_err case_propose(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    struct outcome outcome;
    struct case_deed deed = {.act = ACT_PROPOSE};
    PHI_GUARD(read_reason(call, &deed.reason, error));
    PHI_GUARD(officer_read_note(call, &deed.note, error));
    PHI_GUARD(officer_find(call, &now, &key, error));
    PHI_GUARD(outcome_read(call, &now, &outcome, error));
    PHI_GUARD(outcome_check_open(call, &now, &outcome, error));
    deed.outcome = matter_outcomes[outcome.is];
    deed.content = outcome.text;
    PHI_GUARD(case_do(call, &now, &key, &deed, error));
    tell(call, &now, 0);
out:
    return err;
}

/* --- deciding --- */

/* The second pair of eyes: another account and another unit. */
enum phi_err officer_check_other(struct phi_api_call *call, struct phi_view proposer,
                                 const char *unit, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t officer[PHI_SM3_LEN];
    PHI_GUARD(phi_api_who_digest(call, officer));
    if (phi_view_equal(proposer, phi_view_of(officer, sizeof(officer))))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "who proposed does not decide");
    if (strcmp(phi_api_who(call)->staff->unit, unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "an officer of the same unit does not decide");
out:
    return err;
}

static enum phi_err check_second(struct phi_api_call *call, const struct case_now *now,
                                 struct phi_error *error)
{
    if (now->state != STATE_PROPOSED)
        return phi_error_set(error, PHI_ERR_STATE, "id", "the case is %s",
                             step_state_name(now->state));
    return officer_check_other(call, now->officer, now->unit, error);
}

static enum phi_err keep(struct phi_api_call *call, const struct case_now *now, int64_t version)
{
    enum phi_err err = PHI_OK;
    uint8_t *officer = phi_arena_alloc(phi_api_arena(call), PHI_SM3_LEN);
    PHI_GUARD(officer == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_api_who_digest(call, officer));
    const struct phi_param decision[] = {PHI_BYTES_OF(now->case_id, CASE_LEN),
                                         PHI_I64(version),
                                         PHI_TEXT(now->outcome),
                                         PHI_BYTES_OF(officer, PHI_SM3_LEN),
                                         PHI_TEXT(phi_api_who(call)->staff->unit),
                                         PHI_BYTES(now->officer),
                                         PHI_TEXT(now->unit),
                                         PHI_I64(phi_api_now_us(call))};
    const struct phi_param closed[] = {PHI_BYTES_OF(now->matter, PHI_SM3_LEN)};
    PHI_GUARD(phi_api_row(call, TABLE_DECISIONS, decision, sizeof(decision) / sizeof(decision[0])));
    PHI_GUARD(phi_api_row(call, TABLE_MATTERS_CLOSED, closed, 1));
out:
    return err;
}

/* Back to the source, with what is missing. */
static enum phi_err give_back(struct phi_api_call *call, struct case_now *now,
                              const struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_deed deed = {.act = ACT_RETURN, .outcome = "", .reason = ""};
    PHI_GUARD(officer_read_note(call, &deed.note, error));
    PHI_GUARD(case_do(call, now, key, &deed, error));
    tell(call, now, 0);
out:
    return err;
}

static enum step_act act_of(enum matter_outcome outcome)
{
    return outcome == OUTCOME_REFUSE      ? ACT_REFUSE
           : outcome == OUTCOME_REDECLARE ? ACT_ADVISE
                                          : ACT_DECIDE;
}

/* What was proposed, in the second officer's own words: nobody confirms what they did not read. */
static enum phi_err decide(struct phi_api_call *call, struct case_now *now,
                           const struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct outcome outcome;
    int64_t version = phi_api_now_us(call);
    struct case_deed deed = {.decision_version = version};
    PHI_GUARD(outcome_read(call, now, &outcome, error));
    PHI_GUARD(outcome_check_same(call, now, key, &outcome, error));
    PHI_GUARD(outcome_check_open(call, now, &outcome, error));
    PHI_GUARD(read_reason(call, &deed.reason, error));
    PHI_GUARD(officer_read_note(call, &deed.note, error));
    PHI_GUARD(keep(call, now, version));
    PHI_GUARD(relief_end(call, now, key, error));
    deed.act = act_of(outcome.is);
    PHI_GUARD(case_do(call, now, key, &deed, error));
    if (deed.act == ACT_DECIDE)
        PHI_GUARD(outcome_tell_directory(call, now, &outcome, version));
    tell(call, now, version);
out:
    return err;
}

/* One choice more than the outcomes has a decision: to give the case back. */
static enum phi_err is_return(struct phi_api_call *call, bool *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *word = NULL;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_word(&body, "decision", CASE_WORD_MAX, &word, error));
    *out = strcmp(word, "return") == 0;
out:
    return err;
}

enum phi_err case_decide(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    bool is_back = false;
    PHI_GUARD(is_return(call, &is_back, error));
    PHI_GUARD(officer_find(call, &now, &key, error));
    PHI_GUARD(check_second(call, &now, error));
    PHI_GUARD(is_back ? give_back(call, &now, &key, error) : decide(call, &now, &key, error));
out:
    return err;
}
