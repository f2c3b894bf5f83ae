#include "svc-declare/forms/form.h"

#include "crypto/sm3.h"
#include "svc-declare/fact.h"

#include <string.h>

#define LINE_DEPTH_MAX 8
#define NAME_MAX_CHARS 64
#define SPECIMEN_MAX   64
#define EVENT_KEY_LEN  16
#define REVISION_MAX   INT32_MAX

static const char *const distances[] = {"close", "secondary"};
static const char *const methods[] = {"nucleic-acid", "antibody"};
static const char *const results[] = {"positive", "negative"};

/* What a record tells of came before the record was made. */
static enum phi_err came_first(const struct phi_json_at *at, const char *field, int64_t time_us,
                               const struct form_source *line, struct phi_error *error)
{
    if (time_us > line->observed_us)
        return phi_json_refuse(at, field, PHI_ERR_RULE, "after observedAt", error);
    return PHI_OK;
}

static enum phi_err read_contact(const struct phi_json_at *at, int64_t now_us,
                                 struct form_source *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"distance", "contactAt"};
    int64_t contact_us = 0;
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(
        form_move_choice(at, "distance", distances, FORM_COUNT(distances), out->content, error));
    PHI_GUARD(form_past(at, "contactAt", now_us, &contact_us, error));
    PHI_GUARD(came_first(at, "contactAt", contact_us, out, error));
    PHI_GUARD(form_put_time(out->content, "contactAt", contact_us));
out:
    return err;
}

/* The same specimen has the same event key, whoever reports it and under whatever record number. */
static enum phi_err put_event_key(json_t *content, const char *specimen_no)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    char key[2 * EVENT_KEY_LEN + 1];
    PHI_GUARD(phi_sm3(phi_view_text(specimen_no), digest));
    phi_hex_encode(phi_view_of(digest, EVENT_KEY_LEN), key);
    PHI_GUARD(form_put_text(content, "eventKey", key));
out:
    return err;
}

static enum phi_err read_test(const struct phi_json_at *at, int64_t now_us, struct form_source *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"method", "result", "sampledAt", "specimenNo"};
    int64_t sampled_us = 0;
    const char *specimen_no = NULL;
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(form_move_choice(at, "method", methods, FORM_COUNT(methods), out->content, error));
    PHI_GUARD(form_move_choice(at, "result", results, FORM_COUNT(results), out->content, error));
    PHI_GUARD(form_past(at, "sampledAt", now_us, &sampled_us, error));
    PHI_GUARD(came_first(at, "sampledAt", sampled_us, out, error));
    PHI_GUARD(form_put_time(out->content, "sampledAt", sampled_us));
    PHI_GUARD(phi_json_text(at, "specimenNo", 1, SPECIMEN_MAX, &specimen_no, error));
    PHI_GUARD(put_event_key(out->content, specimen_no));
    PHI_GUARD(form_put_text(out->personal, "specimenNo", specimen_no));
out:
    return err;
}

static const struct form_kind kinds[] = {
    {"contacts", "source.contacts", read_contact},
    {"tests", "source.tests", read_test},
};

const struct form_kind *form_kind_find(const char *kind)
{
    for (size_t i = 0; i < FORM_COUNT(kinds); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return &kinds[i];
    return NULL;
}

static enum phi_err read_text(const struct phi_json_at *at, const char *field, size_t min,
                              size_t max, struct phi_view *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    PHI_GUARD(phi_json_text(at, field, min, max, &text, error));
    *out = phi_view_text(text);
out:
    return err;
}

static enum phi_err read_person(const struct phi_json_at *at, struct phi_arena *arena,
                                struct form_source *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"name", "idType", "idNo", "country"};
    struct phi_error inner = {0};
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(read_text(at, "name", 1, NAME_MAX_CHARS, &out->person.name, error));
    PHI_GUARD(read_text(at, "idType", 3, 3, &out->person.id_type, error));
    PHI_GUARD(read_text(at, "idNo", 1, 32, &out->person.id_no, error));
    PHI_GUARD(read_text(at, "country", 3, 3, &out->person.country, error));
    err = fact_person(&out->person, arena, &out->personal, &inner);
    if (err == PHI_ERR_FIELD_VALUE)
        return phi_json_refuse(at, inner.place, err, inner.text, error);
out:
    return err;
}

static enum phi_err read_members(const struct form_kind *kind, const struct phi_json_at *root,
                                 int64_t now_us, struct phi_arena *arena, struct form_source *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"recordNo", "revision", "person", "observedAt",
                                          "content"};
    struct phi_json_at person, content;
    int64_t revision = 0;
    PHI_GUARD(form_object(arena, &out->content));
    PHI_GUARD(phi_json_only(root, members, FORM_COUNT(members), error));
    PHI_GUARD(phi_json_word(root, "recordNo", FORM_RECORD_MAX, &out->record_no, error));
    PHI_GUARD(phi_json_int(root, "revision", 1, REVISION_MAX, &revision, error));
    out->revision = (uint32_t)revision;
    PHI_GUARD(phi_json_object(root, "person", &person, error));
    PHI_GUARD(read_person(&person, arena, out, error));
    PHI_GUARD(form_past(root, "observedAt", now_us, &out->observed_us, error));
    PHI_GUARD(phi_json_object(root, "content", &content, error));
    PHI_GUARD(kind->read(&content, now_us, out, error));
out:
    return err;
}

enum phi_err form_source_read(const struct form_kind *kind, struct phi_view line, int64_t now_us,
                              struct phi_arena *arena, struct form_source *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct form_source form = {0};
    struct phi_json_at root;
    PHI_GUARD(phi_json_read(line, LINE_DEPTH_MAX, arena, &root, error));
    PHI_GUARD(read_members(kind, &root, now_us, arena, &form, error));
    *out = form;
out:
    return err;
}
