#include "svc-correction/restore/restore.h"

#include "service/catch_up.h"
#include "svc-correction/attachments/chunks.h"
#include "svc-correction/restore/kept.h"
#include "svc-correction/restore/own.h"

#include <string.h>

#define DEPTH_MAX 3
#define STREAM    "correction.step"

struct told {
    uint8_t case_id[CASE_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t seq, at_us;
    const char *step, *state, *region, *source, *outcome, *reason, *unit;
    uint8_t actor[PHI_SM3_LEN];
    uint8_t note_digest[PHI_CHAIN_LEN];
    uint8_t content_digest[PHI_CHAIN_LEN];
    bool has_actor, has_note, has_content;
    uint8_t salt[PHI_CHAIN_SALT_LEN];
    uint8_t digest[PHI_CHAIN_LEN];
    uint8_t head[PHI_CHAIN_LEN];
    enum step_state to;
    struct kept kept;
};

/* --- reading --- */

/* 64 hex digits, or "" for none. */
static enum phi_err read_digest(const struct phi_json_at *root, const char *member,
                                uint8_t out[PHI_SM3_LEN], bool *is_there)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    PHI_GUARD(phi_json_text(root, member, 0, 2 * PHI_SM3_LEN, &text, NULL));
    *is_there = text[0] != '\0';
    if (*is_there)
        PHI_GUARD(phi_hex_decode(phi_view_text(text), out, PHI_SM3_LEN));
out:
    return err;
}

static enum phi_err read_link(const struct phi_json_at *root, struct told *out)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(read_digest(root, "actor", out->actor, &out->has_actor));
    PHI_GUARD(read_digest(root, "noteDigest", out->note_digest, &out->has_note));
    PHI_GUARD(phi_json_hex_opt(root, "contentDigest", out->content_digest, PHI_CHAIN_LEN,
                               &out->has_content, NULL));
    PHI_GUARD(phi_json_hex(root, "salt", out->salt, PHI_CHAIN_SALT_LEN, NULL));
    PHI_GUARD(phi_json_hex(root, "digest", out->digest, PHI_CHAIN_LEN, NULL));
    PHI_GUARD(phi_json_hex(root, "head", out->head, PHI_CHAIN_LEN, NULL));
out:
    return err;
}

static enum phi_err read_told(struct phi_service *service, const struct phi_msg *msg,
                              struct phi_arena *arena, struct told *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, &root, NULL));
    PHI_GUARD(phi_json_time(&root, "at", &out->at_us, NULL));
    PHI_GUARD(own_check(service, msg, out->at_us));
    memcpy(out->subject, msg->key.data, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_json_hex(&root, "caseId", out->case_id, CASE_LEN, NULL));
    PHI_GUARD(phi_json_int(&root, "seq", 1, INT32_MAX, &out->seq, NULL));
    PHI_GUARD(phi_json_word(&root, "step", CASE_WORD_MAX, &out->step, NULL));
    PHI_GUARD(phi_json_word(&root, "state", CASE_WORD_MAX, &out->state, NULL));
    PHI_GUARD(phi_json_word(&root, "region", 6, &out->region, NULL));
    PHI_GUARD(phi_json_text(&root, "source", 0, CASE_WORD_MAX, &out->source, NULL));
    PHI_GUARD(phi_json_text(&root, "outcome", 0, CASE_WORD_MAX, &out->outcome, NULL));
    PHI_GUARD(phi_json_text(&root, "reason", 0, CASE_WORD_MAX, &out->reason, NULL));
    PHI_GUARD(phi_json_text(&root, "unit", 0, CASE_WORD_MAX, &out->unit, NULL));
    PHI_GUARD(read_link(&root, out));
    PHI_GUARD(step_state_of(phi_view_text(out->state), &out->to) ? PHI_OK : PHI_ERR_DATA_BROKEN);
    PHI_GUARD(kept_open(phi_service_state(service), &root, out->subject, arena, &out->kept));
out:
    return err;
}

/* --- writing --- */

static struct phi_param bytes_or_null(struct phi_view view)
{
    return view.len == 0 ? PHI_NULL : PHI_BYTES(view);
}

static enum phi_err add_case(struct phi_conn *tx, const struct told *told, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(told->case_id, CASE_LEN),
                                       PHI_BYTES_OF(told->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(told->kept.subject_key),
                                       PHI_BYTES_OF(told->kept.matter, PHI_SM3_LEN),
                                       PHI_TEXT(told->region),
                                       PHI_TEXT(told->source),
                                       PHI_TEXT(told->kept.institution),
                                       PHI_TEXT(told->kept.record_no),
                                       PHI_TEXT(told->state),
                                       PHI_I64(told->at_us),
                                       PHI_TEXT(told->kept.matter_kind)};
    return phi_conn_exec(
        tx, "restore_case",
        "INSERT INTO cases (case_id, subject, subject_key, matter, region, "
        "source, institution, record_no, state, opened_us, matter_kind, "
        "statement_sealed, decision_version, decided_us) VALUES ($1, $2, "
        "$3::bigint, $4, $5, $6, $7, $8, $9, $10::bigint, $11, '', 0, 0) ON CONFLICT DO NOTHING",
        params, sizeof(params) / sizeof(params[0]), NULL, error);
}

static enum phi_err move_case(struct phi_conn *tx, const struct told *told, struct phi_error *error)
{
    const struct kept *kept = &told->kept;
    bool is_decision = kept->decision_version != 0;
    const struct phi_param params[] = {PHI_BYTES_OF(told->case_id, CASE_LEN),
                                       PHI_TEXT(told->state),
                                       PHI_I64(told->seq),
                                       PHI_BYTES_OF(told->head, PHI_CHAIN_LEN),
                                       PHI_I64(kept->due_us),
                                       PHI_I64(kept->level),
                                       PHI_TEXT(kept->outcome),
                                       PHI_TEXT(kept->reason),
                                       bytes_or_null(kept->proposer),
                                       PHI_TEXT(kept->proposer_unit),
                                       PHI_I64(kept->decision_version),
                                       PHI_I64(is_decision ? told->at_us : 0)};
    return phi_conn_exec(
        tx, "restore_move",
        "UPDATE cases SET state = $2, seq = $3::bigint, head = $4, due_us = "
        "$5::bigint, level = $6::bigint, outcome = $7, reason = $8, proposer = "
        "$9, proposer_unit = $10, decision_version = GREATEST(decision_version, "
        "$11::bigint), decided_us = GREATEST(decided_us, $12::bigint) WHERE case_id = $1 AND "
        "seq < $3::bigint",
        params, sizeof(params) / sizeof(params[0]), NULL, error);
}

static enum phi_err add_step(struct phi_conn *tx, const struct told *told, bool *is_new,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {
        PHI_BYTES_OF(told->case_id, CASE_LEN),
        PHI_I64(told->seq),
        PHI_I64(told->at_us),
        PHI_TEXT(told->step),
        PHI_TEXT(told->state),
        PHI_TEXT(told->outcome),
        PHI_TEXT(told->reason),
        PHI_TEXT(told->unit),
        bytes_or_null(phi_view_of(told->actor, told->has_actor ? PHI_SM3_LEN : 0)),
        bytes_or_null(told->kept.note),
        bytes_or_null(phi_view_of(told->note_digest, told->has_note ? PHI_CHAIN_LEN : 0)),
        PHI_BYTES_OF(told->salt, PHI_CHAIN_SALT_LEN),
        PHI_BYTES_OF(told->digest, PHI_CHAIN_LEN),
        PHI_BYTES_OF(told->head, PHI_CHAIN_LEN),
        bytes_or_null(told->kept.content),
        bytes_or_null(phi_view_of(told->content_digest, told->has_content ? PHI_SM3_LEN : 0))};
    PHI_GUARD(phi_conn_exec(
        tx, "restore_step",
        "INSERT INTO steps (case_id, seq, at_us, step, state, outcome, reason, "
        "unit, actor, note_sealed, note_digest, salt, digest, head, "
        "content_sealed, content_digest) VALUES ($1, $2::bigint, $3::bigint, "
        "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING",
        params, sizeof(params) / sizeof(params[0]), &rows, error));
    *is_new = phi_rows_affected(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err add_decision(struct phi_conn *tx, const struct told *told,
                                 struct phi_error *error)
{
    const struct kept *kept = &told->kept;
    bool is_appeal = kept->rows.first_unit != NULL;
    const struct phi_param params[] = {
        PHI_BYTES_OF(told->case_id, CASE_LEN),
        PHI_I64(kept->decision_version),
        PHI_TEXT(kept->outcome),
        PHI_BYTES_OF(told->actor, PHI_SM3_LEN),
        PHI_TEXT(told->unit),
        is_appeal ? PHI_BYTES_OF(kept->rows.first, PHI_SM3_LEN) : bytes_or_null(kept->proposer),
        PHI_TEXT(is_appeal ? kept->rows.first_unit : kept->proposer_unit),
        PHI_I64(told->at_us)};
    if (kept->decision_version == 0)
        return PHI_OK;
    return phi_conn_exec(tx, "restore_decision",
                         "INSERT INTO decisions (case_id, decision_version, decision, officer, "
                         "unit, proposer, proposer_unit, decided_us) VALUES ($1, $2::bigint, $3, "
                         "$4, $5, $6, $7, $8::bigint) ON CONFLICT DO NOTHING",
                         params, sizeof(params) / sizeof(params[0]), NULL, error);
}

/* A row of open_matters is what "open" means: filing again adds to the case. */
static enum phi_err set_matter(struct phi_conn *tx, const struct told *told,
                               struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(told->kept.matter, PHI_SM3_LEN),
                                       PHI_BYTES_OF(told->case_id, CASE_LEN)};
    bool is_open = told->to <= STATE_PROPOSED || told->to == STATE_APPEALED;
    if (strcmp(told->kept.matter_kind, matter_names[MATTER_BATCH]) == 0)
        return PHI_OK; /* nobody files one */
    return phi_conn_exec(
        tx, is_open ? "restore_open" : "restore_closed",
        is_open
            ? "INSERT INTO open_matters (matter, case_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
            : "DELETE FROM open_matters WHERE matter = $1 AND case_id = $2",
        params, 2, NULL, error);
}

/* What was written is gone with the key of the person. */
static enum phi_err drop_erased(struct phi_conn *tx, struct told *told, struct phi_arena *arena,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view *const texts[] = {&told->kept.note, &told->kept.content};
    bool is_gone = false;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        PHI_GUARD(own_is_erased(tx, told->subject, *texts[i], arena, &is_gone, error));
        if (is_gone)
            texts[i]->len = 0;
    }
out:
    return err;
}

static enum phi_err add_rows(struct phi_conn *tx, const struct told *told, struct phi_error *error)
{
    const struct rows_of of = {
        .tx = tx,
        .case_id = told->case_id,
        .subject = told->subject,
        .at_us = told->at_us,
        .content_digest = phi_view_of(told->content_digest, told->has_content ? PHI_SM3_LEN : 0)};
    return rows_restore(&of, &told->kept.rows, error);
}

static enum phi_err keep_step(struct phi_service *service, const struct phi_msg *msg,
                              struct phi_conn *tx, struct phi_arena *arena, bool *is_new,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct told told = {.seq = 0};
    err = read_told(service, msg, arena, &told);
    if (err != PHI_OK)
        return own_pass_over(err, STREAM);
    PHI_GUARD(drop_erased(tx, &told, arena, error));
    if (told.seq == 1)
        PHI_GUARD(add_case(tx, &told, error));
    PHI_GUARD(add_step(tx, &told, is_new, error));
    if (!*is_new)
        return PHI_OK;
    PHI_GUARD(move_case(tx, &told, error));
    PHI_GUARD(add_decision(tx, &told, error));
    PHI_GUARD(set_matter(tx, &told, error));
    PHI_GUARD(add_rows(tx, &told, error));
out:
    return err;
}

enum phi_err case_restore(struct phi_service *service, struct phi_error *error)
{
    static const struct phi_catch_up_stream streams[] = {
        {.stream = STREAM, .keep = keep_step},
        {.stream = CHUNK_STREAM, .keep = chunk_keep, .room = CHUNK_ROOM}};
    return phi_service_catch_up(service, streams, sizeof(streams) / sizeof(streams[0]), error);
}
