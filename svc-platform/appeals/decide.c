/* Two officers of two units: one proposes, the other decides, or gives it back. */
#include "svc-platform/appeals/appeals.h"

#include "bus/signed.h"
#include "codes/region.h"
#include "crypto/sm3.h"
#include "json/canonical.h"
#include "service/letter.h"

#include <string.h>

static const char *const decisions[] = {"uphold", "overturn", "return"};
static const char *const reasons[] = {"record-error", "identity-error", "method-error",
                                      "not-substantiated", "other"};

struct saying {
    struct phi_api_call *call;
    struct appeal appeal;
    const char *decision;
    const char *reason;
    const char *note;
    uint8_t officer[PHI_SM3_LEN];
    const char *unit;
    const char *topic;
    const char *letter; /* the decision as it is sent; NULL for none */
};

/* --- who --- */

static enum phi_err check_part(const struct saying *s, struct phi_error *error)
{
    char digest[2 * PHI_SM3_LEN + 1];
    size_t i = 0;
    json_t *step = NULL;
    phi_hex_encode(phi_view_of(s->officer, PHI_SM3_LEN), digest);
    json_array_foreach(json_object_get(s->appeal.record.value, "steps"), i, step)
    {
        const char *actor = json_string_value(json_object_get(step, "actor"));
        const char *unit = json_string_value(json_object_get(step, "unit"));
        if ((actor != NULL && strcmp(actor, digest) == 0) ||
            (unit != NULL && strcmp(unit, s->unit) == 0))
            return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                                 "who had a part in the case, or their unit, does not decide its "
                                 "appeal");
    }
    return PHI_OK;
}

static enum phi_err find(struct saying *s, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct platform *platform = phi_service_state(phi_api_service(s->call));
    PHI_GUARD(appeal_find(s->call, &s->appeal, error));
    if (!phi_api_who(s->call)->has_person)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the token does not name its person");
    if (platform->appeals == NULL)
        return phi_error_set(error, PHI_ERR_KEY, "PHI_CORRECTION_KEY_FILE",
                             "appeals can't be decided");
    PHI_GUARD(phi_api_who_digest(s->call, s->officer));
    s->unit = phi_api_who(s->call)->staff->unit;
    s->topic = phi_arena_printf(phi_api_arena(s->call), "phi.%s." DISPUTE_DOWN, s->appeal.region);
    PHI_GUARD(s->topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(check_part(s, error));
out:
    return err;
}

static enum phi_err check_state(const struct saying *s, const char *state, struct phi_error *error)
{
    return strcmp(s->appeal.state, state) == 0
               ? PHI_OK
               : phi_error_set(error, PHI_ERR_STATE, "id", "the appeal is %s", s->appeal.state);
}

static enum phi_err check_second(const struct saying *s, struct phi_error *error)
{
    if (phi_view_equal(s->appeal.proposer, phi_view_of(s->officer, PHI_SM3_LEN)) ||
        strcmp(s->appeal.proposer_unit, s->unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "another officer of another unit decides");
    return PHI_OK;
}

static enum phi_err parse(struct saying *s, size_t choices, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(s->call);
    size_t decision = 0, reason = 0;
    PHI_GUARD(phi_json_enum(&body, "decision", decisions, choices, &decision, error));
    s->decision = decisions[decision];
    s->reason = "";
    PHI_GUARD(phi_json_lines_opt(&body, "note", 1, APPEAL_NOTE_MAX, NULL, &s->note, error));
    if (decision == 2)
        goto out;
    PHI_GUARD(phi_json_enum(&body, "reason", reasons, sizeof(reasons) / sizeof(reasons[0]), &reason,
                            error));
    s->reason = reasons[reason];
out:
    return err;
}

/* --- who that is, for the province alone --- */

static enum phi_err seal_officer(const struct saying *s, json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char digest[2 * PHI_SM3_LEN + 1];
    struct phi_view plain;
    const struct phi_trust_platform *province = NULL;
    struct phi_arena *arena = phi_api_arena(s->call);
    const struct phi_person *p = &phi_api_who(s->call)->person;
    const struct phi_letter letter = {.topic = s->topic,
                                      .context = DISPUTE_DOWN,
                                      .member = "sealed",
                                      .holder = PHI_TRUST_FOR_CORRECTION};
    PHI_GUARD(dispute_find_province(s->call, s->appeal.region, &province, error));
    phi_hex_encode(phi_view_of(s->officer, PHI_SM3_LEN), digest);
    json_t *json =
        json_pack("{s:s, s:s, s:s*, s:{s:s%, s:s%, s:s%, s:s%}}", "officer", digest, "unit",
                  s->unit, "note", s->note, "person", "name", p->name.data, p->name.len, "idType",
                  p->id_type.data, p->id_type.len, "idNo", p->id_no.data, p->id_no.len, "country",
                  p->country.data, p->country.len);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, &plain));
    PHI_GUARD(phi_letter_seal(&letter, province, phi_api_now_us(s->call), plain, arena, to, error));
out:
    return err;
}

/* --- kept --- */

static enum phi_err keep(const struct saying *s, const char *step, const char *state,
                         const char *sealed)
{
    enum phi_err err = PHI_OK;
    struct phi_api_call *call = s->call;
    bool is_proposed = strcmp(state, "proposed") == 0, is_back = strcmp(state, "lodged") == 0;
    int64_t resend_s =
        phi_config_int(phi_service_config(phi_api_service(call)), "PHI_DISPUTE_RESEND_S");
    const struct phi_param said[APPEAL_STEP_COUNT] = {PHI_TEXT(s->appeal.region),
                                                      PHI_BYTES_OF(s->appeal.case_id, DISPUTE_LEN),
                                                      PHI_I64(s->appeal.seq + 1),
                                                      PHI_I64(phi_api_now_us(call)),
                                                      PHI_TEXT(step),
                                                      PHI_TEXT(s->decision),
                                                      PHI_TEXT(s->reason),
                                                      PHI_TEXT(s->unit),
                                                      PHI_BYTES_OF(s->officer, PHI_SM3_LEN)};
    const struct phi_param moved[APPEAL_MOVED_COUNT] = {
        PHI_TEXT(s->appeal.region),
        PHI_BYTES_OF(s->appeal.case_id, DISPUTE_LEN),
        PHI_TEXT(state),
        PHI_I64(s->appeal.seq + 1),
        PHI_I64(phi_api_now_us(call)),
        PHI_TEXT(is_back ? "" : s->decision),
        PHI_TEXT(is_back ? "" : s->reason),
        is_proposed ? PHI_BYTES_OF(s->officer, PHI_SM3_LEN)
        : is_back   ? PHI_NULL
                    : PHI_BYTES(s->appeal.proposer),
        PHI_TEXT(is_proposed ? s->unit
                 : is_back   ? ""
                             : s->appeal.proposer_unit),
        PHI_TEXT(is_proposed ? sealed : ""),
        PHI_TEXT(s->letter == NULL ? "" : s->letter),
        PHI_I64(s->letter == NULL ? INT64_MAX : phi_api_now_us(call) + resend_s * 1000000)};
    PHI_GUARD(phi_api_row(call, TABLE_APPEAL_STEPS, said, APPEAL_STEP_COUNT));
    PHI_GUARD(phi_api_row(call, TABLE_APPEALS_MOVED, moved, APPEAL_MOVED_COUNT));
out:
    return err;
}

static void tell(const struct saying *s, const char *state)
{
    char id[2 * DISPUTE_LEN + 1];
    phi_hex_encode(phi_view_of(s->appeal.case_id, DISPUTE_LEN), id);
    phi_api_data(s->call, json_pack("{s:s, s:s, s:s}", "region", s->appeal.region, "caseId", id,
                                    "state", state));
}

/* --- the routes --- */

enum phi_err appeal_propose(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct saying s = {.call = call};
    struct phi_view text;
    json_t *sealed = json_object();
    PHI_GUARD(phi_json_keep(phi_api_arena(call), sealed));
    PHI_GUARD(parse(&s, 2, error));
    PHI_GUARD(find(&s, error));
    PHI_GUARD(check_state(&s, "lodged", error));
    PHI_GUARD(seal_officer(&s, sealed, error));
    PHI_GUARD(phi_json_canonical(sealed, phi_api_arena(call), &text));
    PHI_GUARD(keep(&s, "proposed", "proposed", (const char *)text.data));
    tell(&s, "proposed");
out:
    return err;
}

static enum phi_err send(struct saying *s, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at first;
    char id[2 * DISPUTE_LEN + 1];
    struct phi_arena *arena = phi_api_arena(s->call);
    const struct platform *platform = phi_service_state(phi_api_service(s->call));
    const struct phi_signer signer = {.key_serial = platform->appeals->correction_serial,
                                      .key = platform->appeals->correction_key};
    struct phi_event event = {.topic = s->topic, .type = "cn.phi.appeal.decided"};
    phi_hex_encode(phi_view_of(s->appeal.case_id, DISPUTE_LEN), id);
    PHI_GUARD(phi_json_read(phi_view_text(s->appeal.proposer_sealed), 4, arena, &first, error));
    json_t *json = json_pack("{s:s, s:s, s:I, s:s, s:s, s:O}", "kind", "appeal-decided", "caseId",
                             id, "seq", (json_int_t)s->appeal.seq + 1, "decision", s->decision,
                             "reason", s->reason, "first", (json_t *)first.value);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(seal_officer(s, json, error));
    PHI_GUARD(phi_json_canonical(json, arena, &event.value));
    s->letter = phi_arena_text(arena, event.value);
    PHI_GUARD(s->letter == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)phi_api_now_us(s->call), arena));
    PHI_GUARD(phi_api_event(s->call, &event));
out:
    return err;
}

enum phi_err appeal_decide(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct saying s = {.call = call};
    PHI_GUARD(parse(&s, 3, error));
    PHI_GUARD(find(&s, error));
    PHI_GUARD(check_state(&s, "proposed", error));
    PHI_GUARD(check_second(&s, error));
    bool is_back = strcmp(s.decision, "return") == 0;
    if (!is_back && strcmp(s.decision, s.appeal.decision) != 0)
        return phi_error_set(error, PHI_ERR_RULE, "$.decision", "not what was proposed");
    const char *state = is_back ? "lodged" : "decided";
    if (!is_back)
        PHI_GUARD(send(&s, error));
    PHI_GUARD(keep(&s, is_back ? "given-back" : "decided", state, ""));
    tell(&s, state);
out:
    return err;
}
