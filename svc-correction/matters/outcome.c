#include "svc-correction/matters/outcome.h"

#include "bus/signed.h"
#include "codes/region.h"
#include "json/canonical.h"

#include <stdio.h>
#include <string.h>

#define INSTITUTION "correction" /* of records that a case made; their number is the case's */
#define SOURCE      "source."
#define TEXT_MAX    (8 * 1024)

/* --- reading --- */

enum phi_err outcome_read_fact(struct phi_api_call *call, const char *field, struct case_fact *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"region", "source", "institution", "recordNo"};
    struct phi_json_at body = phi_api_body(call), fact;
    PHI_GUARD(phi_json_object(&body, field, &fact, error));
    PHI_GUARD(phi_json_only(&fact, members, 4, error));
    PHI_GUARD(phi_json_word(&fact, "region", 6, &out->region, error));
    PHI_GUARD(phi_json_word(&fact, "source", CASE_WORD_MAX, &out->source, error));
    PHI_GUARD(phi_json_word(&fact, "institution", CASE_WORD_MAX, &out->institution, error));
    PHI_GUARD(phi_json_word(&fact, "recordNo", CASE_WORD_MAX, &out->record_no, error));
    if (!phi_region_is_valid(phi_view_text(out->region)))
        return phi_json_refuse(&fact, "region", PHI_ERR_FIELD_VALUE, "not a region", error);
    if (strcmp(out->region, phi_service_region(phi_api_service(call))) != 0)
        return phi_json_refuse(&fact, "region", PHI_ERR_RULE, "a fact of another region", error);
    if (!matter_source_is_known(out->source))
        err = phi_json_refuse(&fact, "source", PHI_ERR_RULE, "there is no such source", error);
out:
    return err;
}

enum phi_err outcome_refuse_member(struct phi_api_call *call, const char *field, const char *why,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call), at;
    PHI_GUARD(phi_json_member(&body, field, false, &at, error));
    if (at.value == NULL)
        return PHI_OK;
    PHI_GUARD(phi_json_as_object(&at, error));
    err = phi_json_refuse(&body, field, PHI_ERR_RULE, why, error);
out:
    return err;
}

static enum phi_err read_fact(struct phi_api_call *call, const struct case_now *now,
                              struct outcome *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_named = matter_at(now->matter_kind)->names_record && out->is != OUTCOME_REFUSE;
    out->fact = now->fact;
    if (!is_named)
        return outcome_refuse_member(call, "fact", "the case says which record it is about", error);
    PHI_GUARD(outcome_read_fact(call, "fact", &out->fact, error));
out:
    return err;
}

static enum phi_err read_record(struct phi_api_call *call, struct outcome *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call), record;
    const char *source = out->fact.source;
    out->has_record = out->is == OUTCOME_AMEND || out->is == OUTCOME_ADD;
    if (!out->has_record)
        return outcome_refuse_member(call, "record", "belongs to another decision", error);
    const struct form_kind *kind = strncmp(source, SOURCE, strlen(SOURCE)) == 0
                                       ? form_kind_find(source + strlen(SOURCE))
                                       : NULL;
    if (kind == NULL)
        return phi_json_refuse(&body, "decision", PHI_ERR_RULE,
                               "what a person declared is for them to declare anew", error);
    PHI_GUARD(phi_json_object(&body, "record", &record, error));
    PHI_GUARD(form_record_read(kind, &record, phi_api_now_us(call), phi_api_arena(call),
                               &out->record, error));
out:
    return err;
}

/* What both officers wrote down, so that it can be compared and shown. */
static enum phi_err write_text(struct phi_api_call *call, struct outcome *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    struct phi_json_at body = phi_api_body(call);
    json_t *fact = json_object_get(body.value, "fact");
    json_t *record = json_object_get(body.value, "record");
    if (fact == NULL && record == NULL)
        return PHI_OK;
    json_t *json = json_pack("{s:O*, s:O*}", "fact", fact, "record", record);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &bytes));
    if (bytes.len > TEXT_MAX)
        return phi_json_refuse(&body, "record", PHI_ERR_FIELD_VALUE, "over 8 KiB", error);
    out->text = phi_arena_text(phi_api_arena(call), bytes);
    PHI_GUARD(out->text == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

enum phi_err outcome_read(struct phi_api_call *call, const struct case_now *now,
                          struct outcome *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    const struct matter_row *matter = matter_at(now->matter_kind);
    size_t is = 0;
    *out = (struct outcome){.text = NULL};
    PHI_GUARD(phi_json_enum(&body, "decision", matter_outcomes, OUTCOME_COUNT, &is, error));
    out->is = (enum matter_outcome)is;
    if ((matter->outcomes & OUTCOME_BIT(out->is)) == 0)
        return phi_json_refuse(&body, "decision", PHI_ERR_RULE, "not for a matter of this kind",
                               error);
    PHI_GUARD(read_fact(call, now, out, error));
    PHI_GUARD(read_record(call, out, error));
    PHI_GUARD(write_text(call, out, error));
out:
    return err;
}

/* --- checking --- */

enum phi_err outcome_check_open(struct phi_api_call *call, const struct case_now *now,
                                const struct outcome *outcome, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    if (outcome->is != OUTCOME_RETRACT && outcome->is != OUTCOME_AMEND)
        return PHI_OK;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(case_check_uncorrected(conn, now, &outcome->fact, error));
out:
    phi_store_release(conn);
    return err;
}

enum phi_err outcome_check_same(struct phi_api_call *call, const struct case_now *now,
                                const struct phi_person_key *key, const struct outcome *outcome,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const char *proposed = NULL;
    const struct phi_param id = PHI_BYTES_OF(now->case_id, CASE_LEN);
    bool is_same = strcmp(matter_outcomes[outcome->is], now->outcome) == 0;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "case_proposed",
                            "SELECT content_sealed FROM steps WHERE case_id = $1 AND step = "
                            "'proposed' ORDER BY seq DESC LIMIT 1",
                            &id, 1, &rows, error));
    if (phi_rows_count(rows) == 1)
        proposed = case_open(call, key, CASE_CONTENT, phi_rows_bytes(rows, 0, 0));
    if (outcome->text == NULL || proposed == NULL)
        is_same = is_same && outcome->text == proposed;
    else
        is_same = is_same && strcmp(outcome->text, proposed) == 0;
    if (!is_same)
        err = phi_error_set(error, PHI_ERR_RULE, "$.decision", "not what was proposed");
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* --- telling --- */

/* What a case makes has the case as its source: a record of its own, and another one for each
 * decision. */
static enum phi_err made_of(struct phi_api_call *call, const struct case_now *now,
                            const struct outcome *outcome, int64_t version, json_t **out)
{
    char id[2 * CASE_LEN + 1], at[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(now->case_id, CASE_LEN), id);
    phi_rfc3339_format(outcome->record.observed_us, at);
    const char *number = phi_arena_printf(phi_api_arena(call), "%s.%lld", id, (long long)version);
    if (number == NULL)
        return PHI_ERR_MEMORY;
    *out = json_pack("{s:s, s:s, s:s, s:O}", "institution", INSTITUTION, "recordNo", number,
                     "observedAt", at, "content", outcome->record.content);
    return phi_json_keep(phi_api_arena(call), *out);
}

static enum phi_err name_decided(struct phi_api_call *call, const struct case_now *now,
                                 const char *action, const struct case_fact *fact, int64_t version,
                                 json_t **out)
{
    char id[2 * CASE_LEN + 1], subject[2 * PHI_SUBJECT_LEN + 1], at[PHI_RFC3339_MAX], text[24];
    phi_hex_encode(phi_view_of(now->case_id, CASE_LEN), id);
    phi_hex_encode(phi_view_of(now->subject, PHI_SUBJECT_LEN), subject);
    phi_rfc3339_format(phi_api_now_us(call), at);
    snprintf(text, sizeof(text), "%lld", (long long)version);
    *out =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s}", "caseId", id,
                  "decisionVersion", text, "subject", subject, "action", action, "fact", "region",
                  fact->region, "source", fact->source, "institution", fact->institution,
                  "recordNo", fact->record_no, "decidedAt", at, "reason", now->reason);
    return phi_json_keep(phi_api_arena(call), *out);
}

static enum phi_err make_decided(struct phi_api_call *call, const struct case_now *now,
                                 const struct outcome *outcome, int64_t version, json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *made = NULL;
    struct case_fact fact = outcome->fact;
    if (outcome->has_record)
        PHI_GUARD(made_of(call, now, outcome, version, &made));
    if (outcome->is == OUTCOME_ADD) {
        fact.institution = INSTITUTION;
        fact.record_no = json_string_value(json_object_get(made, "recordNo"));
    }
    PHI_GUARD(name_decided(call, now, matter_outcomes[outcome->is], &fact, version, out));
    if (made != NULL && json_object_set(*out, "record", made) != 0)
        err = PHI_ERR_MEMORY;
out:
    return err;
}

static enum phi_err send(struct phi_api_call *call, const struct case_now *now, const json_t *json,
                         int64_t version)
{
    enum phi_err err = PHI_OK;
    struct correction *correction = correction_of(call);
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    struct phi_event event = {.topic =
                                  phi_service_topic(phi_api_service(call), "correction.decided"),
                              .type = "cn.phi.correction.decided",
                              .key = phi_view_of(now->subject, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event.value));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)version, phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

enum phi_err outcome_tell_directory(struct phi_api_call *call, const struct case_now *now,
                                    const struct outcome *outcome, int64_t version)
{
    enum phi_err err = PHI_OK;
    json_t *json = NULL;
    PHI_GUARD(make_decided(call, now, outcome, version, &json));
    PHI_GUARD(send(call, now, json, version));
out:
    return err;
}

enum phi_err outcome_tell_relief(struct phi_api_call *call, const struct case_now *now,
                                 const struct outcome_relief *relief)
{
    enum phi_err err = PHI_OK;
    json_t *json = NULL;
    char until[PHI_RFC3339_MAX];
    int64_t version = phi_api_now_us(call);
    const char *action = relief->until_us == 0 ? "resume" : "relieve";
    PHI_GUARD(name_decided(call, now, action, &relief->fact, version, &json));
    phi_rfc3339_format(relief->until_us, until);
    if (relief->until_us != 0)
        PHI_GUARD(json_object_set_new(json, "until", json_string(until)) == 0 ? PHI_OK
                                                                              : PHI_ERR_MEMORY);
    PHI_GUARD(send(call, now, json, version));
out:
    return err;
}
