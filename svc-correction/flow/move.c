#include "svc-correction/flow/move.h"

#include "bus/signed.h"
#include "crypto/random.h"
#include "json/canonical.h"
#include "svc-correction/restore/kept.h"

#include <string.h>

/* --- the chain --- */

enum phi_err move_link_bytes(const struct move_link *link, struct phi_arena *arena,
                             struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    char id[2 * CASE_LEN + 1], actor[2 * PHI_SM3_LEN + 1] = "", note[2 * PHI_SM3_LEN + 1] = "";
    char at[PHI_RFC3339_MAX], content[2 * PHI_SM3_LEN + 1] = "";
    phi_hex_encode(phi_view_of(link->case_id, CASE_LEN), id);
    phi_hex_encode(link->actor, actor);
    phi_hex_encode(link->note_digest, note);
    phi_hex_encode(link->content_digest, content);
    phi_rfc3339_format(link->at_us, at);
    json_t *json = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s*}", "caseId",
                             id, "seq", (json_int_t)link->seq, "at", at, "step", link->step,
                             "state", link->state, "outcome", link->outcome, "reason", link->reason,
                             "unit", link->unit, "actor", actor, "noteDigest", note,
                             "contentDigest", link->content_digest.len > 0 ? content : NULL);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, out));
out:
    return err;
}

static enum phi_err make_link(struct move *m, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    if (m->act->note.len > 0)
        PHI_GUARD(phi_sm3(m->act->note, m->note_digest));
    m->content_digest = m->act->content_digest;
    if (m->act->content.len > 0) {
        PHI_GUARD(phi_sm3(m->act->content, m->content_made));
        m->content_digest = phi_view_of(m->content_made, PHI_CHAIN_LEN);
    }
    const struct move_link link = {
        .case_id = m->now->case_id,
        .seq = m->seq,
        .at_us = m->at_us,
        .step = m->act->step,
        .state = step_state_name(m->act->to),
        .outcome = m->act->outcome,
        .reason = m->act->reason,
        .unit = m->act->unit,
        .actor = m->act->actor,
        .note_digest = phi_view_of(m->note_digest, m->act->note.len > 0 ? PHI_CHAIN_LEN : 0),
        .content_digest = m->content_digest};
    PHI_GUARD(move_link_bytes(&link, arena, &bytes));
    PHI_GUARD(phi_random_bytes(m->salt, sizeof(m->salt)));
    PHI_GUARD(phi_chain_digest(m->salt, bytes, m->digest));
    PHI_GUARD(phi_chain_next(m->now->head, m->digest, m->head));
out:
    return err;
}

/* --- the event --- */

/* All that the link is made of, so that the chain can be computed of the topic alone. */
static json_t *event_of(const struct move *m)
{
    char id[2 * CASE_LEN + 1], at[PHI_RFC3339_MAX], texts[6][2 * PHI_SM3_LEN + 1] = {{0}};
    const struct phi_view bytes[] = {
        m->act->actor,
        phi_view_of(m->note_digest, m->act->note.len > 0 ? PHI_CHAIN_LEN : 0),
        phi_view_of(m->salt, PHI_CHAIN_SALT_LEN),
        phi_view_of(m->digest, PHI_CHAIN_LEN),
        phi_view_of(m->head, PHI_CHAIN_LEN),
        m->content_digest};
    for (size_t i = 0; i < 6; i++)
        phi_hex_encode(bytes[i], texts[i]);
    phi_hex_encode(phi_view_of(m->now->case_id, CASE_LEN), id);
    phi_rfc3339_format(m->at_us, at);
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, "
                     "s:s*, s:s*}",
                     "caseId", id, "seq", (json_int_t)m->seq, "step", m->act->step, "state",
                     step_state_name(m->act->to), "at", at, "region", m->now->fact.region, "source",
                     m->now->fact.source, "outcome", m->act->outcome, "reason", m->act->reason,
                     "unit", m->act->unit, "actor", texts[0], "noteDigest", texts[1], "salt",
                     texts[2], "digest", texts[3], "head", texts[4], "sealed", m->act->told,
                     "contentDigest", m->content_digest.len > 0 ? texts[5] : NULL);
}

static enum phi_err make_event(struct move *m, const struct correction *correction,
                               struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    const char *kept = NULL;
    json_t *json = event_of(m);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(kept_seal(correction, m, arena, &kept));
    PHI_GUARD(json_object_set_new(json, "kept", json_string(kept)) != 0 ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(json, arena, &m->event));
out:
    return err;
}

enum phi_err move_sign(const struct move *move, const struct correction *correction,
                       struct phi_arena *arena, struct phi_event *event)
{
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    event->value = move->event;
    return phi_signed_add(event, &signer, (uint64_t)move->seq, arena);
}

/* --- the move --- */

/* What leaves the case where it is neither pushes it down the queue nor takes its levels back. */
static bool stays(const struct case_now *now, const struct move_act *act)
{
    return now->seq > 0 && act->to == now->state && !act->is_escalation;
}

static int64_t due_of(const struct move *m, const struct calendar *calendar)
{
    if (stays(m->now, m->act))
        return m->now->due_us;
    bool is_enough = m->act->is_escalation && m->level >= MOVE_LEVEL_MAX;
    return is_enough ? INT64_MAX : step_due(m->act->to, calendar, m->at_us);
}

enum phi_err move_make(const struct case_now *now, const struct move_act *act,
                       const struct correction *correction, int64_t at_us, struct phi_arena *arena,
                       struct move *out)
{
    enum phi_err err = PHI_OK;
    *out = (struct move){.now = now,
                         .act = act,
                         .at_us = at_us,
                         .seq = now->seq + 1,
                         .level = act->is_escalation ? now->level + 1
                                  : stays(now, act)  ? now->level
                                                     : 0};
    out->due_us = due_of(out, correction->calendar);
    PHI_GUARD(make_link(out, arena));
    PHI_GUARD(make_event(out, correction, arena));
out:
    return err;
}

static struct phi_param bytes_or_null(struct phi_view view)
{
    return view.len == 0 ? PHI_NULL : PHI_BYTES(view);
}

void move_step_row(const struct move *m, struct phi_param row[MOVE_STEP_COLUMNS])
{
    const struct phi_param params[MOVE_STEP_COLUMNS] = {
        PHI_BYTES_OF(m->now->case_id, CASE_LEN),
        PHI_I64(m->seq),
        PHI_I64(m->at_us),
        PHI_TEXT(m->act->step),
        PHI_TEXT(step_state_name(m->act->to)),
        PHI_TEXT(m->act->outcome),
        PHI_TEXT(m->act->reason),
        PHI_TEXT(m->act->unit),
        bytes_or_null(m->act->actor),
        bytes_or_null(m->act->note),
        bytes_or_null(phi_view_of(m->note_digest, m->act->note.len > 0 ? PHI_CHAIN_LEN : 0)),
        PHI_BYTES_OF(m->salt, PHI_CHAIN_SALT_LEN),
        PHI_BYTES_OF(m->digest, PHI_CHAIN_LEN),
        PHI_BYTES_OF(m->head, PHI_CHAIN_LEN),
        bytes_or_null(m->act->content),
        bytes_or_null(m->content_digest),
    };
    memcpy(row, params, sizeof(params));
}

/* What was proposed, and by whom, stays known until the case goes back to its source. */
void move_take(const struct move *m, struct case_now *now)
{
    now->seq = m->seq;
    memcpy(now->head, m->head, sizeof(now->head));
    now->level = m->level;
    now->due_us = m->due_us;
    if (m->act->to == STATE_PROPOSED && now->state != STATE_PROPOSED) {
        now->officer = m->act->actor;
        now->unit = m->act->unit;
        now->outcome = m->act->outcome;
        now->reason = m->act->reason;
    } else if (m->act->to == STATE_ASSIGNED) {
        now->officer = phi_view_of(NULL, 0);
        now->unit = now->outcome = now->reason = "";
    }
    now->state = m->act->to;
}

void move_case_row(const struct move *m, struct phi_param row[MOVE_CASE_COLUMNS])
{
    struct case_now then = *m->now;
    bool is_decision = m->act->decision_version != 0;
    move_take(m, &then);
    const struct phi_param params[MOVE_CASE_COLUMNS] = {
        PHI_BYTES_OF(m->now->case_id, CASE_LEN),
        PHI_TEXT(step_state_name(m->act->to)),
        PHI_I64(m->seq),
        PHI_BYTES_OF(m->head, PHI_CHAIN_LEN),
        PHI_I64(m->due_us),
        PHI_I64(m->level),
        PHI_TEXT(then.outcome),
        PHI_TEXT(then.reason),
        bytes_or_null(then.officer),
        PHI_TEXT(then.unit),
        PHI_I64(m->act->decision_version),
        PHI_I64(is_decision ? m->at_us : 0),
    };
    memcpy(row, params, sizeof(params));
}
