/* Intake of a data source (GB/T 38963 B.2): a line in, a line out; a wrong one never stops the
 * right ones. */
#include "svc-declare/sources/intake.h"

#include "base/metrics.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define INSTITUTION_MAX 64
#define LINES_MAX       10000
#define ANSWER_MAX_BYTES                                                                           \
    768 /* one line out: place and text of an error are bounded, quoting doubles them at most */

struct lines {
    struct phi_view *items;
    size_t count;
};

static enum phi_err split(struct phi_view body, struct phi_arena *arena, struct lines *out,
                          struct phi_error *error)
{
    out->items = phi_arena_alloc(arena, LINES_MAX * sizeof(*out->items));
    if (out->items == NULL)
        return PHI_ERR_MEMORY;
    while (body.len > 0) {
        const uint8_t *feed = memchr(body.data, '\n', body.len);
        size_t len = feed == NULL ? body.len : (size_t)(feed - body.data);
        size_t taken = feed == NULL ? len : len + 1;
        if (out->count == LINES_MAX)
            return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "body", "more than %d lines",
                                 LINES_MAX);
        out->items[out->count++] = phi_view_of(body.data, len);
        body = phi_view_of(body.data + taken, body.len - taken);
    }
    if (out->count == 0)
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "body", "no line");
    return PHI_OK;
}

static json_t *line_json(const struct intake_line *line, size_t number)
{
    static const char *const results[] = {"accepted", "duplicate", "rejected"};
    char id[2 * PHI_FACT_ID_LEN + 1];
    if (line->result == INTAKE_REJECTED)
        return json_pack("{s:I, s:s, s:s, s:s}", "line", (json_int_t)number, "result",
                         results[line->result], "field", line->error.place, "reason",
                         line->error.text);
    phi_hex_encode(phi_view_of(line->fact.id, PHI_FACT_ID_LEN), id);
    return json_pack("{s:I, s:s, s:s}", "line", (json_int_t)number, "result", results[line->result],
                     "factId", id);
}

static enum phi_err tell(const struct intake_line *line, size_t number, struct phi_writer *to)
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
    json_decref(json);
    return err;
}

/* One transaction's lines, from `first` on. */
static enum phi_err take(struct intake *intake, const struct lines *lines, size_t first,
                         struct phi_writer *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct declare *declare = declare_of(intake->call);
    size_t left = lines->count - first;
    size_t count = left < INTAKE_LINES_MAX ? left : INTAKE_LINES_MAX;
    if (phi_deadline_is_past(phi_api_deadline(intake->call)))
        return phi_error_set(error, PHI_ERR_DEADLINE, "body", "%zu lines are kept, send all again",
                             first);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(intake_read(intake, lines->items[first + i]));
    PHI_GUARD(intake_store(intake, error));
    for (size_t i = 0; i < count; i++) {
        PHI_GUARD(tell(&intake->lines[i], first + i + 1, to));
        phi_counter_add(declare->lines[intake->lines[i].result], 1);
    }
out:
    return err;
}

static const char *institution_of(struct phi_api_call *call)
{
    const struct phi_registry_app *app = phi_api_app(call);
    return app->institution[0] == '\0' ? app->app_id : app->institution;
}

static enum phi_err take_all(struct phi_api_call *call, const struct form_kind *kind,
                             const struct lines *lines, struct phi_writer *to,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t first = 0; first < lines->count; first += INTAKE_LINES_MAX) {
        struct intake *intake = intake_new(call, kind, institution_of(call));
        err = intake == NULL ? PHI_ERR_MEMORY : take(intake, lines, first, to, error);
        intake_free(intake);
        PHI_GUARD(err);
    }
out:
    return err;
}

static enum phi_err find_kind(struct phi_api_call *call, const struct form_kind **out,
                              struct phi_error *error)
{
    const char *name = phi_http_param(phi_api_request(call), "kind");
    *out = form_kind_find(name);
    if (*out == NULL)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "kind", "no such data source");
    if (!phi_words_has(&phi_api_app(call)->sources, (*out)->kind))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "kind",
                             "the app does not report this source");
    /* It goes into ids and on the topic, where readers take words only. */
    if (!phi_text_is_word(phi_view_text(institution_of(call)), INSTITUTION_MAX))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "institution",
                             "the app's institution is no id");
    return PHI_OK;
}

enum phi_err declare_source(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    const struct form_kind *kind = NULL;
    struct lines lines = {0};
    PHI_GUARD(find_kind(call, &kind, error));
    PHI_GUARD(split(phi_api_body_bytes(call), arena, &lines, error));
    size_t size = lines.count * (ANSWER_MAX_BYTES + 1);
    uint8_t *answer = phi_arena_alloc(arena, size);
    PHI_GUARD(answer == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer to = phi_writer_of(answer, size);
    PHI_GUARD(take_all(call, kind, &lines, &to, error));
    phi_api_lines(call, phi_view_of(answer, phi_writer_len(&to)));
out:
    return err;
}
