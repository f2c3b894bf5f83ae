#include "svc-correction/appeals/appeals.h"

#include "auth/mandate.h"
#include "service/letter.h"
#include "svc-correction/entry/filer.h"
#include "svc-correction/entry/handed.h"
#include "svc-correction/matters/outcome.h"

#include <string.h>

#define SETTLE_MS 5000
#define DEPTH_MAX 6
#define SEQ_MAX   1000000

struct officer {
    uint8_t digest[PHI_SM3_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    const char *unit;
};

struct settling {
    const struct appeal_letter *letter;
    uint8_t case_id[CASE_LEN];
    bool is_overturned;
    int64_t seq; /* of the decision at the platform; 0: it did not say */
    const char *reason;
    const char *note;
    struct officer officers[2]; /* who proposed, who decided */
};

/* --- reading --- */

static enum phi_err open_part(const struct appeal_letter *l, const struct phi_json_at *part,
                              struct phi_json_at *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    const struct phi_letter letter = {
        .topic = l->topic, .context = DISPUTE_DOWN, .member = "sealed"};
    PHI_GUARD(phi_letter_open(&letter, part, l->key, l->arena, &plain, error));
    PHI_GUARD(phi_json_read(plain, DEPTH_MAX, l->arena, out, error));
out:
    return err;
}

static enum phi_err read_officer(const struct appeal_letter *l, const struct phi_json_at *said,
                                 struct officer *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(l->service);
    struct phi_json_at at;
    struct phi_person person;
    PHI_GUARD(phi_json_hex(said, "officer", out->digest, PHI_SM3_LEN, error));
    PHI_GUARD(phi_json_word(said, "unit", CASE_WORD_MAX, &out->unit, error));
    PHI_GUARD(phi_json_object(said, "person", &at, error));
    PHI_GUARD(phi_mandate_read_person(&at, &person, error));
    PHI_GUARD(phi_subject_index(correction->index_key, &person, out->subject));
out:
    return err;
}

static enum phi_err read(struct settling *s, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const decisions[] = {"uphold", "overturn"};
    const struct appeal_letter *l = s->letter;
    struct phi_json_at first, said;
    size_t decision = 0;
    PHI_GUARD(phi_json_hex(l->root, "caseId", s->case_id, CASE_LEN, error));
    PHI_GUARD(phi_json_enum(l->root, "decision", decisions, 2, &decision, error));
    PHI_GUARD(phi_json_word(l->root, "reason", CASE_WORD_MAX, &s->reason, error));
    PHI_GUARD(phi_json_int_opt(l->root, "seq", 1, SEQ_MAX, 0, &s->seq, error));
    PHI_GUARD(phi_json_object(l->root, "first", &first, error));
    PHI_GUARD(open_part(l, &first, &said, error));
    PHI_GUARD(read_officer(l, &said, &s->officers[0], error));
    PHI_GUARD(phi_json_lines_opt(&said, "note", 1, CASE_TEXT_MAX, NULL, &s->note, error));
    PHI_GUARD(open_part(l, l->root, &said, error));
    PHI_GUARD(read_officer(l, &said, &s->officers[1], error));
    PHI_GUARD(phi_json_lines_opt(&said, "note", 1, CASE_TEXT_MAX, s->note, &s->note, error));
    s->is_overturned = decision == 1;
out:
    return err;
}

/* --- who may have decided --- */

static enum phi_err check_officer(struct phi_conn *conn, const struct case_now *now,
                                  const struct officer *officer, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    bool is_filer = false;
    const struct phi_param params[] = {PHI_BYTES_OF(now->case_id, CASE_LEN),
                                       PHI_BYTES_OF(officer->digest, PHI_SM3_LEN),
                                       PHI_TEXT(officer->unit)};
    if (memcmp(officer->subject, now->subject, PHI_SUBJECT_LEN) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "officer",
                             "nobody decides about themselves");
    PHI_GUARD(filer_is_of(conn, now->subject, officer->subject, &is_filer, error));
    if (is_filer)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "officer",
                             "who filed for somebody does not decide about them");
    PHI_GUARD(phi_conn_exec(conn, "appeal_earlier",
                            "SELECT 1 FROM steps WHERE case_id = $1 AND (actor = $2 OR unit = $3) "
                            "LIMIT 1",
                            params, 3, &rows, error));
    if (phi_rows_count(rows) > 0)
        err = phi_error_set(error, PHI_ERR_FORBIDDEN, "officer",
                            "who had a part in the case does not decide its appeal");
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err check(const struct settling *s, struct phi_conn *conn,
                          const struct case_now *now, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct officer *a = &s->officers[0], *b = &s->officers[1];
    if (memcmp(a->digest, b->digest, PHI_SM3_LEN) == 0 ||
        memcmp(a->subject, b->subject, PHI_SUBJECT_LEN) == 0 || strcmp(a->unit, b->unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "officer", "not two officers of two units");
    for (size_t i = 0; i < 2; i++)
        PHI_GUARD(check_officer(conn, now, &s->officers[i], error));
out:
    return err;
}

/* --- carrying out --- */

static enum phi_err keep(struct phi_api_call *call, const struct settling *s,
                         const struct case_now *now, int64_t version)
{
    enum phi_err err = PHI_OK;
    const struct officer *a = &s->officers[0], *b = &s->officers[1];
    const struct phi_param decision[] = {PHI_BYTES_OF(now->case_id, CASE_LEN),
                                         PHI_I64(version),
                                         PHI_TEXT(now->outcome),
                                         PHI_BYTES_OF(b->digest, PHI_SM3_LEN),
                                         PHI_TEXT(b->unit),
                                         PHI_BYTES_OF(a->digest, PHI_SM3_LEN),
                                         PHI_TEXT(a->unit),
                                         PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, TABLE_DECISIONS, decision, sizeof(decision) / sizeof(decision[0])));
out:
    return err;
}

/* Only of a record is it known what overturning means: it doesn't count. Other matters go back to
 * their source, to be decided anew. */
static enum phi_err carry_out(struct phi_api_call *call, const struct settling *s,
                              struct case_now *now, const struct phi_person_key *key,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t version = phi_api_now_us(call);
    bool is_back = s->is_overturned && now->matter_kind != MATTER_FACT;
    const struct outcome outcome = {.is = OUTCOME_RETRACT, .fact = now->fact};
    const struct move_rows rows = {.first = phi_view_of(s->officers[0].digest, PHI_SM3_LEN),
                                   .first_unit = s->officers[0].unit};
    struct case_deed deed = {.act = is_back            ? ACT_REOPEN
                                    : s->is_overturned ? ACT_OVERTURN
                                                       : ACT_UPHOLD,
                             .reason = s->reason,
                             .note = s->note,
                             .actor = phi_view_of(s->officers[1].digest, PHI_SM3_LEN),
                             .unit = s->officers[1].unit};
    const struct phi_param closed[] = {PHI_BYTES_OF(now->matter, PHI_SM3_LEN)};
    if (is_back)
        return case_do(call, now, key, &deed, error);
    now->outcome = s->is_overturned ? matter_outcomes[OUTCOME_RETRACT] : now->outcome;
    now->reason = s->reason;
    deed.decision_version = version;
    deed.rows = &rows;
    PHI_GUARD(keep(call, s, now, version));
    PHI_GUARD(case_do(call, now, key, &deed, error));
    PHI_GUARD(phi_api_row(call, TABLE_MATTERS_CLOSED, closed, 1));
    if (s->is_overturned)
        PHI_GUARD(outcome_tell_directory(call, now, &outcome, version));
out:
    return err;
}

/* Carried out before: then nothing is left to do. */
static enum phi_err settle(struct phi_api_call *call, void *context, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct settling *s = context;
    struct case_now now = {.seq = 0};
    struct phi_person_key key;
    struct phi_conn *conn = NULL;
    memcpy(now.case_id, s->case_id, CASE_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(case_read(call, conn, &now, &key, error));
    if (now.state != STATE_APPEALED)
        goto out;
    PHI_GUARD(check(s, conn, &now, error));
    PHI_GUARD(carry_out(call, s, &now, &key, error));
out:
    phi_store_release(conn);
    return err;
}

static enum phi_err answer(const struct settling *s, enum phi_err refusal,
                           const struct phi_error *why)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    char id[2 * CASE_LEN + 1];
    phi_hex_encode(phi_view_of(s->case_id, CASE_LEN), id);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "appeal-answer", "caseId", id, "result",
                  refusal == PHI_OK ? "carried-out" : "returned", "code",
                  phi_err_return_code(refusal), "text", refusal == PHI_OK ? "" : why->text);
    PHI_GUARD(phi_json_keep(s->letter->arena, json));
    if (s->seq > 0)
        PHI_GUARD(json_object_set_new(json, "seq", json_integer(s->seq)) == 0 ? PHI_OK
                                                                              : PHI_ERR_MEMORY);
    PHI_GUARD(handed_say(s->letter->service, s->letter->tx, "cn.phi.appeal.answered", json,
                         s->letter->arena, &error));
out:
    return err;
}

enum phi_err appeal_take_decision(const struct appeal_letter *letter, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct settling s = {.letter = letter};
    bool is_refused = false;
    PHI_GUARD(read(&s, error));
    const struct phi_registry_staff staff = {.unit = s.officers[1].unit};
    const struct phi_api_errand errand = {.who = {.is_staff = true, .staff = &staff},
                                          .deadline = phi_deadline_in_ms(SETTLE_MS),
                                          .handle = settle,
                                          .context = &s};
    err = phi_api_do(letter->service, &errand, letter->arena, &is_refused, error);
    if (err != PHI_OK && (!is_refused || phi_err_is_retryable(err) || err == PHI_ERR_MEMORY))
        return phi_err_is_retryable(err) || err == PHI_ERR_MEMORY ? err : PHI_ERR_STORE;
    err = answer(&s, err, error);
out:
    return err;
}
