#include "svc-correction/flow/stored.h"

#include "bus/event_row.h"

#include <string.h>

#define TRIES_MAX 5

enum {
    AT_CASE,
    AT_SUBJECT,
    AT_MATTER,
    AT_REGION,
    AT_SOURCE,
    AT_INSTITUTION,
    AT_RECORD_NO,
    AT_STATE,
    AT_SEQ,
    AT_HEAD,
    AT_LEVEL,
    AT_OUTCOME,
    AT_REASON,
    AT_OFFICER,
    AT_UNIT,
    AT_MATTER_KIND,
    AT_DUE
};

static const char *text_or_none(const struct phi_rows *rows, size_t i, size_t column)
{
    const char *text = phi_rows_text(rows, i, column);
    return text == NULL ? "" : text;
}

enum phi_err stored_take(const struct phi_rows *rows, size_t i, struct case_now *out)
{
    memcpy(out->case_id, phi_rows_bytes(rows, i, AT_CASE).data, CASE_LEN);
    memcpy(out->subject, phi_rows_bytes(rows, i, AT_SUBJECT).data, PHI_SUBJECT_LEN);
    memcpy(out->matter, phi_rows_bytes(rows, i, AT_MATTER).data, PHI_SM3_LEN);
    memcpy(out->head, phi_rows_bytes(rows, i, AT_HEAD).data, PHI_CHAIN_LEN);
    out->fact = (struct case_fact){.region = phi_rows_text(rows, i, AT_REGION),
                                   .source = phi_rows_text(rows, i, AT_SOURCE),
                                   .institution = phi_rows_text(rows, i, AT_INSTITUTION),
                                   .record_no = phi_rows_text(rows, i, AT_RECORD_NO)};
    out->seq = phi_rows_i64(rows, i, AT_SEQ);
    out->level = phi_rows_i64(rows, i, AT_LEVEL);
    out->due_us = phi_rows_i64(rows, i, AT_DUE);
    out->outcome = text_or_none(rows, i, AT_OUTCOME);
    out->reason = text_or_none(rows, i, AT_REASON);
    out->officer = phi_rows_bytes(rows, i, AT_OFFICER);
    out->unit = text_or_none(rows, i, AT_UNIT);
    if (!matter_of(phi_view_text(phi_rows_text(rows, i, AT_MATTER_KIND)), &out->matter_kind))
        return PHI_ERR_DATA_BROKEN;
    return step_state_of(phi_view_text(phi_rows_text(rows, i, AT_STATE)), &out->state)
               ? PHI_OK
               : PHI_ERR_DATA_BROKEN;
}

static enum phi_err keep(struct phi_conn *tx, const struct move *move, bool *is_ours,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_param step[MOVE_STEP_COLUMNS], row[MOVE_CASE_COLUMNS];
    move_step_row(move, step);
    move_case_row(move, row);
    PHI_GUARD(phi_conn_exec(tx, "stored_step",
                            "INSERT INTO steps (case_id, seq, at_us, step, state, outcome, reason, "
                            "unit, actor, note_sealed, note_digest, salt, digest, head, "
                            "content_sealed, content_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, "
                            "$8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING",
                            step, MOVE_STEP_COLUMNS, &rows, error));
    *is_ours = phi_rows_affected(rows) == 1;
    if (!*is_ours)
        goto out;
    PHI_GUARD(phi_conn_exec(tx, "stored_case",
                            "UPDATE cases SET state = $2, seq = $3, head = $4, due_us = $5, level "
                            "= $6, outcome = $7, reason = $8, proposer = $9, proposer_unit = $10, "
                            "decision_version = GREATEST(decision_version, $11), decided_us = "
                            "GREATEST(decided_us, $12) WHERE case_id = $1",
                            row, MOVE_CASE_COLUMNS, NULL, error));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err tell(struct phi_service *service, struct phi_conn *tx, const struct move *move,
                         struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_event event = {.topic = phi_service_topic(service, "correction.step"),
                              .type = "cn.phi.correction.step",
                              .source = phi_service_source(service),
                              .time_us = move->at_us,
                              .key = phi_view_of(move->now->subject, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(move_sign(move, phi_service_state(service), arena, &event));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    return err;
}

static enum phi_err make(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                         const struct move *move, struct phi_arena *arena, bool *is_ours,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(keep(tx, move, is_ours, error));
    if (!*is_ours)
        goto out;
    PHI_GUARD(tell(service, tx, move, arena, error));
    move_take(move, now);
out:
    return err;
}

enum phi_err stored_move(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                         const struct move_act *act, struct phi_arena *arena, bool *is_ours,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct move move;
    PHI_GUARD(move_make(now, act, phi_service_state(service),
                        phi_clock_now_us(phi_service_clock(service)), arena, &move));
    PHI_GUARD(make(service, tx, now, &move, arena, is_ours, error));
out:
    return err;
}

/* --- opening --- */

static enum phi_err add_case(struct phi_conn *tx, const struct case_now *now, int64_t at_us,
                             bool *is_ours, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param row[] = {PHI_BYTES_OF(now->case_id, CASE_LEN),
                                    PHI_BYTES_OF(now->subject, PHI_SUBJECT_LEN),
                                    PHI_I64(PHI_SUBJECT_KEY_VERSION),
                                    PHI_BYTES_OF(now->matter, PHI_SM3_LEN),
                                    PHI_TEXT(now->fact.region),
                                    PHI_TEXT(now->fact.source),
                                    PHI_TEXT(now->fact.institution),
                                    PHI_TEXT(now->fact.record_no),
                                    PHI_TEXT(step_state_name(now->state)),
                                    PHI_I64(at_us),
                                    PHI_TEXT(matter_names[now->matter_kind])};
    PHI_GUARD(phi_conn_exec(tx, "stored_open",
                            "INSERT INTO cases (case_id, subject, subject_key, matter, region, "
                            "source, institution, record_no, state, opened_us, matter_kind, "
                            "statement_sealed, decision_version, decided_us) VALUES ($1, $2, $3, "
                            "$4, $5, $6, $7, $8, $9, $10, $11, '', 0, 0) ON CONFLICT DO NOTHING",
                            row, sizeof(row) / sizeof(row[0]), &rows, error));
    *is_ours = phi_rows_affected(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err stored_open(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                         const struct move_act *act, struct phi_arena *arena, bool *is_ours,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct move move;
    PHI_GUARD(move_make(now, act, phi_service_state(service),
                        phi_clock_now_us(phi_service_clock(service)), arena, &move));
    PHI_GUARD(add_case(tx, now, move.at_us, is_ours, error));
    if (*is_ours)
        PHI_GUARD(make(service, tx, now, &move, arena, is_ours, error));
out:
    return err;
}

/* --- the suite's own acts --- */

static enum phi_err act_once(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                             enum step_act act, struct phi_arena *arena, bool *is_done,
                             bool *is_ours, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_back = act == ACT_REOPEN;
    const struct step_row *way = step_find(now->state, act);
    *is_ours = true;
    if (way == NULL)
        goto out;
    const struct move_act move = {.step = step_act_name(act),
                                  .to = way->to,
                                  .outcome = is_back ? "" : now->outcome,
                                  .reason = is_back ? "" : now->reason,
                                  .unit = ""};
    PHI_GUARD(stored_move(service, tx, now, &move, arena, is_ours, error));
    *is_done = *is_ours;
out:
    return err;
}

static enum phi_err act_again(struct phi_service *service, struct phi_conn *tx,
                              const uint8_t *case_id, enum step_act act, struct phi_arena *arena,
                              bool *is_done, bool *is_ours, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct case_now now = {.seq = 0};
    const struct phi_param id = PHI_BYTES_OF(case_id, CASE_LEN);
    PHI_GUARD(phi_conn_exec(tx, "stored_read",
                            "SELECT " STORED_COLUMNS " FROM cases WHERE case_id = $1", &id, 1,
                            &rows, error));
    PHI_GUARD(phi_rows_count(rows) == 1 ? PHI_OK : PHI_ERR_DATA_BROKEN);
    PHI_GUARD(stored_take(rows, 0, &now));
    PHI_GUARD(act_once(service, tx, &now, act, arena, is_done, is_ours, error));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err stored_act(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                        enum step_act act, struct phi_arena *arena, bool *is_done,
                        struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_ours = false;
    *is_done = false;
    PHI_GUARD(act_once(service, tx, now, act, arena, is_done, &is_ours, error));
    for (int tries = 0; tries < TRIES_MAX && !is_ours; tries++)
        PHI_GUARD(act_again(service, tx, now->case_id, act, arena, is_done, &is_ours, error));
    if (!is_ours)
        err = phi_error_set(error, PHI_ERR_DEADLINE, "case", "moved all the time");
out:
    return err;
}

enum phi_err stored_awaits(struct phi_conn *conn, const uint8_t *case_id, bool *out,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(case_id, CASE_LEN);
    PHI_GUARD(phi_conn_exec(conn, "stored_awaits",
                            "SELECT 1 FROM cases WHERE case_id = $1 AND state = 'decided' AND "
                            "awaits_version = decision_version",
                            &id, 1, &rows, error));
    *out = phi_rows_count(rows) > 0;
out:
    phi_rows_free(rows);
    return err;
}
