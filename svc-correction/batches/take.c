/* What officers did about a bad batch, as svc-declare tells it: the steps of its case. */
#include "svc-correction/batches/batches.h"

#include "bus/dlq.h"
#include "json/json.h"
#include "svc-correction/flow/pins.h"
#include "svc-correction/flow/stored.h"

#include <string.h>

#define DEPTH_MAX   2
#define RECORDS_MAX (1LL << 40)

struct act {
    uint8_t batch_id[CASE_LEN];
    enum step_act is;
    struct case_fact fact;
    const char *reason;
    const char *unit;
    uint8_t officer[PHI_SM3_LEN];
    int64_t records;
    int64_t people;
    int64_t version;
};

struct taking {
    struct phi_service *service;
    struct phi_conn *tx;
    struct phi_arena *arena;
    struct phi_error *error;
    struct pins pins;
};

/* --- reading --- */

static enum phi_err read_step(const struct phi_json_at *root, struct act *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const enum step_act acts[] = {ACT_PROPOSE, ACT_DECIDE, ACT_REFUSE, ACT_WITHDRAW};
    const char *names[sizeof(acts) / sizeof(acts[0])];
    size_t which = 0;
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        names[i] = step_act_name(acts[i]);
    PHI_GUARD(phi_json_enum(root, "step", names, sizeof(acts) / sizeof(acts[0]), &which, error));
    out->is = acts[which];
out:
    return err;
}

static enum phi_err read_about(const struct taking *t, const struct phi_json_at *root,
                               struct act *out)
{
    enum phi_err err = PHI_OK;
    struct case_fact *fact = &out->fact;
    PHI_GUARD(phi_json_word(root, "region", 6, &fact->region, t->error));
    if (strcmp(fact->region, phi_service_region(t->service)) != 0)
        return phi_json_refuse(root, "region", PHI_ERR_FORBIDDEN, "another region", t->error);
    PHI_GUARD(phi_json_word(root, "source", CASE_WORD_MAX, &fact->source, t->error));
    PHI_GUARD(phi_json_word(root, "institution", CASE_WORD_MAX, &fact->institution, t->error));
    fact->record_no = "";
    PHI_GUARD(phi_json_word(root, "reason", CASE_WORD_MAX, &out->reason, t->error));
    PHI_GUARD(phi_json_int(root, "records", 0, RECORDS_MAX, &out->records, t->error));
    PHI_GUARD(phi_json_int(root, "people", 0, RECORDS_MAX, &out->people, t->error));
out:
    return err;
}

static enum phi_err read(const struct taking *t, const struct phi_msg *msg, struct act *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    uint64_t version = 0;
    PHI_GUARD(phi_signed_verify(msg, t->pins.keys, t->pins.count, &version, t->error));
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, t->arena, &root, t->error));
    PHI_GUARD(phi_json_hex(&root, "batchId", out->batch_id, CASE_LEN, t->error));
    bool is_own = phi_view_equal(msg->key, phi_view_of(out->batch_id, CASE_LEN));
    PHI_GUARD(is_own && version > 0 && version <= INT64_MAX ? PHI_OK : PHI_ERR_DATA_BROKEN);
    out->version = (int64_t)version;
    PHI_GUARD(read_step(&root, out, t->error));
    PHI_GUARD(read_about(t, &root, out));
    PHI_GUARD(phi_json_hex(&root, "officer", out->officer, PHI_SM3_LEN, t->error));
    PHI_GUARD(phi_json_word(&root, "unit", CASE_WORD_MAX, &out->unit, t->error));
out:
    return err;
}

/* --- acting --- */

/* Also locks the batch's row, against what svc-directory says of it meanwhile. */
static enum phi_err count(const struct taking *t, const struct act *act)
{
    const struct phi_param params[] = {PHI_BYTES_OF(act->batch_id, CASE_LEN), PHI_I64(act->records),
                                       PHI_I64(act->people)};
    return phi_conn_exec(t->tx, "batch_counted",
                         "INSERT INTO batches (batch_id, records, people) VALUES ($1, $2, $3) ON "
                         "CONFLICT (batch_id) DO UPDATE SET records = EXCLUDED.records, people = "
                         "EXCLUDED.people",
                         params, 3, NULL, t->error);
}

static enum phi_err open_case(const struct taking *t, const struct act *act, bool has_proposer,
                              struct case_now *now)
{
    enum phi_err err = PHI_OK;
    bool is_ours = false;
    const struct phi_view parts[] = {phi_view_text("batch\n"),
                                     phi_view_of(act->batch_id, CASE_LEN)};
    *now = (struct case_now){
        .matter_kind = MATTER_BATCH, .fact = act->fact, .outcome = "", .reason = "", .unit = ""};
    memcpy(now->case_id, act->batch_id, CASE_LEN);
    memcpy(now->subject, act->batch_id, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_sm3_parts(parts, 2, now->matter));
    const struct move_act move = {.step = step_act_name(ACT_PROPOSE),
                                  .to = STATE_PROPOSED,
                                  .outcome = matter_outcomes[OUTCOME_RETRACT],
                                  .reason = act->reason,
                                  .actor =
                                      phi_view_of(act->officer, has_proposer ? PHI_SM3_LEN : 0),
                                  .unit = has_proposer ? act->unit : ""};
    PHI_GUARD(stored_open(t->service, t->tx, now, &move, t->arena, &is_ours, t->error));
out:
    return err;
}

static enum phi_err keep_decision(const struct taking *t, const struct act *act,
                                  const struct case_now *now)
{
    const struct phi_param row[] = {PHI_BYTES_OF(now->case_id, CASE_LEN),
                                    PHI_I64(act->version),
                                    PHI_TEXT(matter_outcomes[OUTCOME_RETRACT]),
                                    PHI_BYTES_OF(act->officer, PHI_SM3_LEN),
                                    PHI_TEXT(act->unit),
                                    now->officer.len == 0 ? PHI_NULL : PHI_BYTES(now->officer),
                                    PHI_TEXT(now->unit)};
    return phi_conn_exec(t->tx, "batch_decision",
                         "INSERT INTO decisions (case_id, decision_version, decision, officer, "
                         "unit, proposer, proposer_unit, decided_us) SELECT $1, $2, $3, $4, $5, "
                         "$6, $7, decided_us FROM cases WHERE case_id = $1 ON CONFLICT DO NOTHING",
                         row, sizeof(row) / sizeof(row[0]), NULL, t->error);
}

static enum phi_err move(const struct taking *t, const struct act *act, struct case_now *now,
                         bool *is_ours)
{
    enum phi_err err = PHI_OK;
    bool is_decision = act->is == ACT_DECIDE;
    const struct step_row *way = step_find(now->state, act->is);
    *is_ours = true;
    if (way == NULL)
        goto out;
    const struct move_act step = {.step = step_act_name(act->is),
                                  .to = way->to,
                                  .outcome = now->outcome,
                                  .reason = act->reason,
                                  .actor = phi_view_of(act->officer, PHI_SM3_LEN),
                                  .unit = act->unit,
                                  .decision_version = is_decision ? act->version : 0};
    PHI_GUARD(stored_move(t->service, t->tx, now, &step, t->arena, is_ours, t->error));
    if (*is_ours && is_decision)
        PHI_GUARD(keep_decision(t, act, now));
out:
    return err;
}

/* Proposed before anybody told of it: then who did isn't known here. */
static enum phi_err go_on(const struct taking *t, const struct act *act, bool *is_ours)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct case_now now = {.seq = 0};
    const struct phi_param id = PHI_BYTES_OF(act->batch_id, CASE_LEN);
    PHI_GUARD(phi_conn_exec(t->tx, "batch_case",
                            "SELECT " STORED_COLUMNS " FROM cases WHERE case_id = $1", &id, 1,
                            &rows, t->error));
    if (phi_rows_count(rows) > 0)
        PHI_GUARD(stored_take(rows, 0, &now));
    else
        PHI_GUARD(open_case(t, act, false, &now));
    PHI_GUARD(now.matter_kind == MATTER_BATCH ? PHI_OK : PHI_ERR_DATA_BROKEN);
    PHI_GUARD(move(t, act, &now, is_ours));
out:
    phi_rows_free(rows);
    return err;
}

/* Escalated since it was read: then the records come again, and find it as it is. */
static enum phi_err carry_out(const struct taking *t, const struct act *act)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    bool is_ours = true;
    PHI_GUARD(count(t, act));
    if (act->is == ACT_PROPOSE)
        return open_case(t, act, true, &now);
    PHI_GUARD(go_on(t, act, &is_ours));
    PHI_GUARD(is_ours ? PHI_OK : PHI_ERR_STORE);
    if (act->is == ACT_DECIDE)
        PHI_GUARD(batch_finish(t->service, t->tx, act->batch_id, t->arena, t->error));
out:
    return err;
}

enum phi_err batch_take(struct phi_service *service, const struct phi_batch *batch,
                        struct phi_conn *tx, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    struct taking t = {.service = service, .tx = tx, .arena = arena, .error = error};
    PHI_GUARD(pins_take(service, PHI_TRUST_CORRECTION, phi_clock_now_us(phi_service_clock(service)),
                        &t.pins));
    for (size_t i = 0; i < batch->count; i++) {
        struct act act = {.records = 0};
        enum phi_err why = read(&t, &batch->msgs[i], &act);
        PHI_GUARD(why == PHI_ERR_MEMORY || why == PHI_ERR_CRYPTO ? why : PHI_OK);
        PHI_GUARD(why == PHI_OK ? carry_out(&t, &act)
                                : phi_dlq_put(correction->dlq, tx, &batch->msgs[i], why));
    }
out:
    pins_release(&t.pins);
    return err;
}
