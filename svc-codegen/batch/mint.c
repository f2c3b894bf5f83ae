/* The codes of one chunk of a batch: found, or minted and committed together. */
#include "svc-codegen/batch/batch.h"

#include "base/metrics.h"
#include "bus/event_row.h"

#include <stdio.h>
#include <string.h>

#define DAY_S     86400
#define TRIES_MAX 3

enum column { SERIAL, DIGEST, CODE_SERIAL, SUBJECT, DEADLINE, CODE_DIGEST, CODE_SEALED };

static const char find_sql[] =
    "SELECT b.line_serial, b.digest, b.serial_hmac, c.subject, c.deadline_s, c.consent_digest, "
    "c.code_sealed FROM batch_lines b JOIN codes c USING (serial_hmac) "
    "WHERE b.app_id = $1 AND b.line_serial = ANY ($2::text[])";

static enum phi_err query(struct batch *batch, const struct phi_array *serials,
                          struct phi_rows **rows, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_api_call *call = batch->call;
    const struct phi_param params[] = {PHI_TEXT(phi_api_app(call)->app_id), PHI_ARRAY(serials)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "batch_find", find_sql, params, 2, rows, error));
out:
    phi_store_release(conn);
    return err;
}

/* The code that a line has; or the line is another one under the same number. */
static enum phi_err take_found(struct batch *batch, struct batch_line *line,
                               const struct phi_rows *rows, size_t row)
{
    enum phi_err err = PHI_OK;
    struct phi_view text;
    if (!phi_view_equal(phi_rows_bytes(rows, row, DIGEST),
                        phi_view_of(line->digest, PHI_SM3_LEN))) {
        line->result = BATCH_REJECTED;
        phi_error_set(&line->error, PHI_ERR_CONFLICT, "$.serial",
                      "the same number was used for another line");
        return PHI_OK;
    }
    PHI_GUARD(phi_unseal(codegen_of(batch->call)->store_key, MINT_CODE_CONTEXT, line->code.subject,
                         phi_rows_bytes(rows, row, CODE_SEALED), batch->arena, &text));
    PHI_GUARD(text.len == PHI_JKM1_TEXT_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    struct phi_view digest = phi_rows_bytes(rows, row, CODE_DIGEST);
    PHI_GUARD(digest.len == PHI_SM3_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    memcpy(line->code.text, text.data, text.len);
    memcpy(line->code.consent_digest, digest.data, digest.len);
    line->code.deadline_s = phi_rows_i64(rows, row, DEADLINE);
    line->result = BATCH_AGAIN;
out:
    return err;
}

static enum phi_err find(struct batch *batch, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_array *serials = phi_array_new(PHI_COLUMN_TEXT);
    PHI_GUARD(serials == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->lines[i].result == BATCH_MINTED)
            PHI_GUARD(phi_array_add(serials, PHI_TEXT(batch->lines[i].serial)));
    if (phi_array_count(serials) > 0)
        PHI_GUARD(query(batch, serials, &rows, error));
    for (size_t row = 0; row < phi_rows_count(rows); row++) {
        for (size_t i = 0; i < batch->count; i++) {
            struct batch_line *line = &batch->lines[i];
            if (line->result == BATCH_MINTED &&
                strcmp(line->serial, phi_rows_text(rows, row, SERIAL)) == 0)
                PHI_GUARD(take_found(batch, line, rows, row));
        }
    }
out:
    phi_rows_free(rows);
    phi_array_free(serials);
    return err;
}

static enum phi_err prepare(struct batch *batch, struct batch_line *line,
                            struct phi_mint_input *input)
{
    enum phi_err err = PHI_OK;
    struct phi_view record;
    const struct codegen *codegen = codegen_of(batch->call);
    const struct phi_registry_app *app = phi_api_app(batch->call);
    struct recent_entry *code = &line->code;
    const struct record_collector collector = {app->app_id, app->institution, line->consent_ref};
    code->minted_us = phi_api_now_us(batch->call);
    code->deadline_s = code->minted_us / 1000000 + line->paper_days * DAY_S;
    code->flags = (uint8_t)(PHI_JKM1_SCOPE_FLAGS(code->scene->scope) | PHI_JKM1_PAPER |
                            (code->scene->is_one_time ? PHI_JKM1_ONE_TIME : 0));
    memcpy(code->applicant, code->subject, PHI_SUBJECT_LEN);
    snprintf(code->app_id, sizeof(code->app_id), "%s", app->app_id);
    const struct record_input in = {.policy = &codegen->policy,
                                    .scene = code->scene,
                                    .region = phi_service_region(phi_api_service(batch->call)),
                                    .holder = &line->person,
                                    .grantor = &line->person,
                                    .collector = &collector,
                                    .now_s = code->minted_us / 1000000,
                                    .deadline_s = code->deadline_s};
    PHI_GUARD(record_make(&in, batch->arena, &record));
    PHI_GUARD(phi_consent_digest(record, code->consent_digest));
    PHI_GUARD(phi_seal(codegen->store_key, MINT_CONSENT_CONTEXT, code->subject, record,
                       batch->arena, &code->consent_sealed));
    *input = (struct phi_mint_input){.flags = code->flags, .deadline_s = code->deadline_s};
    memcpy(input->subject, code->subject, PHI_SUBJECT_LEN);
    memcpy(input->consent_digest, code->consent_digest, PHI_SM3_LEN);
out:
    return err;
}

static enum phi_err sign(struct batch *batch, size_t *minted_count)
{
    enum phi_err err = PHI_OK;
    struct phi_mint_input inputs[BATCH_LINES_MAX];
    struct phi_minted minted[BATCH_LINES_MAX];
    struct batch_line *line_of[BATCH_LINES_MAX];
    const struct codegen *codegen = codegen_of(batch->call);
    size_t ready = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->lines[i].result != BATCH_MINTED)
            continue;
        PHI_GUARD(prepare(batch, &batch->lines[i], &inputs[ready]));
        line_of[ready++] = &batch->lines[i];
    }
    phi_codeside_mint_batch(codegen->codeside, inputs, minted, ready);
    for (size_t i = 0; i < ready; i++) {
        PHI_GUARD(minted[i].result);
        PHI_GUARD(mint_code_take(codegen, &minted[i], batch->arena, &line_of[i]->code));
    }
    *minted_count = ready;
out:
    phi_wipe(inputs, ready * sizeof(inputs[0]));
    return err;
}

static enum phi_err add_line(struct batch *batch, const struct batch_line *line,
                             struct phi_commit *commit, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(batch->call);
    struct phi_param code[CODE_COLUMNS], outbox[PHI_OUTBOX_COLUMNS];
    const struct phi_param own[] = {PHI_TEXT(phi_api_app(batch->call)->app_id),
                                    PHI_TEXT(line->serial), PHI_BYTES_OF(line->digest, PHI_SM3_LEN),
                                    PHI_BYTES_OF(line->code.serial_hmac, PHI_SM3_LEN),
                                    PHI_I64(line->code.minted_us)};
    PHI_GUARD(phi_commit_add(commit, TABLE_BATCH_LINES, own, BATCH_COLUMNS));
    mint_code_row(&line->code, code);
    PHI_GUARD(phi_commit_add(commit, TABLE_CODES, code, CODE_COLUMNS));
    PHI_GUARD(codegen_minted_event(service, &line->code, batch->arena, event));
    event->source = phi_service_source(service);
    event->request_id = phi_http_request_id(phi_api_request(batch->call));
    event->traceparent = phi_http_header(phi_api_request(batch->call), "traceparent");
    PHI_GUARD(phi_event_to_row(event, line->code.minted_us, batch->arena, outbox));
    PHI_GUARD(phi_commit_add(commit, PHI_API_OUTBOX, outbox, PHI_OUTBOX_COLUMNS));
out:
    return err;
}

static enum phi_err commit_all(struct batch *batch, size_t minted)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(batch->call);
    struct phi_commit *commit = phi_commit_new(phi_service_lane(service));
    struct phi_event *events = phi_arena_alloc(batch->arena, minted * sizeof(*events));
    size_t count = 0;
    PHI_GUARD(commit == NULL || events == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->lines[i].result == BATCH_MINTED)
            PHI_GUARD(add_line(batch, &batch->lines[i], commit, &events[count++]));
    struct phi_commit *whole = commit;
    commit = NULL;
    PHI_GUARD(phi_commit_wait(whole, phi_api_deadline(batch->call), NULL, NULL));
    phi_relay_offer(phi_service_relay(service), events, count);
    phi_counter_add(codegen_of(batch->call)->minted, count);
out:
    phi_commit_free(commit);
    return err;
}

enum phi_err batch_mint(struct batch *batch, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    /* A conflict: another request committed one of these lines meanwhile; it is found then. */
    for (int i = 0; i < TRIES_MAX; i++) {
        size_t minted = 0;
        PHI_GUARD(find(batch, error));
        PHI_GUARD(sign(batch, &minted));
        err = minted == 0 ? PHI_OK : commit_all(batch, minted);
        if (err != PHI_ERR_CONFLICT)
            break;
    }
out:
    return err == PHI_ERR_CONFLICT ? PHI_ERR_OVERLOAD : err;
}
