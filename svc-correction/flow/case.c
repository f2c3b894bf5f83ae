#include "svc-correction/flow/case.h"

#include "svc-correction/entry/filer.h"
#include "svc-correction/flow/stored.h"

#include <string.h>

/* --- finding --- */

/* What the rows hold, for as long as the call. */
static bool copy(struct phi_arena *arena, const char **text)
{
    *text = phi_arena_text(arena, phi_view_text(*text));
    return *text != NULL;
}

static enum phi_err take(struct phi_api_call *call, const struct phi_rows *rows,
                         struct case_now *out)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    PHI_GUARD(stored_take(rows, 0, out));
    const char **texts[] = {&out->fact.region,
                            &out->fact.source,
                            &out->fact.institution,
                            &out->fact.record_no,
                            &out->outcome,
                            &out->reason,
                            &out->unit};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        PHI_GUARD(copy(arena, texts[i]) ? PHI_OK : PHI_ERR_MEMORY);
    if (out->officer.len == 0)
        goto out;
    out->officer = phi_arena_view(arena, out->officer);
    PHI_GUARD(out->officer.data == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

enum phi_err case_read(struct phi_api_call *call, struct phi_conn *conn, struct case_now *out,
                       struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(out->case_id, CASE_LEN);
    PHI_GUARD(phi_conn_exec(conn, "case_read",
                            "SELECT " STORED_COLUMNS " FROM cases WHERE case_id = $1", &id, 1,
                            &rows, error));
    if (phi_rows_count(rows) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such case"));
    PHI_GUARD(take(call, rows, out));
    PHI_GUARD(case_key_find(call, conn, out->subject, key, error));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err case_find(struct phi_api_call *call, struct case_now *out, struct phi_person_key *key,
                       struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    *out = (struct case_now){.seq = 0};
    PHI_GUARD(case_id_of(call, out->case_id, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(case_read(call, conn, out, key, error));
out:
    phi_store_release(conn);
    return err;
}

/* --- who --- */

bool case_is_officers(const struct phi_identity *who, const char *region, const char *source)
{
    static const char prefix[] = "source.";
    const char *name =
        strncmp(source, prefix, strlen(prefix)) == 0 ? source + strlen(prefix) : source;
    const struct phi_registry_staff *staff = who->staff;
    return who->is_staff && staff != NULL && phi_words_has(&staff->roles, "decide") &&
           phi_words_has(&staff->regions, region) && phi_words_has(&staff->sources, name);
}

/* Nor about whom they have acted for, in this case or another one. */
static enum phi_err check_not_filer(struct phi_api_call *call, const struct case_now *now,
                                    const uint8_t *officer, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    bool is_filer = false;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(filer_is_of(conn, now->subject, officer, &is_filer, error));
    if (is_filer)
        err = phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                            "who filed for somebody does not decide about them");
out:
    phi_store_release(conn);
    return err;
}

/* A staff token names its person, so that nobody decides about themselves. */
enum phi_err case_check_officer(struct phi_api_call *call, const struct case_now *now,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t officer[PHI_SUBJECT_LEN];
    const struct phi_identity *who = phi_api_who(call);
    if (!case_is_officers(who, now->fact.region, now->fact.source))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer of this source and region");
    if (!who->has_person)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the token does not name its person");
    PHI_GUARD(correction_subject(call, officer));
    if (memcmp(officer, now->subject, PHI_SUBJECT_LEN) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "nobody decides about themselves");
    PHI_GUARD(check_not_filer(call, now, officer, error));
out:
    return err;
}

enum phi_err case_check_own(struct phi_api_call *call, struct case_now *now,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    uint8_t who[PHI_SUBJECT_LEN];
    PHI_GUARD(correction_subject(call, who));
    if (memcmp(who, now->subject, PHI_SUBJECT_LEN) == 0)
        return PHI_OK;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(filer_find(conn, now->case_id, who, phi_api_now_us(call), &now->acting, error));
    if (now->acting == NULL)
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such case");
out:
    phi_store_release(conn);
    return err;
}

enum phi_err case_check_uncorrected(struct phi_conn *conn, const struct case_now *now,
                                    const struct case_fact *fact, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(now->subject, PHI_SUBJECT_LEN),
                                       PHI_TEXT(fact->record_no),
                                       PHI_TEXT(fact->region),
                                       PHI_TEXT(fact->source),
                                       PHI_TEXT(fact->institution),
                                       PHI_BYTES_OF(now->case_id, CASE_LEN)};
    PHI_GUARD(phi_conn_exec(conn, "case_corrected",
                            "SELECT outcome FROM cases WHERE subject = $1 AND record_no = $2 AND "
                            "outcome IN ('retract', 'amend') AND region = $3 AND source = $4 AND "
                            "institution = $5 AND case_id <> $6 AND state IN ('decided', "
                            "'applied', 'told') UNION ALL SELECT 'batch' FROM batch_records WHERE "
                            "subject = $1 AND record_no = $2 AND source = $4 AND institution = $5 "
                            "AND NOT waits LIMIT 1",
                            params, 6, &rows, error));
    if (phi_rows_count(rows) > 0)
        err = phi_error_set(error, PHI_ERR_STATE, "fact", "%s has corrected it already",
                            strcmp(phi_rows_text(rows, 0, 0), "batch") == 0
                                ? "the retraction of its batch"
                                : "another case");
out:
    phi_rows_free(rows);
    return err;
}

/* --- moving --- */

static enum phi_err keep(struct phi_api_call *call, const struct move *move)
{
    enum phi_err err = PHI_OK;
    struct phi_param step[MOVE_STEP_COLUMNS];
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "correction.step"),
                              .type = "cn.phi.correction.step",
                              .key = phi_view_of(move->now->subject, PHI_SUBJECT_LEN)};
    move_step_row(move, step);
    PHI_GUARD(move_sign(move, correction_of(call), phi_api_arena(call), &event));
    PHI_GUARD(phi_api_row(call, TABLE_STEPS, step, MOVE_STEP_COLUMNS));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

static enum phi_err make(struct phi_api_call *call, struct case_now *now,
                         const struct move_act *act, struct move *move)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(
        move_make(now, act, correction_of(call), phi_api_now_us(call), phi_api_arena(call), move));
    PHI_GUARD(keep(call, move));
out:
    return err;
}

/* The digest of who acts; a citizen is named by the case already, who acts for them is not. */
static enum phi_err name_actor(struct phi_api_call *call, const struct case_now *now,
                               struct move_act *act)
{
    enum phi_err err = PHI_OK;
    const struct phi_identity *who = phi_api_who(call);
    if (!who->is_staff && now->acting == NULL)
        return PHI_OK;
    uint8_t *digest = phi_arena_alloc(phi_api_arena(call), PHI_SM3_LEN);
    PHI_GUARD(digest == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_api_who_digest(call, digest));
    act->actor = phi_view_of(digest, PHI_SM3_LEN);
    act->unit = who->is_staff ? who->staff->unit : now->acting;
out:
    return err;
}

static enum phi_err write_text(struct phi_api_call *call, const struct phi_person_key *key,
                               const char *text, struct move_act *act)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(case_seal(call, key, CASE_NOTE, text, &act->note));
    PHI_GUARD(case_seal_told(call, key, text, &act->told));
out:
    return err;
}

static enum phi_err write_content(struct phi_api_call *call, const struct phi_person_key *key,
                                  const char *text, struct move_act *act)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(case_seal(call, key, CASE_CONTENT, text, &act->content));
    act->content_is_told = phi_person_key_is_kept(key);
out:
    return err;
}

enum phi_err case_do(struct phi_api_call *call, struct case_now *now,
                     const struct phi_person_key *key, const struct case_deed *deed,
                     struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct move move;
    struct phi_param row[MOVE_CASE_COLUMNS];
    const struct step_row *way = step_find(now->state, deed->act);
    if (way == NULL)
        return phi_error_set(error, PHI_ERR_STATE, "id", "the case is %s",
                             step_state_name(now->state));
    struct move_act act = {.step = step_act_name(deed->act),
                           .to = way->to,
                           .outcome = deed->outcome == NULL ? now->outcome : deed->outcome,
                           .reason = deed->reason == NULL ? now->reason : deed->reason,
                           .unit = "",
                           .content_digest = deed->content_digest,
                           .decision_version = deed->decision_version,
                           .rows = deed->rows};
    if (deed->actor.len > 0) {
        act.actor = deed->actor;
        act.unit = deed->unit;
    } else {
        PHI_GUARD(name_actor(call, now, &act));
    }
    PHI_GUARD(write_text(call, key, deed->note, &act));
    PHI_GUARD(write_content(call, key, deed->content, &act));
    PHI_GUARD(make(call, now, &act, &move));
    move_case_row(&move, row);
    PHI_GUARD(phi_api_row(call, TABLE_CASES_MOVED, row, MOVE_CASE_COLUMNS));
    move_take(&move, now);
out:
    return err;
}

/* --- a new case --- */

static enum phi_err add_case(struct phi_api_call *call, const struct case_now *now, int64_t due_us)
{
    const struct phi_param row[] = {PHI_BYTES_OF(now->case_id, CASE_LEN),
                                    PHI_BYTES_OF(now->subject, PHI_SUBJECT_LEN),
                                    PHI_I64(PHI_SUBJECT_KEY_VERSION),
                                    PHI_BYTES_OF(now->matter, PHI_SM3_LEN),
                                    PHI_TEXT(now->fact.region),
                                    PHI_TEXT(now->fact.source),
                                    PHI_TEXT(now->fact.institution),
                                    PHI_TEXT(now->fact.record_no),
                                    PHI_TEXT(step_state_name(now->state)),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_I64(now->seq),
                                    PHI_BYTES_OF(now->head, PHI_CHAIN_LEN),
                                    PHI_I64(due_us),
                                    PHI_TEXT(matter_names[now->matter_kind])};
    return phi_api_row(call, TABLE_CASES, row, sizeof(row) / sizeof(row[0]));
}

enum phi_err case_begin(struct phi_api_call *call, struct case_now *now,
                        const struct phi_person_key *key, const char *statement,
                        const struct move_rows *rows)
{
    enum phi_err err = PHI_OK;
    struct move move;
    struct move_act act = {.step = "received",
                           .to = STATE_RECEIVED,
                           .outcome = "",
                           .reason = "",
                           .unit = "",
                           .rows = rows};
    now->outcome = now->reason = now->unit = "";
    PHI_GUARD(name_actor(call, now, &act));
    PHI_GUARD(write_text(call, key, statement, &act));
    PHI_GUARD(make(call, now, &act, &move));
    move_take(&move, now);
    act = (struct move_act){.step = step_act_name(ACT_ASSIGN),
                            .to = STATE_ASSIGNED,
                            .outcome = "",
                            .reason = "",
                            .unit = ""};
    PHI_GUARD(make(call, now, &act, &move));
    move_take(&move, now);
    PHI_GUARD(add_case(call, now, move.due_us));
out:
    return err;
}
