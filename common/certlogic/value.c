#include "certlogic/value.h"

#include "certlogic/time.h"

#include <math.h>
#include <string.h>

const struct phi_certlogic_value phi_certlogic_null = {.type = PHI_CERTLOGIC_NULL};
const struct phi_certlogic_value phi_certlogic_true = {.type = PHI_CERTLOGIC_BOOL, .count = 1};
const struct phi_certlogic_value phi_certlogic_false = {.type = PHI_CERTLOGIC_BOOL};

static struct phi_certlogic_value *new_value(struct phi_arena *arena, uint8_t type, size_t count)
{
    struct phi_certlogic_value *value =
        count <= UINT32_MAX ? phi_arena_alloc(arena, sizeof(*value)) : NULL;
    if (value != NULL) {
        value->type = type;
        value->count = (uint32_t)count;
    }
    return value;
}

struct phi_certlogic_value *phi_certlogic_value_number(struct phi_arena *arena, double number)
{
    struct phi_certlogic_value *value = new_value(arena, PHI_CERTLOGIC_NUMBER, 0);
    if (value != NULL)
        value->of.number = number;
    return value;
}

struct phi_certlogic_value *phi_certlogic_value_text(struct phi_arena *arena, struct phi_view text)
{
    struct phi_certlogic_value *value = new_value(arena, PHI_CERTLOGIC_TEXT, text.len);
    if (value != NULL)
        value->of.text = (const char *)text.data;
    return value;
}

struct phi_certlogic_value *phi_certlogic_value_instant(struct phi_arena *arena,
                                                        struct phi_view text, int64_t ms)
{
    struct phi_certlogic_value *value = phi_certlogic_value_text(arena, text);
    if (value != NULL) {
        value->when = PHI_CERTLOGIC_WHEN_MS;
        value->ms = ms;
    }
    return value;
}

struct phi_certlogic_value *
phi_certlogic_value_array(struct phi_arena *arena, const struct phi_certlogic_value *const *items,
                          size_t count)
{
    struct phi_certlogic_value *value = new_value(arena, PHI_CERTLOGIC_ARRAY, count);
    if (value != NULL)
        value->of.items = items;
    return value;
}

struct phi_certlogic_value *phi_certlogic_value_object(struct phi_arena *arena,
                                                       const struct phi_certlogic_member *members,
                                                       size_t count)
{
    struct phi_certlogic_value *value = new_value(arena, PHI_CERTLOGIC_OBJECT, count);
    if (value != NULL)
        value->of.members = members;
    return value;
}

/* --- from jansson --- */

static enum phi_err import_array(struct phi_arena *arena, const json_t *json,
                                 const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    size_t count = json_array_size(json);
    const struct phi_certlogic_value **items = phi_arena_alloc(arena, count * sizeof(*items));
    PHI_GUARD(items == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(phi_certlogic_value_import(arena, json_array_get(json, i), &items[i]));
    *out = phi_certlogic_value_array(arena, items, count);
out:
    return err;
}

static enum phi_err import_object(struct phi_arena *arena, const json_t *json,
                                  const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const char *key;
    json_t *item;
    size_t i = 0, count = json_object_size(json);
    struct phi_certlogic_member *members = phi_arena_alloc(arena, count * sizeof(*members));
    PHI_GUARD(members == NULL ? PHI_ERR_MEMORY : PHI_OK);
    json_object_foreach((json_t *)(uintptr_t)json, key, item)
    {
        members[i].key = phi_arena_view(arena, phi_view_text(key));
        PHI_GUARD(members[i].key.data == NULL ? PHI_ERR_MEMORY : PHI_OK);
        PHI_GUARD(phi_certlogic_value_import(arena, item, &members[i++].value));
    }
    *out = phi_certlogic_value_object(arena, members, count);
out:
    return err;
}

static enum phi_err import_text(struct phi_arena *arena, const json_t *json,
                                const struct phi_certlogic_value **out)
{
    struct phi_view text =
        phi_arena_view(arena, phi_view_of(json_string_value(json), json_string_length(json)));
    *out = text.data == NULL ? NULL : phi_certlogic_value_text(arena, text);
    return PHI_OK;
}

enum phi_err phi_certlogic_value_import(struct phi_arena *arena, const json_t *json,
                                        const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    *out = &phi_certlogic_null;
    if (json_is_array(json))
        PHI_GUARD(import_array(arena, json, out));
    else if (json_is_object(json))
        PHI_GUARD(import_object(arena, json, out));
    else if (json_is_string(json))
        PHI_GUARD(import_text(arena, json, out));
    else if (json_is_number(json))
        *out = phi_certlogic_value_number(arena, json_number_value(json));
    else if (json_is_boolean(json))
        *out = json_is_true(json) ? &phi_certlogic_true : &phi_certlogic_false;
out:
    return err == PHI_OK && *out == NULL ? PHI_ERR_MEMORY : err;
}

/* --- and back --- */

static enum phi_err export_array(const struct phi_certlogic_value *value, json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *item = NULL, *array = json_array();
    for (size_t i = 0; i < value->count; i++) {
        PHI_GUARD(phi_certlogic_value_export(value->of.items[i], &item));
        PHI_GUARD(json_array_append_new(array, item) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    *out = array;
    array = NULL;
out:
    json_decref(array);
    return err;
}

static enum phi_err export_object(const struct phi_certlogic_value *value, json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *item = NULL, *object = json_object();
    for (size_t i = 0; i < value->count; i++) {
        const struct phi_certlogic_member *member = &value->of.members[i];
        PHI_GUARD(phi_certlogic_value_export(member->value, &item));
        PHI_GUARD(
            json_object_setn_new(object, (const char *)member->key.data, member->key.len, item) == 0
                ? PHI_OK
                : PHI_ERR_MEMORY);
    }
    *out = object;
    object = NULL;
out:
    json_decref(object);
    return err;
}

static json_t *export_number(double number)
{
    if (!isfinite(number))
        return json_null();
    bool is_whole = number == floor(number) && fabs(number) <= 9007199254740992.0;
    return is_whole ? json_integer((json_int_t)number) : json_real(number);
}

static json_t *export_time(const struct phi_certlogic_value *value)
{
    char text[PHI_CERTLOGIC_TIME_MAX];
    if (value->when != PHI_CERTLOGIC_WHEN_MS)
        return json_null();
    phi_certlogic_time_format(value->ms, text);
    return json_string(text);
}

enum phi_err phi_certlogic_value_export(const struct phi_certlogic_value *value, json_t **out)
{
    json_t *json = NULL;
    switch (value->type) {
    case PHI_CERTLOGIC_ARRAY:
        return export_array(value, out);
    case PHI_CERTLOGIC_OBJECT:
        return export_object(value, out);
    case PHI_CERTLOGIC_BOOL:
        json = json_boolean(value->count == 1);
        break;
    case PHI_CERTLOGIC_NUMBER:
        json = export_number(value->of.number);
        break;
    case PHI_CERTLOGIC_TEXT:
        json = json_stringn(value->of.text, value->count);
        if (json == NULL)
            return PHI_ERR_RULE;
        break;
    case PHI_CERTLOGIC_TIME:
        json = export_time(value);
        break;
    default:
        json = json_null();
    }
    *out = json;
    return json == NULL ? PHI_ERR_MEMORY : PHI_OK;
}
