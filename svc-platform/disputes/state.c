/* What a province says of a dispute, into its row: only of its own, and only what is newer. */
#include "svc-platform/disputes/disputes.h"

#include <stdlib.h>

#define STEPS_MAX 64
#define WORD_MAX  64
#define TEXT_MAX  200
#define SEQ_MAX   1000000

struct step {
    int64_t seq;
    int64_t at_us;
    const char *step;
    const char *state;
    const char *outcome;
    const char *reason;
};

static enum phi_err read_words(const struct phi_json_at *at, const char **state,
                               const char **outcome, const char **reason, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_word(at, "state", WORD_MAX, state, error));
    PHI_GUARD(phi_json_text(at, "outcome", 0, WORD_MAX, outcome, error));
    PHI_GUARD(phi_json_text(at, "reason", 0, WORD_MAX, reason, error));
out:
    return err;
}

static enum phi_err read_step(const struct phi_json_at *at, struct step *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_int(at, "seq", 1, SEQ_MAX, &out->seq, error));
    PHI_GUARD(phi_json_time(at, "at", &out->at_us, error));
    PHI_GUARD(phi_json_word(at, "step", WORD_MAX, &out->step, error));
    PHI_GUARD(read_words(at, &out->state, &out->outcome, &out->reason, error));
out:
    return err;
}

static enum phi_err keep_step(const struct dispute_news *news, const uint8_t *id,
                              const struct step *step, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(id, DISPUTE_LEN), PHI_I64(step->seq),
                                       PHI_I64(step->at_us),          PHI_TEXT(step->step),
                                       PHI_TEXT(step->state),         PHI_TEXT(step->outcome),
                                       PHI_TEXT(step->reason)};
    return phi_conn_exec(news->tx, "dispute_step",
                         "INSERT INTO dispute_steps (dispute_id, seq, at_us, step, state, outcome, "
                         "reason) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                         params, 7, NULL, error);
}

static enum phi_err keep_steps(const struct dispute_news *news, const uint8_t *id,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at steps;
    size_t count = 0;
    PHI_GUARD(phi_json_array(news->root, "steps", 0, STEPS_MAX, &steps, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&steps, i);
        struct step step;
        PHI_GUARD(read_step(&item, &step, error));
        PHI_GUARD(keep_step(news, id, &step, error));
    }
out:
    return err;
}

/* The row, locked; false: not this province's. */
static enum phi_err find(const struct dispute_news *news, const uint8_t *id, bool *is_there,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(id, DISPUTE_LEN), PHI_TEXT(news->region)};
    PHI_GUARD(phi_conn_exec(news->tx, "dispute_lock",
                            "SELECT 1 FROM disputes WHERE dispute_id = $1 AND region = $2 FOR "
                            "UPDATE",
                            params, 2, &rows, error));
    *is_there = phi_rows_count(rows) > 0;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err dispute_take_state(const struct dispute_news *news, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t id[DISPUTE_LEN], case_id[DISPUTE_LEN];
    const char *state = NULL, *outcome = NULL, *reason = NULL;
    int64_t seq = 0, due_us = 0;
    bool is_there = false, has_due = false;
    struct phi_json_at due;
    PHI_GUARD(phi_json_hex(news->root, "disputeId", id, DISPUTE_LEN, error));
    PHI_GUARD(phi_json_hex(news->root, "caseId", case_id, DISPUTE_LEN, error));
    PHI_GUARD(phi_json_int(news->root, "seq", 1, SEQ_MAX, &seq, error));
    PHI_GUARD(read_words(news->root, &state, &outcome, &reason, error));
    PHI_GUARD(phi_json_member(news->root, "dueAt", false, &due, error));
    has_due = due.value != NULL;
    if (has_due)
        PHI_GUARD(phi_json_time(news->root, "dueAt", &due_us, error));
    PHI_GUARD(find(news, id, &is_there, error));
    if (!is_there)
        goto out;
    PHI_GUARD(keep_steps(news, id, error));
    const struct phi_param params[] = {PHI_BYTES_OF(id, DISPUTE_LEN),
                                       PHI_TEXT(state),
                                       PHI_I64(news->now_us),
                                       PHI_BYTES_OF(case_id, DISPUTE_LEN),
                                       PHI_I64(seq),
                                       PHI_TEXT(outcome),
                                       PHI_TEXT(reason),
                                       PHI_I64(due_us)};
    PHI_GUARD(phi_conn_exec(news->tx, "dispute_moved",
                            "UPDATE disputes SET state = $2, changed_us = $3, answered_us = CASE "
                            "answered_us WHEN 0 THEN $3 ELSE answered_us END, case_id = $4, seq = "
                            "$5, outcome = $6, reason = $7, due_us = $8, letter = '', next_us = "
                            "9223372036854775807 WHERE dispute_id = $1 AND seq < $5",
                            params, 8, NULL, error));
out:
    return err;
}

enum phi_err dispute_take_refusal(const struct dispute_news *news, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t id[DISPUTE_LEN];
    const char *code = NULL, *field = NULL, *text = NULL;
    PHI_GUARD(phi_json_hex(news->root, "disputeId", id, DISPUTE_LEN, error));
    PHI_GUARD(phi_json_word(news->root, "code", 4, &code, error));
    PHI_GUARD(phi_json_text(news->root, "field", 0, TEXT_MAX, &field, error));
    PHI_GUARD(phi_json_text(news->root, "text", 0, TEXT_MAX, &text, error));
    json_t *why = json_pack("{s:s, s:s, s:s}", "code", code, "field", field, "text", text);
    PHI_GUARD(phi_json_keep(news->arena, why));
    char *refusal = json_dumps(why, JSON_COMPACT);
    const char *kept = refusal == NULL ? NULL : phi_arena_text(news->arena, phi_view_text(refusal));
    free(refusal);
    PHI_GUARD(kept == NULL ? PHI_ERR_MEMORY : PHI_OK);
    const struct phi_param params[] = {PHI_BYTES_OF(id, DISPUTE_LEN), PHI_TEXT(news->region),
                                       PHI_I64(news->now_us), PHI_TEXT(kept)};
    PHI_GUARD(phi_conn_exec(news->tx, "dispute_refused",
                            "UPDATE disputes SET state = 'not-taken', changed_us = $3, answered_us "
                            "= $3, refusal = $4, letter = '', next_us = 9223372036854775807 WHERE "
                            "dispute_id = $1 AND region = $2 AND answered_us = 0",
                            params, 4, NULL, error));
out:
    return err;
}
