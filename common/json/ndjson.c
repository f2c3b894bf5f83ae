#include "json/ndjson.h"

#include <string.h>

enum phi_err phi_ndjson_split(struct phi_view body, struct phi_arena *arena, struct phi_ndjson *out,
                              struct phi_error *error)
{
    out->items = phi_arena_alloc(arena, PHI_NDJSON_LINES_MAX * sizeof(*out->items));
    if (out->items == NULL)
        return PHI_ERR_MEMORY;
    while (body.len > 0) {
        const uint8_t *feed = memchr(body.data, '\n', body.len);
        size_t len = feed == NULL ? body.len : (size_t)(feed - body.data);
        size_t taken = feed == NULL ? len : len + 1;
        if (out->count == PHI_NDJSON_LINES_MAX)
            return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "body", "more than %d lines",
                                 PHI_NDJSON_LINES_MAX);
        out->items[out->count++] = phi_view_of(body.data, len);
        body = phi_view_of(body.data + taken, body.len - taken);
    }
    if (out->count == 0)
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "body", "no line");
    return PHI_OK;
}

enum phi_err phi_ndjson_answer(size_t count, struct phi_arena *arena, struct phi_writer *out)
{
    size_t size = count * (PHI_NDJSON_LINE_OUT_MAX_BYTES + 1);
    uint8_t *answer = phi_arena_alloc(arena, size);
    if (answer == NULL)
        return PHI_ERR_MEMORY;
    *out = phi_writer_of(answer, size);
    return PHI_OK;
}

enum phi_err phi_ndjson_tell(json_t *json, struct phi_writer *to)
{
    enum phi_err err = PHI_OK;
    char text[PHI_NDJSON_LINE_OUT_MAX_BYTES];
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

struct phi_view phi_ndjson_told(const struct phi_writer *to)
{
    return phi_view_of(to->start, phi_writer_len(to));
}
