/* POST /v1/codes/batch: lines of an institution, chunk by chunk. */
#include "svc-codegen/batch.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX        10000
#define ANSWER_MAX_BYTES 1024 /* of one line */
#define ARENA_MAX_BYTES  (8 * 1024 * 1024)
#define INSTITUTION_MAX  64

static size_t count_lines(struct phi_view body)
{
    size_t count = body.len > 0 && body.data[body.len - 1] != '\n' ? 1 : 0;
    for (size_t i = 0; i < body.len; i++)
        count += body.data[i] == '\n';
    return count;
}

static struct phi_view next_line(struct phi_view *body)
{
    const uint8_t *feed = memchr(body->data, '\n', body->len);
    size_t len = feed == NULL ? body->len : (size_t)(feed - body->data);
    size_t taken = feed == NULL ? len : len + 1;
    struct phi_view line = phi_view_of(body->data, len);
    *body = phi_view_of(body->data + taken, body->len - taken);
    return line;
}

static json_t *line_json(const struct batch_line *line, size_t number)
{
    static const char *const results[] = {"minted", "again", "rejected"};
    char deadline[PHI_RFC3339_MAX], digest[2 * PHI_SM3_LEN + 1];
    if (line->result == BATCH_REJECTED)
        return json_pack("{s:I, s:s*, s:s, s:s, s:s, s:s}", "line", (json_int_t)number, "serial",
                         line->serial, "result", results[line->result], "resultCode",
                         phi_err_return_code(line->error.code), "field", line->error.place,
                         "reason", line->error.text);
    phi_rfc3339_format(line->code.deadline_s * 1000000, deadline);
    phi_hex_encode(phi_view_of(line->code.consent_digest, PHI_SM3_LEN), digest);
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "line", (json_int_t)number, "serial",
                     line->serial, "result", results[line->result], "code", line->code.text,
                     "deadline", deadline, "consentDigest", digest);
}

static enum phi_err tell(const struct batch_line *line, size_t number, struct phi_writer *to)
{
    enum phi_err err = PHI_OK;
    char text[ANSWER_MAX_BYTES];
    json_t *json = line_json(line, number);
    size_t len =
        json == NULL ? 0 : json_dumpb(json, text, sizeof(text), JSON_COMPACT | JSON_PRESERVE_ORDER);
    PHI_GUARD(len == 0 ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(len > sizeof(text) ? PHI_ERR_INTERNAL : PHI_OK);
    phi_write_bytes(to, text, len);
    phi_write_u8(to, '\n');
    err = to->failed ? PHI_ERR_INTERNAL : PHI_OK;
out:
    phi_wipe(text, sizeof(text));
    json_decref(json);
    return err;
}

/* One transaction's lines; `done` were told before. */
static enum phi_err take(struct batch *batch, struct phi_view *body, size_t done,
                         struct phi_writer *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (phi_deadline_is_past(phi_api_deadline(batch->call)))
        return phi_error_set(error, PHI_ERR_DEADLINE, "body", "%zu lines are kept, send all again",
                             done);
    while (body->len > 0 && batch->count < BATCH_LINES_MAX)
        PHI_GUARD(batch_read(batch, next_line(body)));
    PHI_GUARD(batch_mint(batch, error));
    for (size_t i = 0; i < batch->count; i++)
        PHI_GUARD(tell(&batch->lines[i], done + i + 1, to));
out:
    return err;
}

static enum phi_err take_all(struct phi_api_call *call, struct phi_writer *to,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view body = phi_api_body_bytes(call);
    size_t done = 0;
    while (body.len > 0) {
        struct batch *batch = calloc(1, sizeof(*batch));
        struct phi_arena *arena = phi_arena_new(ARENA_MAX_BYTES);
        if (batch != NULL && arena != NULL) {
            batch->call = call;
            batch->arena = arena;
            err = take(batch, &body, done, to, error);
            done += batch->count;
            phi_wipe(batch, sizeof(*batch));
        } else {
            err = PHI_ERR_MEMORY;
        }
        free(batch);
        phi_arena_free(arena);
        PHI_GUARD(err);
    }
out:
    return err;
}

static enum phi_err check(struct phi_api_call *call, size_t *lines, struct phi_error *error)
{
    const struct phi_registry_app *app = phi_api_app(call);
    if (!phi_text_is_word(phi_view_text(app->institution), INSTITUTION_MAX))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "institution",
                             "the app speaks for no institution");
    *lines = count_lines(phi_api_body_bytes(call));
    if (*lines == 0)
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "body", "no line");
    if (*lines > LINES_MAX)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "body", "more than %d lines",
                             LINES_MAX);
    return PHI_OK;
}

enum phi_err codegen_batch(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t lines = 0;
    PHI_GUARD(check(call, &lines, error));
    size_t size = lines * (ANSWER_MAX_BYTES + 1);
    uint8_t *answer = phi_arena_alloc(phi_api_arena(call), size);
    PHI_GUARD(answer == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer to = phi_writer_of(answer, size);
    PHI_GUARD(take_all(call, &to, error));
    phi_api_lines(call, phi_view_of(answer, phi_writer_len(&to)));
out:
    return err;
}
