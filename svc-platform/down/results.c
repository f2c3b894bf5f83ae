#include "svc-platform/down/results.h"

#include "auth/trust.h"
#include "base/text.h"
#include "codes/region.h"
#include "codes/sources.h"
#include "json/canonical.h"
#include "json/ndjson.h"
#include "service/letter.h"

#include <string.h>

#define LETTER_LINES_MAX 500
#define LETTER_BYTES_MAX (256 * 1024)
#define LETTERS_MAX      8 /* 4,000 lines, 2 MiB: what the arena of a call holds in all its forms */
#define INSTITUTION_MAX  57
#define RECORD_MAX       64
#define LINE_DEPTH_MAX   8
#define LINE_MAX_BYTES   65536
#define LINE_ARENA_MAX   (4 * 1024 * 1024)
#define CONTEXT          "intake.lines"

struct handing {
    struct phi_api_call *call;
    const struct phi_trust_platform *province;
    const char *kind;
    const char *institution;
    const char *topic;
    size_t letters;
    uint8_t *plain; /* of the letter that is being filled */
    size_t len;
    size_t lines;
};

/* --- where to, and from whom --- */

static bool is_kind(const char *kind)
{
    static const char prefix[] = "source.";
    for (size_t i = 0; i < PHI_SOURCES_COUNT; i++)
        if (strncmp(phi_sources[i].stream, prefix, strlen(prefix)) == 0 &&
            strcmp(phi_sources[i].stream + strlen(prefix), kind) == 0)
            return true;
    return false;
}

static enum phi_err find_province(struct handing *h, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_trust_view *view = NULL;
    const char *region = phi_http_param(phi_api_request(h->call), "region");
    PHI_GUARD(
        phi_trust_hold(phi_service_trust(phi_api_service(h->call)), phi_api_arena(h->call), &view));
    h->province = strcmp(region, PHI_REGION_NATION) == 0 ? NULL : phi_trust_platform(view, region);
    if (h->province == NULL ||
        phi_letter_keys(h->province, PHI_TRUST_FOR_DECLARE, phi_api_now_us(h->call)) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "region",
                             "no province with a key to seal to");
    if (h->province->status != PHI_TRUST_ACTIVE)
        return phi_error_set(error, PHI_ERR_STATE, "region", "the province is suspended");
    h->topic = phi_arena_printf(phi_api_arena(h->call), "phi.%s.intake." PHI_REGION_NATION, region);
    PHI_GUARD(h->topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

static enum phi_err find_sender(struct handing *h, struct phi_error *error)
{
    const struct phi_registry_app *app = phi_api_app(h->call);
    h->kind = phi_http_param(phi_api_request(h->call), "kind");
    h->institution = app->institution[0] == '\0' ? app->app_id : app->institution;
    if (!is_kind(h->kind))
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "kind", "no such data source");
    if (!phi_words_has(&app->sources, h->kind))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "kind",
                             "the app does not report this source");
    if (!phi_text_is_word(phi_view_text(h->institution), INSTITUTION_MAX))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "institution",
                             "the app's institution is no id");
    return PHI_OK;
}

/* --- a letter --- */

static enum phi_err write_letter(const struct handing *h, struct phi_view *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_letter letter = {
        .topic = h->topic, .context = CONTEXT, .member = "lines", .holder = PHI_TRUST_FOR_DECLARE};
    json_t *json = json_pack("{s:s, s:s}", "kind", h->kind, "institution", h->institution);
    PHI_GUARD(phi_json_keep(phi_api_arena(h->call), json));
    PHI_GUARD(phi_letter_seal(&letter, h->province, phi_api_now_us(h->call),
                              phi_view_of(h->plain, h->len), phi_api_arena(h->call), json, error));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(h->call), out));
out:
    return err;
}

/* Into the call's commit; nothing without lines. */
static enum phi_err send_letter(struct handing *h, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_event event = {.topic = h->topic, .type = "cn.phi.intake.national"};
    if (h->lines == 0)
        return PHI_OK;
    if (h->letters == LETTERS_MAX)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "body", "more than %d letters' worth",
                             LETTERS_MAX);
    PHI_GUARD(write_letter(h, &event.value, error));
    PHI_GUARD(phi_service_sign_event(phi_api_service(h->call), &event,
                                     (uint64_t)phi_api_now_us(h->call), phi_api_arena(h->call)));
    PHI_GUARD(phi_api_event(h->call, &event));
    h->letters++;
out:
    phi_wipe(h->plain, h->len);
    h->len = 0;
    h->lines = 0;
    return err;
}

/* --- lines --- */

/* Enough of a form to be told by its number; the province says the rest. */
static enum phi_err check_line(struct phi_view line, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    const char *number = NULL;
    struct phi_arena *arena = phi_arena_new(LINE_ARENA_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (line.len > LINE_MAX_BYTES)
        PHI_GUARD(phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "$", "over 64 KiB"));
    PHI_GUARD(phi_json_read(line, LINE_DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_word(&root, "recordNo", RECORD_MAX, &number, error));
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err add_line(struct handing *h, struct phi_view line, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_full = h->lines == LETTER_LINES_MAX || h->len + line.len + 1 > LETTER_BYTES_MAX;
    if (is_full)
        PHI_GUARD(send_letter(h, error));
    memcpy(h->plain + h->len, line.data, line.len);
    h->plain[h->len + line.len] = '\n';
    h->len += line.len + 1;
    h->lines++;
out:
    return err;
}

static enum phi_err take_line(struct handing *h, const struct phi_ndjson *lines, size_t i,
                              struct phi_writer *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_error wrong = {.code = PHI_OK};
    json_int_t number = (json_int_t)i + 1;
    enum phi_err found = check_line(lines->items[i], &wrong);
    PHI_GUARD(found == PHI_ERR_MEMORY ? found : PHI_OK);
    if (found == PHI_OK)
        PHI_GUARD(add_line(h, lines->items[i], error));
    PHI_GUARD(phi_ndjson_tell(
        found == PHI_OK ? json_pack("{s:I, s:s}", "line", number, "result", "forwarded")
                        : json_pack("{s:I, s:s, s:s, s:s}", "line", number, "result", "rejected",
                                    "field", wrong.place, "reason", wrong.text),
        to));
out:
    return err;
}

enum phi_err results_hand_down(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct handing h = {.call = call};
    struct phi_ndjson lines = {0};
    struct phi_writer to;
    PHI_GUARD(find_sender(&h, error));
    PHI_GUARD(find_province(&h, error));
    PHI_GUARD(phi_ndjson_split(phi_api_body_bytes(call), phi_api_arena(call), &lines, error));
    PHI_GUARD(phi_ndjson_answer(lines.count, phi_api_arena(call), &to));
    h.plain = phi_arena_alloc(phi_api_arena(call), LETTER_BYTES_MAX);
    PHI_GUARD(h.plain == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < lines.count; i++)
        PHI_GUARD(take_line(&h, &lines, i, &to, error));
    PHI_GUARD(send_letter(&h, error));
    phi_api_lines(call, phi_ndjson_told(&to));
out:
    if (h.plain != NULL)
        phi_wipe(h.plain, h.len);
    return err;
}
