#include "forms/form.h"

#include "codes/region.h"
#include "codes/value_set.h"

#include <string.h>

#define CLOCK_TOLERANCE_US (5 * 1000000LL)
#define CODE_MAX           32
#define CODES_MAX          32
#define AGE_MAX_US         (3653 * 86400 * 1000000LL) /* ten years: older is a slip of the pen */

enum phi_err form_past(const struct phi_json_at *object, const char *field, int64_t now_us,
                       int64_t *time_us, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t found_us = 0;
    PHI_GUARD(phi_json_time(object, field, &found_us, error));
    if (found_us > now_us + CLOCK_TOLERANCE_US)
        return phi_json_refuse(object, field, PHI_ERR_RULE, "in the future", error);
    if (found_us < now_us - AGE_MAX_US)
        return phi_json_refuse(object, field, PHI_ERR_RULE, "more than ten years ago", error);
    *time_us = found_us;
out:
    return err;
}

enum phi_err form_order(const struct phi_json_at *object, const char *field, int64_t earlier_us,
                        int64_t later_us, struct phi_error *error)
{
    if (later_us < earlier_us)
        return phi_json_refuse(object, field, PHI_ERR_RULE, "before what it follows", error);
    return PHI_OK;
}

enum phi_err form_region(const struct phi_json_at *object, const char *field, const char **out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *code = NULL;
    PHI_GUARD(phi_json_text(object, field, PHI_REGION_LEN, PHI_REGION_LEN, &code, error));
    if (!phi_region_is_valid(phi_view_text(code)))
        return phi_json_refuse(object, field, PHI_ERR_FIELD_VALUE, "no region's code", error);
    if (!phi_value_set_has(phi_value_set_find("gbt2260"), phi_view_text(code)))
        return phi_json_refuse(object, field, PHI_ERR_RULE, "no region of GB/T 2260", error);
    *out = code;
out:
    return err;
}

enum phi_err form_object(struct phi_arena *arena, json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *object = json_object();
    PHI_GUARD(phi_json_keep(arena, object));
    *out = object;
out:
    return err;
}

enum phi_err form_put(json_t *object, const char *field, json_t *value)
{
    return json_object_set_new(object, field, value) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err form_put_text(json_t *object, const char *field, const char *text)
{
    return text == NULL ? PHI_OK : form_put(object, field, json_string(text));
}

enum phi_err form_put_time(json_t *object, const char *field, int64_t time_us)
{
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(time_us, text);
    return form_put(object, field, json_string(text));
}

enum phi_err form_move_text(const struct phi_json_at *object, const char *field, size_t max,
                            json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    PHI_GUARD(phi_json_text_opt(object, field, 1, max, NULL, &text, error));
    PHI_GUARD(form_put_text(to, field, text));
out:
    return err;
}

enum phi_err form_move_choice(const struct phi_json_at *object, const char *field,
                              const char *const *choices, size_t count, json_t *to,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t index = 0;
    PHI_GUARD(phi_json_enum(object, field, choices, count, &index, error));
    PHI_GUARD(form_put_text(to, field, choices[index]));
out:
    return err;
}

enum phi_err form_code(const struct phi_json_at *at, const char *set, const char **out,
                       struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *code = "";
    PHI_GUARD(phi_json_as_text(at, 0, CODE_MAX, &code, error));
    if (!phi_value_set_has(phi_value_set_find(set), phi_view_text(code)))
        return phi_json_refuse(at, NULL, PHI_ERR_FIELD_VALUE, "no code of the value set", error);
    *out = code;
out:
    return err;
}

static bool has_text(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(json_string_value(json_array_get(array, i)), text) == 0)
            return true;
    return false;
}

enum phi_err form_move_codes(const struct phi_json_at *object, const char *field, const char *set,
                             bool required, json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at member, array;
    size_t count = 0;
    PHI_GUARD(phi_json_member(object, field, required, &member, error));
    if (member.value == NULL)
        return PHI_OK;
    PHI_GUARD(phi_json_array(object, field, 0, CODES_MAX, &array, &count, error));
    json_t *list = json_array();
    PHI_GUARD(form_put(to, field, list));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        const char *code = "";
        PHI_GUARD(form_code(&item, set, &code, error));
        if (has_text(list, code))
            return phi_json_refuse(&item, NULL, PHI_ERR_FIELD_VALUE, "there twice", error);
        if (json_array_append_new(list, json_string(code)) != 0)
            return PHI_ERR_MEMORY;
    }
out:
    return err;
}

static enum phi_err read_stay(const struct phi_json_at *at, int64_t now_us, json_t *stay,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"region", "from", "to"};
    const char *region = NULL;
    int64_t from_us = 0, to_us = 0;
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(form_region(at, "region", &region, error));
    PHI_GUARD(form_past(at, "from", now_us, &from_us, error));
    PHI_GUARD(form_past(at, "to", now_us, &to_us, error));
    PHI_GUARD(form_order(at, "to", from_us, to_us, error));
    PHI_GUARD(form_put_text(stay, "region", region));
    PHI_GUARD(form_put_time(stay, "from", from_us));
    PHI_GUARD(form_put_time(stay, "to", to_us));
out:
    return err;
}

enum phi_err form_move_stays(const struct phi_json_at *object, const char *field, size_t max,
                             int64_t now_us, json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at array;
    size_t count = 0;
    json_t *list = json_array();
    PHI_GUARD(form_put(to, field, list));
    PHI_GUARD(phi_json_array_opt(object, field, 0, max, &array, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        json_t *stay = json_object();
        if (json_array_append_new(list, stay) != 0)
            return PHI_ERR_MEMORY;
        PHI_GUARD(read_stay(&item, now_us, stay, error));
    }
out:
    return err;
}
