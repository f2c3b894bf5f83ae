#include "svc-declare/forms/form.h"

#include "codes/region.h"

#define CLOCK_TOLERANCE_US (5 * 1000000LL)
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
        return phi_json_refuse(object, field, PHI_ERR_FIELD_VALUE, "no region of GB/T 2260", error);
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
