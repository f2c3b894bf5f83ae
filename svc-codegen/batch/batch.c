/* POST /v1/codes/batch: lines of an institution, chunk by chunk. */
#include "svc-codegen/batch/batch.h"

#include "base/text.h"
#include "json/ndjson.h"

#include <stdlib.h>

#define ARENA_MAX_BYTES (8 * 1024 * 1024)
#define INSTITUTION_MAX 64

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

/* One transaction's lines, from `first`. */
static enum phi_err take(struct batch *batch, const struct phi_ndjson *lines, size_t first,
                         struct phi_writer *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (phi_deadline_is_past(phi_api_deadline(batch->call)))
        return phi_error_set(error, PHI_ERR_DEADLINE, "body", "%zu lines are kept, send all again",
                             first);
    while (first + batch->count < lines->count && batch->count < BATCH_LINES_MAX)
        PHI_GUARD(batch_read(batch, lines->items[first + batch->count]));
    PHI_GUARD(batch_mint(batch, error));
    for (size_t i = 0; i < batch->count; i++)
        PHI_GUARD(phi_ndjson_tell(line_json(&batch->lines[i], first + i + 1), to));
out:
    return err;
}

static enum phi_err take_chunk(struct phi_api_call *call, const struct phi_ndjson *lines,
                               size_t first, struct phi_writer *to, struct phi_error *error)
{
    enum phi_err err = PHI_ERR_MEMORY;
    struct batch *batch = calloc(1, sizeof(*batch));
    struct phi_arena *arena = phi_arena_new(ARENA_MAX_BYTES);
    if (batch != NULL && arena != NULL) {
        batch->call = call;
        batch->arena = arena;
        err = take(batch, lines, first, to, error);
        phi_wipe(batch, sizeof(*batch));
    }
    free(batch);
    phi_arena_free(arena);
    return err;
}

enum phi_err codegen_batch(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_ndjson lines = {0};
    struct phi_writer to;
    if (!phi_text_is_word(phi_view_text(phi_api_app(call)->institution), INSTITUTION_MAX))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "institution",
                             "the app speaks for no institution");
    PHI_GUARD(phi_ndjson_split(phi_api_body_bytes(call), phi_api_arena(call), &lines, error));
    PHI_GUARD(phi_ndjson_answer(lines.count, phi_api_arena(call), &to));
    for (size_t first = 0; first < lines.count; first += BATCH_LINES_MAX)
        PHI_GUARD(take_chunk(call, &lines, first, &to, error));
    phi_api_lines(call, phi_ndjson_told(&to));
out:
    return err;
}
