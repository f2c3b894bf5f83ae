#include "svc-platform/appeals/appeals.h"

#define WORD_MAX  64
#define STEPS_MAX 200
#define SEQ_MAX   1000000
/* 0: a province of before doesn't say which decision it answers. */
#define ANSWERED     " AND state = 'decided' AND ($4::bigint = 0 OR seq = $4::bigint)"
#define SENT_NO_MORE "letter = '', next_us = 9223372036854775807, "

enum phi_err appeal_take(const struct dispute_news *news, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t id[DISPUTE_LEN];
    const char *source = NULL, *matter = NULL;
    struct phi_json_at steps, keys;
    size_t count = 0;
    PHI_GUARD(phi_json_hex(news->root, "caseId", id, DISPUTE_LEN, error));
    PHI_GUARD(phi_json_word(news->root, "source", WORD_MAX, &source, error));
    PHI_GUARD(phi_json_word(news->root, "matter", WORD_MAX, &matter, error));
    PHI_GUARD(phi_json_array(news->root, "steps", 1, STEPS_MAX, &steps, &count, error));
    PHI_GUARD(phi_json_array(news->root, "keys", 1, 16, &keys, &count, error));
    const char *record = phi_arena_text(news->arena, news->value);
    PHI_GUARD(record == NULL ? PHI_ERR_MEMORY : PHI_OK);
    const struct phi_param params[] = {PHI_TEXT(news->region), PHI_BYTES_OF(id, DISPUTE_LEN),
                                       PHI_TEXT(source),       PHI_TEXT(matter),
                                       PHI_I64(news->now_us),  PHI_TEXT(record)};
    PHI_GUARD(phi_conn_exec(news->tx, "appeal_new",
                            "INSERT INTO appeals (region, case_id, state, source, matter, "
                            "lodged_us, changed_us, record) VALUES ($1, $2, 'lodged', $3, $4, "
                            "$5::bigint, $5::bigint, $6) ON CONFLICT DO NOTHING",
                            params, 6, NULL, error));
out:
    return err;
}

static enum phi_err keep_step(const struct dispute_news *news, const uint8_t *id,
                              const char *result, const char *code, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(news->region), PHI_BYTES_OF(id, DISPUTE_LEN),
                                       PHI_I64(news->now_us), PHI_TEXT(result), PHI_TEXT(code)};
    return phi_conn_exec(news->tx, "appeal_answer_step",
                         "INSERT INTO appeal_steps (region, case_id, seq, at_us, step, decision, "
                         "reason, unit) SELECT region, case_id, seq, $3, $4, decision, $5, '' FROM "
                         "appeals WHERE region = $1 AND case_id = $2 ON CONFLICT DO NOTHING",
                         params, 5, NULL, error);
}

/* Returned: what was said does not count, and others say it anew. */
enum phi_err appeal_take_answer(const struct dispute_news *news, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const results[] = {"carried-out", "returned"};
    uint8_t id[DISPUTE_LEN];
    size_t result = 0;
    int64_t seq = 0;
    const char *code = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_json_hex(news->root, "caseId", id, DISPUTE_LEN, error));
    PHI_GUARD(phi_json_enum(news->root, "result", results, 2, &result, error));
    PHI_GUARD(phi_json_word(news->root, "code", 4, &code, error));
    PHI_GUARD(phi_json_int_opt(news->root, "seq", 1, SEQ_MAX, 0, &seq, error));
    const struct phi_param params[] = {PHI_TEXT(news->region), PHI_BYTES_OF(id, DISPUTE_LEN),
                                       PHI_I64(news->now_us), PHI_I64(seq)};
    PHI_GUARD(phi_conn_exec(
        news->tx, result == 0 ? "appeal_carried" : "appeal_returned",
        result == 0
            ? "UPDATE appeals SET " SENT_NO_MORE "state = 'carried-out', changed_us = $3, record = "
              "'', proposer_sealed = '', seq = seq + 1 WHERE region = $1 AND case_id = $2" ANSWERED
            : "UPDATE appeals SET " SENT_NO_MORE "state = 'lodged', changed_us = $3, decision = "
              "'', reason = '', proposer = NULL, proposer_unit = '', proposer_sealed = '', seq = "
              "seq + 1 WHERE region = $1 AND case_id = $2" ANSWERED,
        params, 4, &rows, error));
    if (phi_rows_affected(rows) > 0)
        PHI_GUARD(keep_step(news, id, results[result], code, error));
out:
    phi_rows_free(rows);
    return err;
}
