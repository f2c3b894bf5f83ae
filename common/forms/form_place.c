/* A line of the published list of area risks, affected communities and venues. */
#include "forms/form.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_DEPTH_MAX 4
#define NAME_MAX       100
#define AHEAD_MAX_US   (31 * 86400 * 1000000LL) /* a list may be published before it holds */
#define BEHIND_MAX_US  (3653 * 86400 * 1000000LL)

static const char *const kinds[] = {"region", "community", "venue"};
enum { KIND_REGION };

static enum phi_err read_id(const struct phi_json_at *at, size_t kind, struct form_place *out,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *region = NULL, *id = NULL;
    PHI_GUARD(form_region(at, "region", &region, error));
    PHI_GUARD(form_put_text(out->content, "region", region));
    PHI_GUARD(phi_json_word_opt(at, "placeId", FORM_RECORD_MAX, NULL, &id, error));
    if ((kind == KIND_REGION) != (id == NULL))
        return phi_json_refuse(at, "placeId", id == NULL ? PHI_ERR_FIELD_MISSING : PHI_ERR_RULE,
                               id == NULL ? "missing" : "a region has none", error);
    PHI_GUARD(form_put_text(out->content, "placeId", id));
    int len = snprintf(out->key, sizeof(out->key), "%s/%s/%" PRId64, kinds[kind],
                       id == NULL ? region : id, out->from_us / 1000000);
    PHI_GUARD(len > 0 && (size_t)len < sizeof(out->key) ? PHI_OK : PHI_ERR_INTERNAL);
out:
    return err;
}

static enum phi_err read_span(const struct phi_json_at *at, int64_t now_us, struct form_place *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t to_us = 0;
    PHI_GUARD(phi_json_time(at, "from", &out->from_us, error));
    if (out->from_us > now_us + AHEAD_MAX_US || out->from_us < now_us - BEHIND_MAX_US)
        return phi_json_refuse(at, "from", PHI_ERR_RULE, "more than a month ahead, or long ago",
                               error);
    if (out->from_us % 1000000 != 0)
        return phi_json_refuse(at, "from", PHI_ERR_FIELD_VALUE, "not a whole second", error);
    PHI_GUARD(phi_json_time_opt(at, "to", INT64_MAX, &to_us, error));
    if (to_us <= out->from_us)
        return phi_json_refuse(at, "to", PHI_ERR_RULE, "not after from", error);
    PHI_GUARD(form_put_time(out->content, "from", out->from_us));
    if (to_us == INT64_MAX)
        PHI_GUARD(form_put(out->content, "to", json_null()));
    else
        PHI_GUARD(form_put_time(out->content, "to", to_us));
out:
    return err;
}

static enum phi_err read_place(const struct phi_json_at *at, int64_t now_us, struct form_place *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"recordNo", "revision", "kind", "region", "placeId",
                                          "name",     "risk",     "from", "to",     "withdrawn"};
    struct phi_json_at risk;
    const char *code = NULL;
    size_t kind = 0;
    bool withdrawn = false;
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(phi_json_word(at, "recordNo", FORM_RECORD_MAX, &out->record_no, error));
    PHI_GUARD(phi_json_int(at, "revision", 1, INT32_MAX, &out->revision, error));
    PHI_GUARD(phi_json_enum(at, "kind", kinds, FORM_COUNT(kinds), &kind, error));
    PHI_GUARD(form_put_text(out->content, "kind", kinds[kind]));
    PHI_GUARD(read_span(at, now_us, out, error));
    PHI_GUARD(read_id(at, kind, out, error));
    PHI_GUARD(form_move_text(at, "name", NAME_MAX, out->content, error));
    PHI_GUARD(phi_json_member(at, "risk", true, &risk, error));
    PHI_GUARD(form_code(&risk, "risk-level", &code, error));
    PHI_GUARD(form_put_text(out->content, "risk", code));
    PHI_GUARD(phi_json_bool_opt(at, "withdrawn", false, &withdrawn, error));
    PHI_GUARD(form_put_text(out->content, "state", withdrawn ? "withdrawn" : "in-force"));
out:
    return err;
}

enum phi_err form_place_read(struct phi_view line, int64_t now_us, struct phi_arena *arena,
                             struct form_place *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct form_place form = {0};
    struct phi_json_at root;
    PHI_GUARD(form_object(arena, &form.content));
    PHI_GUARD(phi_json_read(line, LINE_DEPTH_MAX, arena, &root, error));
    PHI_GUARD(read_place(&root, now_us, &form, error));
    *out = form;
out:
    return err;
}
