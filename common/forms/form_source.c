/* A line of a data source, read by its kind's table. */
#include "forms/form.h"

#include "codes/region.h"
#include "crypto/sm3.h"

#include <string.h>

#define LINE_DEPTH_MAX 8
#define NAME_MAX_CHARS 64
#define EVENT_KEY_LEN  16
#define REVISION_MAX   INT32_MAX
#define MEMBERS_MAX    16

struct reading {
    const struct form_kind *kind;
    const struct phi_json_at *at; /* the content */
    int64_t now_us;
    struct form_source *out;
    struct phi_error *error;
};

/* What a record tells of came before the record was made. */
static enum phi_err read_time(const struct reading *r, const struct form_member *member)
{
    enum phi_err err = PHI_OK;
    int64_t time_us = 0, earlier_us = 0;
    PHI_GUARD(form_past(r->at, member->name, r->now_us, &time_us, r->error));
    if (time_us > r->out->observed_us)
        return phi_json_refuse(r->at, member->name, PHI_ERR_RULE, "after observedAt", r->error);
    if (member->after != NULL) {
        PHI_GUARD(phi_json_time_opt(r->at, member->after, time_us, &earlier_us, r->error));
        PHI_GUARD(form_order(r->at, member->name, earlier_us, time_us, r->error));
    }
    PHI_GUARD(form_put_time(r->out->content, member->name, time_us));
out:
    return err;
}

static enum phi_err read_country(const struct reading *r, const struct form_member *member)
{
    enum phi_err err = PHI_OK;
    const char *country = NULL;
    PHI_GUARD(phi_json_text(r->at, member->name, 3, 3, &country, r->error));
    if (!phi_country_is_valid(phi_view_text(country)))
        return phi_json_refuse(r->at, member->name, PHI_ERR_FIELD_VALUE, "no country of GB/T 2659",
                               r->error);
    PHI_GUARD(form_put_text(r->out->content, member->name, country));
out:
    return err;
}

/* The same specimen has the same event key, whoever reports it and under whatever record number. */
static enum phi_err put_event_key(json_t *content, const char *number)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    char key[2 * EVENT_KEY_LEN + 1];
    PHI_GUARD(phi_sm3(phi_view_text(number), digest));
    phi_hex_encode(phi_view_of(digest, EVENT_KEY_LEN), key);
    PHI_GUARD(form_put_text(content, "eventKey", key));
out:
    return err;
}

static enum phi_err read_personal(const struct reading *r, const struct form_member *member)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    size_t min = (size_t)member->min, max = (size_t)member->max;
    if (member->type == FORM_LINES)
        PHI_GUARD(phi_json_lines(r->at, member->name, min, max, &text, r->error));
    else
        PHI_GUARD(phi_json_text(r->at, member->name, min, max, &text, r->error));
    PHI_GUARD(form_put_text(r->out->personal, member->name, text));
    if ((member->flags & FORM_EVENT) != 0)
        PHI_GUARD(put_event_key(r->out->content, text));
out:
    return err;
}

static enum phi_err read_code(const struct reading *r, const struct form_member *member,
                              const struct phi_json_at *value)
{
    enum phi_err err = PHI_OK;
    const char *code = NULL;
    PHI_GUARD(form_code(value, member->set, &code, r->error));
    PHI_GUARD(form_put_text(r->out->content, member->name, code));
out:
    return err;
}

static enum phi_err read_number(const struct reading *r, const struct form_member *member,
                                const struct phi_json_at *value)
{
    enum phi_err err = PHI_OK;
    double degrees = 0;
    int64_t number = 0;
    bool flag = false;
    json_t *json = NULL;
    if (member->type == FORM_DEGREES) {
        PHI_GUARD(
            phi_json_as_number(value, FORM_DEGREES_MIN, FORM_DEGREES_MAX, &degrees, r->error));
        json = json_real(degrees);
    } else if (member->type == FORM_INTEGER) {
        PHI_GUARD(phi_json_as_int(value, member->min, member->max, &number, r->error));
        json = json_integer(number);
    } else {
        PHI_GUARD(phi_json_as_bool(value, &flag, r->error));
        json = json_boolean(flag);
    }
    PHI_GUARD(form_put(r->out->content, member->name, json));
out:
    return err;
}

static enum phi_err read_word(const struct reading *r, const struct form_member *member)
{
    enum phi_err err = PHI_OK;
    const char *word = NULL;
    if (member->type == FORM_REGION)
        PHI_GUARD(form_region(r->at, member->name, &word, r->error));
    else
        PHI_GUARD(phi_json_word(r->at, member->name, (size_t)member->max, &word, r->error));
    PHI_GUARD(form_put_text(r->out->content, member->name, word));
out:
    return err;
}

static enum phi_err read_value(const struct reading *r, const struct form_member *member,
                               const struct phi_json_at *value)
{
    json_t *content = r->out->content;
    switch (member->type) {
    case FORM_CODE:
        return read_code(r, member, value);
    case FORM_CODES:
        return form_move_codes(r->at, member->name, member->set, true, content, r->error);
    case FORM_TIME:
        return read_time(r, member);
    case FORM_INTEGER:
    case FORM_DEGREES:
    case FORM_FLAG:
        return read_number(r, member, value);
    case FORM_REGION:
    case FORM_WORD:
        return read_word(r, member);
    case FORM_COUNTRY:
        return read_country(r, member);
    case FORM_STAYS:
        return form_move_stays(r->at, member->name, (size_t)member->max, r->now_us, content,
                               r->error);
    case FORM_TEXT:
    case FORM_LINES:
        return read_personal(r, member);
    }
    return PHI_ERR_INTERNAL;
}

/* A member of one code only: there with that code, absent with any other. */
static enum phi_err is_wanted(const struct reading *r, const struct form_member *member,
                              bool *required)
{
    const struct form_member *first = &r->kind->members[0];
    const char *code = json_string_value(json_object_get(r->out->content, first->name));
    bool is_of_code = code != NULL && member->when != NULL && strcmp(code, member->when) == 0;
    *required = (member->flags & FORM_REQUIRED) != 0 || is_of_code;
    if (member->when == NULL || is_of_code)
        return PHI_OK;
    struct phi_json_at value;
    enum phi_err err = phi_json_member(r->at, member->name, false, &value, r->error);
    if (err == PHI_OK && value.value != NULL)
        return phi_json_refuse(r->at, member->name, PHI_ERR_RULE, "belongs to another record",
                               r->error);
    return err;
}

static enum phi_err read_member(const struct reading *r, const struct form_member *member)
{
    enum phi_err err = PHI_OK;
    bool required = false;
    struct phi_json_at value;
    PHI_GUARD(is_wanted(r, member, &required));
    PHI_GUARD(phi_json_member(r->at, member->name, required, &value, r->error));
    /* stays that are not told are none: the event has the list always */
    if (value.value != NULL || member->type == FORM_STAYS)
        PHI_GUARD(read_value(r, member, &value));
out:
    return err;
}

static enum phi_err read_content(const struct reading *r)
{
    enum phi_err err = PHI_OK;
    const char *names[MEMBERS_MAX];
    for (size_t i = 0; i < r->kind->count; i++)
        names[i] = r->kind->members[i].name;
    PHI_GUARD(phi_json_only(r->at, names, r->kind->count, r->error));
    for (size_t i = 0; i < r->kind->count; i++)
        PHI_GUARD(read_member(r, &r->kind->members[i]));
out:
    return err;
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

static enum phi_err read_person(const struct phi_json_at *at, int64_t now_us,
                                struct phi_arena *arena, struct form_source *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"name", "idType", "idNo", "country", "birthDate", "sex"};
    struct phi_error inner = {0};
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(read_text(at, "name", 1, NAME_MAX_CHARS, &out->person.name, error));
    PHI_GUARD(read_text(at, "idType", 3, 3, &out->person.id_type, error));
    PHI_GUARD(read_text(at, "idNo", 1, 32, &out->person.id_no, error));
    PHI_GUARD(read_text(at, "country", 3, 3, &out->person.country, error));
    err = form_person(&out->person, arena, &out->personal, &inner);
    if (err == PHI_ERR_FIELD_VALUE)
        return phi_json_refuse(at, inner.place, err, inner.text, error);
    PHI_GUARD(err);
    PHI_GUARD(form_move_born(at, now_us, out->personal, error));
out:
    return err;
}

static enum phi_err read_what(const struct form_kind *kind, const struct phi_json_at *root,
                              int64_t now_us, struct form_source *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at content;
    PHI_GUARD(form_past(root, "observedAt", now_us, &out->observed_us, error));
    PHI_GUARD(phi_json_object(root, "content", &content, error));
    const struct reading reading = {kind, &content, now_us, out, error};
    PHI_GUARD(read_content(&reading));
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
    struct phi_json_at person;
    int64_t revision = 0;
    PHI_GUARD(form_object(arena, &out->content));
    PHI_GUARD(phi_json_only(root, members, FORM_COUNT(members), error));
    PHI_GUARD(phi_json_word(root, "recordNo", FORM_RECORD_MAX, &out->record_no, error));
    PHI_GUARD(phi_json_int(root, "revision", 1, REVISION_MAX, &revision, error));
    out->revision = (uint32_t)revision;
    PHI_GUARD(phi_json_object(root, "person", &person, error));
    PHI_GUARD(read_person(&person, now_us, arena, out, error));
    PHI_GUARD(read_what(kind, root, now_us, out, error));
out:
    return err;
}

enum phi_err form_record_read(const struct form_kind *kind, const struct phi_json_at *record,
                              int64_t now_us, struct phi_arena *arena, struct form_record *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"observedAt", "content"};
    struct form_source form = {0};
    PHI_GUARD(form_object(arena, &form.content));
    PHI_GUARD(form_object(arena, &form.personal));
    PHI_GUARD(phi_json_only(record, members, FORM_COUNT(members), error));
    PHI_GUARD(read_what(kind, record, now_us, &form, error));
    *out = (struct form_record){
        .observed_us = form.observed_us, .content = form.content, .personal = form.personal};
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
