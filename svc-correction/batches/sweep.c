/* A citizen's open case about a record that a batch has retracted ends with the batch: nobody could
 * decide it any more. */
#include "svc-correction/batches/batches.h"

#include "base/text.h"
#include "person/replay.h"
#include "svc-correction/flow/stored.h"
#include "svc-correction/texts.h"

#include <stdio.h>
#include <string.h>

#define ACQUIRE_MS 2000
#define ARENA_MAX  (4 * 1024 * 1024)
#define TRIES_MAX  5
/* Past any request that was read before the record counted: what it filed is there by then. */
#define AGAIN_US (60 * 1000000LL)
/* How long the batch's own case is waited for: then there is none. */
#define PATIENCE_US (3600 * 1000000LL)

struct sweep {
    struct phi_service *service;
    struct phi_conn *tx;
    struct phi_arena *arena;
    struct phi_error *error;
};

/* By which decision the case ends. */
struct verdict {
    struct phi_view batch_id;
    int64_t version;
    const char *reason;
    struct phi_view officer;
    const char *unit;
};

enum { AT_BATCH, AT_VERSION, AT_REASON, AT_OFFICER, AT_UNIT, AT_CASE };

#define OPEN_STATES "('received', 'assigned', 'evidence-asked', 'proposed')"
#define SWEEP_SQL(swept, next, past)                                                               \
    "WITH s AS (SELECT batch_id, subject, source, institution, record_no, version FROM "           \
    "batch_records r WHERE swept = " swept " AND NOT waits AND at_us <= " past                     \
    " AND (at_us < $4 OR EXISTS (SELECT 1 FROM cases b WHERE b.case_id = r.batch_id AND "          \
    "b.decision_version > 0)) ORDER BY at_us LIMIT $5 FOR UPDATE SKIP LOCKED), m AS (UPDATE "      \
    "batch_records r SET swept = " next                                                            \
    " FROM s WHERE r.batch_id = s.batch_id AND r.subject = s.subject AND r.record_no = "           \
    "s.record_no AND $2 >= $3) SELECT s.batch_id, s.version, b.reason, d.officer, d.unit, "        \
    "c.case_id FROM s LEFT JOIN cases b ON b.case_id = s.batch_id LEFT JOIN decisions d ON "       \
    "d.case_id = s.batch_id AND d.decision_version = s.version LEFT JOIN cases c ON c.subject = "  \
    "s.subject AND c.record_no = s.record_no AND c.region = $1 AND c.source = s.source AND "       \
    "c.institution = s.institution AND c.matter_kind = 'fact' AND c.state IN " OPEN_STATES         \
    " ORDER BY c.case_id"

/* --- one case --- */

static enum phi_err write_content(const struct sweep *s, const struct verdict *v,
                                  const uint8_t *subject, struct move_act *act)
{
    enum phi_err err = PHI_OK;
    char id[2 * CASE_LEN + 1], text[64];
    struct phi_person_key key;
    const struct correction *correction = phi_service_state(s->service);
    phi_hex_encode(v->batch_id, id);
    snprintf(text, sizeof(text), "{\"batchId\":\"%s\"}", id);
    PHI_GUARD(phi_person_keys_find(s->tx, subject, s->arena, &key, s->error));
    PHI_GUARD(text_seal(correction->health_key, &key, CASE_CONTENT, text, s->arena, &act->content));
    act->content_is_told = phi_person_key_is_kept(&key);
out:
    return err;
}

static enum phi_err keep(const struct sweep *s, const struct verdict *v, const struct case_now *now)
{
    enum phi_err err = PHI_OK;
    static const uint8_t nobody[PHI_SM3_LEN];
    const struct phi_param row[] = {PHI_BYTES_OF(now->case_id, CASE_LEN),
                                    PHI_I64(v->version),
                                    PHI_TEXT(now->outcome),
                                    v->officer.len > 0 ? PHI_BYTES(v->officer)
                                                       : PHI_BYTES_OF(nobody, PHI_SM3_LEN),
                                    PHI_TEXT(v->unit),
                                    now->officer.len == 0 ? PHI_NULL : PHI_BYTES(now->officer),
                                    PHI_TEXT(now->unit)};
    const struct phi_param matter[] = {PHI_BYTES_OF(now->matter, PHI_SM3_LEN),
                                       PHI_BYTES_OF(now->case_id, CASE_LEN)};
    PHI_GUARD(phi_conn_exec(s->tx, "sweep_decision",
                            "INSERT INTO decisions (case_id, decision_version, decision, officer, "
                            "unit, proposer, proposer_unit, decided_us) SELECT $1, $2, $3, $4, $5, "
                            "$6, $7, decided_us FROM cases WHERE case_id = $1 ON CONFLICT DO "
                            "NOTHING",
                            row, sizeof(row) / sizeof(row[0]), NULL, s->error));
    PHI_GUARD(phi_conn_exec(s->tx, "sweep_matter",
                            "DELETE FROM open_matters WHERE matter = $1 AND case_id = $2", matter,
                            2, NULL, s->error));
out:
    return err;
}

static enum phi_err end_now(const struct sweep *s, const struct verdict *v, struct case_now *now,
                            bool *is_ours)
{
    enum phi_err err = PHI_OK;
    bool is_done = false;
    const struct step_row *way = step_find(now->state, ACT_BATCH);
    *is_ours = true;
    if (way == NULL)
        goto out;
    now->outcome = matter_outcomes[OUTCOME_RETRACT];
    now->reason = v->reason;
    struct move_act act = {.step = step_act_name(ACT_BATCH),
                           .to = way->to,
                           .outcome = now->outcome,
                           .reason = now->reason,
                           .actor = v->officer,
                           .unit = v->unit,
                           .decision_version = v->version};
    PHI_GUARD(write_content(s, v, now->subject, &act));
    PHI_GUARD(stored_move(s->service, s->tx, now, &act, s->arena, is_ours, s->error));
    if (!*is_ours)
        goto out;
    PHI_GUARD(keep(s, v, now));
    PHI_GUARD(stored_act(s->service, s->tx, now, ACT_APPLY, s->arena, &is_done, s->error));
    PHI_GUARD(stored_act(s->service, s->tx, now, ACT_TELL, s->arena, &is_done, s->error));
out:
    return err;
}

static enum phi_err end_case(const struct sweep *s, const struct verdict *v,
                             struct phi_view case_id)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES(case_id);
    bool is_ours = false;
    for (int tries = 0; tries < TRIES_MAX && !is_ours; tries++) {
        struct case_now now = {.seq = 0};
        phi_rows_free(rows);
        rows = NULL;
        PHI_GUARD(phi_conn_exec(s->tx, "sweep_case",
                                "SELECT " STORED_COLUMNS " FROM cases WHERE case_id = $1", &id, 1,
                                &rows, s->error));
        PHI_GUARD(phi_rows_count(rows) == 1 ? PHI_OK : PHI_ERR_DATA_BROKEN);
        PHI_GUARD(stored_take(rows, 0, &now));
        PHI_GUARD(end_now(s, v, &now, &is_ours));
    }
    PHI_GUARD(is_ours ? PHI_OK : PHI_ERR_STORE);
out:
    phi_rows_free(rows);
    return err;
}

/* --- a look --- */

static enum phi_err look(const struct sweep *s, const char *name, const char *sql, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    int64_t now_us = phi_clock_now_us(phi_service_clock(s->service));
    const struct phi_param params[] = {PHI_TEXT(phi_service_region(s->service)), PHI_I64(now_us),
                                       PHI_I64(now_us - AGAIN_US), PHI_I64(now_us - PATIENCE_US),
                                       PHI_I64(BATCH_SWEEP_MAX)};
    PHI_GUARD(phi_conn_exec(s->tx, name, sql, params, 5, &rows, s->error));
    *count += phi_rows_count(rows);
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        if (phi_rows_is_null(rows, i, AT_CASE) || phi_rows_is_null(rows, i, AT_REASON))
            continue;
        const char *unit = phi_rows_text(rows, i, AT_UNIT);
        const struct verdict verdict = {.batch_id = phi_rows_bytes(rows, i, AT_BATCH),
                                        .version = phi_rows_i64(rows, i, AT_VERSION),
                                        .reason = phi_rows_text(rows, i, AT_REASON),
                                        .officer = phi_rows_bytes(rows, i, AT_OFFICER),
                                        .unit = unit == NULL ? "" : unit};
        PHI_GUARD(end_case(s, &verdict, phi_rows_bytes(rows, i, AT_CASE)));
    }
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err batch_sweep(struct phi_service *service, size_t *count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    struct sweep s = {.service = service, .error = error, .arena = phi_arena_new(ARENA_MAX)};
    *count = 0;
    PHI_GUARD(s.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (!phi_person_replay_is_done(correction->replay))
        goto out;
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &s.tx));
    PHI_GUARD(phi_conn_begin(s.tx, error));
    PHI_GUARD(look(&s, "sweep_first", SWEEP_SQL("0", "1", "$2"), count));
    PHI_GUARD(look(&s, "sweep_again", SWEEP_SQL("1", "2", "$3"), count));
    PHI_GUARD(phi_conn_commit(s.tx, error));
out:
    phi_store_release(s.tx);
    phi_arena_free(s.arena);
    return err;
}
