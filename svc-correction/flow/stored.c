#include "svc-correction/flow/stored.h"

#include "bus/event_row.h"

#include <string.h>

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
                            "= $6, outcome = $7, reason = $8, proposer = $9, proposer_unit = $10 "
                            "WHERE case_id = $1",
                            row, 10, NULL, error));
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

enum phi_err stored_move(struct phi_service *service, struct phi_conn *tx, struct case_now *now,
                         const struct move_act *act, struct phi_arena *arena, bool *is_ours,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct move move;
    PHI_GUARD(move_make(now, act, phi_service_state(service),
                        phi_clock_now_us(phi_service_clock(service)), arena, &move));
    PHI_GUARD(keep(tx, &move, is_ours, error));
    if (!*is_ours)
        goto out;
    PHI_GUARD(tell(service, tx, &move, arena, error));
    move_take(&move, now);
out:
    return err;
}
