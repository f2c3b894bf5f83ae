/* Intake of a data source (GB/T 38963 B.2): a line in, a line out; a wrong one never stops the
 * right ones. */
#include "svc-declare/sources/intake.h"

#include "base/metrics.h"
#include "base/text.h"
#include "json/ndjson.h"

#include <stdlib.h>
#include <string.h>

#define INSTITUTION_MAX 64

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

/* One transaction's lines, from `first` on. */
static enum phi_err take(struct intake *intake, const struct phi_ndjson *lines, size_t first,
                         struct phi_deadline deadline, struct phi_writer *to,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t left = lines->count - first;
    size_t count = left < INTAKE_LINES_MAX ? left : INTAKE_LINES_MAX;
    if (phi_deadline_is_past(deadline))
        return phi_error_set(error, PHI_ERR_DEADLINE, "body", "%zu lines are kept, send all again",
                             first);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(intake_read(intake, lines->items[first + i]));
    PHI_GUARD(intake_store(intake, deadline, error));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(phi_ndjson_tell(line_json(&intake->lines[i], first + i + 1), to));
    intake_count(intake);
out:
    return err;
}

static const char *institution_of(struct phi_api_call *call)
{
    const struct phi_registry_app *app = phi_api_app(call);
    return app->institution[0] == '\0' ? app->app_id : app->institution;
}

static enum phi_err take_all(struct phi_api_call *call, const struct form_kind *kind,
                             const char *institution, const struct phi_ndjson *lines,
                             struct phi_writer *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_http_request *request = phi_api_request(call);
    const struct intake_from from = {.service = phi_api_service(call),
                                     .now_us = phi_api_now_us(call),
                                     .way = "http",
                                     .request_id = phi_http_request_id(request),
                                     .traceparent = phi_http_header(request, "traceparent")};
    for (size_t first = 0; first < lines->count; first += INTAKE_LINES_MAX) {
        struct intake *intake = intake_new(&from, kind, institution);
        err = intake == NULL ? PHI_ERR_MEMORY
                             : take(intake, lines, first, phi_api_deadline(call), to, error);
        intake_free(intake);
        PHI_GUARD(err);
    }
out:
    return err;
}

enum phi_err declare_institution(struct phi_api_call *call, const char *right, const char **out,
                                 struct phi_error *error)
{
    const char *institution = institution_of(call);
    if (!phi_words_has(&phi_api_app(call)->sources, right))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "kind",
                             "the app does not report this source");
    /* It goes into ids and on the topic, where readers take words only. */
    if (!phi_text_is_word(phi_view_text(institution), INSTITUTION_MAX))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "institution",
                             "the app's institution is no id");
    *out = institution;
    return PHI_OK;
}

enum phi_err declare_kind(struct phi_api_call *call, const struct form_kind **out,
                          struct phi_error *error)
{
    *out = form_kind_find(phi_http_param(phi_api_request(call), "kind"));
    return *out != NULL ? PHI_OK
                        : phi_error_set(error, PHI_ERR_NOT_FOUND, "kind", "no such data source");
}

enum phi_err declare_source(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    const struct form_kind *kind = NULL;
    const char *institution = NULL;
    struct phi_ndjson lines = {0};
    struct phi_writer to;
    PHI_GUARD(declare_kind(call, &kind, error));
    PHI_GUARD(declare_institution(call, kind->kind, &institution, error));
    PHI_GUARD(phi_ndjson_split(phi_api_body_bytes(call), arena, &lines, error));
    PHI_GUARD(phi_ndjson_answer(lines.count, arena, &to));
    PHI_GUARD(take_all(call, kind, institution, &lines, &to, error));
    phi_api_lines(call, phi_ndjson_told(&to));
out:
    return err;
}
