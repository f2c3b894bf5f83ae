/* A decision on a case: by an officer of the fact's source and region, never about oneself; once.
 * It goes out signed on correction.decided, and svc-directory acts on it. */
#include "svc-correction/texts.h"

#include "bus/signed.h"
#include "json/canonical.h"

#include <stdio.h>
#include <string.h>

static const char *const decisions[] = {"retract", "refuse"};
static const char *const states[] = {"retracted", "refused"};
static const char *const reasons[] = {"record-error", "identity-error", "method-error",
                                      "not-substantiated", "other"};

struct decision {
    uint8_t case_id[CASE_LEN];
    size_t decision; /* index into decisions */
    const char *reason;
    const char *note;
    int64_t version;
    uint8_t officer[PHI_SM3_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t matter[PHI_SM3_LEN];
    struct case_fact fact;
};

bool case_is_officers(const struct phi_identity *who, const char *region, const char *source)
{
    static const char prefix[] = "source.";
    const char *name =
        strncmp(source, prefix, strlen(prefix)) == 0 ? source + strlen(prefix) : source;
    const struct phi_registry_staff *staff = who->staff;
    return who->is_staff && staff != NULL && phi_words_has(&staff->roles, "decide") &&
           phi_words_has(&staff->regions, region) && phi_words_has(&staff->sources, name);
}

static enum phi_err parse(struct phi_api_call *call, struct decision *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    size_t reason = 0;
    PHI_GUARD(case_id_of(call, out->case_id, error));
    PHI_GUARD(phi_json_enum(&body, "decision", decisions, 2, &out->decision, error));
    PHI_GUARD(phi_json_enum(&body, "reason", reasons, sizeof(reasons) / sizeof(reasons[0]), &reason,
                            error));
    PHI_GUARD(phi_json_lines_opt(&body, "note", 1, CASE_TEXT_MAX, NULL, &out->note, error));
    PHI_GUARD(phi_api_who_digest(call, out->officer));
    out->reason = reasons[reason];
    out->version = phi_api_now_us(call);
out:
    return err;
}

static enum phi_err take_case(struct phi_api_call *call, const struct phi_rows *rows,
                              struct decision *out, struct phi_error *error)
{
    struct phi_arena *arena = phi_api_arena(call);
    if (phi_rows_count(rows) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such case");
    memcpy(out->subject, phi_rows_bytes(rows, 0, 0).data, PHI_SUBJECT_LEN);
    memcpy(out->matter, phi_rows_bytes(rows, 0, 1).data, PHI_SM3_LEN);
    out->fact.region = phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, 2)));
    out->fact.source = phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, 3)));
    out->fact.institution = phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, 4)));
    out->fact.record_no = phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, 5)));
    bool is_copied = out->fact.region != NULL && out->fact.source != NULL &&
                     out->fact.institution != NULL && out->fact.record_no != NULL;
    if (!is_copied)
        return PHI_ERR_MEMORY;
    if (strcmp(phi_rows_text(rows, 0, 6), "received") != 0)
        return phi_error_set(error, PHI_ERR_STATE, "id", "the case is decided");
    return PHI_OK;
}

static enum phi_err find_case(struct phi_api_call *call, struct decision *out,
                              struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(out->case_id, CASE_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "case_to_decide",
                            "SELECT subject, matter, region, source, institution, record_no, state "
                            "FROM cases WHERE case_id = $1",
                            &id, 1, &rows, error));
    PHI_GUARD(take_case(call, rows, out, error));
    PHI_GUARD(case_key_find(call, conn, out->subject, key, error));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* A staff token names its person, so that nobody decides about themselves. */
static enum phi_err check_officer(struct phi_api_call *call, const struct decision *d,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t officer[PHI_SUBJECT_LEN];
    const struct phi_identity *who = phi_api_who(call);
    if (!case_is_officers(who, d->fact.region, d->fact.source))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer of this source and region");
    if (!who->has_person)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the token does not name its person");
    PHI_GUARD(correction_subject(call, officer));
    if (memcmp(officer, d->subject, PHI_SUBJECT_LEN) == 0)
        err = phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                            "nobody decides about themselves");
out:
    return err;
}

static enum phi_err keep(struct phi_api_call *call, const struct decision *d)
{
    enum phi_err err = PHI_OK;
    const struct phi_param decision[] = {PHI_BYTES_OF(d->case_id, CASE_LEN),
                                         PHI_TEXT(decisions[d->decision]),
                                         PHI_I64(d->version),
                                         PHI_BYTES_OF(d->officer, PHI_SM3_LEN),
                                         PHI_TEXT(phi_api_who(call)->staff->unit),
                                         PHI_I64(phi_api_now_us(call))};
    const struct phi_param decided[] = {PHI_BYTES_OF(d->case_id, CASE_LEN),
                                        PHI_TEXT(states[d->decision]), PHI_I64(d->version),
                                        PHI_I64(phi_api_now_us(call))};
    const struct phi_param closed[] = {PHI_BYTES_OF(d->matter, PHI_SM3_LEN)};
    PHI_GUARD(phi_api_row(call, TABLE_DECISIONS, decision, 6));
    PHI_GUARD(phi_api_row(call, TABLE_CASES_DECIDED, decided, 4));
    PHI_GUARD(phi_api_row(call, TABLE_MATTERS_CLOSED, closed, 1));
out:
    return err;
}

static enum phi_err tell_directory(struct phi_api_call *call, const struct decision *d)
{
    enum phi_err err = PHI_OK;
    struct correction *correction = correction_of(call);
    char id[2 * CASE_LEN + 1], subject[2 * PHI_SUBJECT_LEN + 1], at[PHI_RFC3339_MAX], version[24];
    struct phi_view value;
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    phi_hex_encode(phi_view_of(d->case_id, CASE_LEN), id);
    phi_hex_encode(phi_view_of(d->subject, PHI_SUBJECT_LEN), subject);
    phi_rfc3339_format(phi_api_now_us(call), at);
    snprintf(version, sizeof(version), "%lld", (long long)d->version);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s}", "caseId", id,
                             "decisionVersion", version, "subject", subject, "action", "retract",
                             "fact", "region", d->fact.region, "source", d->fact.source,
                             "institution", d->fact.institution, "recordNo", d->fact.record_no,
                             "decidedAt", at, "reason", d->reason);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &value));
    struct phi_event event = {.topic =
                                  phi_service_topic(phi_api_service(call), "correction.decided"),
                              .type = "cn.phi.correction.decided",
                              .key = phi_view_of(d->subject, PHI_SUBJECT_LEN),
                              .value = value};
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)d->version, phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

enum phi_err case_decide(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct decision decision = {0};
    struct phi_person_key key;
    char id[2 * CASE_LEN + 1], version[24];
    PHI_GUARD(parse(call, &decision, error));
    PHI_GUARD(find_case(call, &decision, &key, error));
    PHI_GUARD(check_officer(call, &decision, error));
    PHI_GUARD(keep(call, &decision));
    if (decision.decision == 0)
        PHI_GUARD(tell_directory(call, &decision));
    const struct case_step step = {.case_id = decision.case_id,
                                   .key = &key,
                                   .fact = &decision.fact,
                                   .step = "decided",
                                   .state = states[decision.decision],
                                   .reason = decision.reason,
                                   .note = decision.note,
                                   .told = decision.note};
    PHI_GUARD(case_step_add(call, &step));
    phi_hex_encode(phi_view_of(decision.case_id, CASE_LEN), id);
    snprintf(version, sizeof(version), "%lld", (long long)decision.version);
    phi_api_data(call, json_pack("{s:s, s:s, s:s}", "caseId", id, "state",
                                 states[decision.decision], "decisionVersion", version));
out:
    return err;
}
