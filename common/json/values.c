#include "json/internal.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static enum phi_err type_error(const struct phi_json_at *at, const char *wanted,
                               struct phi_error *error)
{
    if (at->value == NULL || json_is_null(at->value))
        return phi_json_fail(at, PHI_ERR_FIELD_MISSING, error, "missing");
    return phi_json_fail(at, PHI_ERR_FIELD_TYPE, error, "not %s", wanted);
}

static enum phi_err value_error(const struct phi_json_at *at, const char *reason,
                                struct phi_error *error)
{
    return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "%s", reason);
}

static struct phi_view view_of(const struct phi_json_at *at)
{
    return phi_view_of(json_string_value(at->value), json_string_length(at->value));
}

static enum phi_err check_length(const struct phi_json_at *at, size_t min, size_t max,
                                 struct phi_error *error)
{
    if (!json_is_string(at->value))
        return type_error(at, "a text", error);
    size_t count = phi_text_count(view_of(at));
    if (count < min && count == 0)
        return value_error(at, "empty", error);
    if (count < min)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "shorter than %zu characters", min);
    if (count > max)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "longer than %zu characters", max);
    return PHI_OK;
}

enum phi_err phi_json_as_text(const struct phi_json_at *at, size_t min, size_t max,
                              const char **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(check_length(at, min, max, error));
    if (phi_text_has_control(view_of(at)))
        return value_error(at, "holds control characters", error);
    *out = json_string_value(at->value);
out:
    return err;
}

/* Split at the three that may pass; what lies between must be without control characters. */
static bool lines_have_control(const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n\r\t");
        if (phi_text_has_control(phi_view_of(text, len)))
            return true;
        text += len + strspn(text + len, "\n\r\t");
    }
    return false;
}

enum phi_err phi_json_as_lines(const struct phi_json_at *at, size_t min, size_t max,
                               const char **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(check_length(at, min, max, error));
    if (lines_have_control(json_string_value(at->value)))
        return value_error(at, "holds control characters", error);
    *out = json_string_value(at->value);
out:
    return err;
}

enum phi_err phi_json_as_word(const struct phi_json_at *at, size_t max, const char **out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(check_length(at, 1, max, error));
    if (!phi_text_is_word(view_of(at), max))
        return value_error(at, "holds other characters than A-Z a-z 0-9 . _ -", error);
    *out = json_string_value(at->value);
out:
    return err;
}

enum phi_err phi_json_as_int(const struct phi_json_at *at, int64_t min, int64_t max, int64_t *out,
                             struct phi_error *error)
{
    if (!json_is_integer(at->value))
        return type_error(at, "a whole number", error);
    json_int_t value = json_integer_value(at->value);
    if (value < min)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "less than %" PRId64, min);
    if (value > max)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "more than %" PRId64, max);
    *out = value;
    return PHI_OK;
}

enum phi_err phi_json_as_number(const struct phi_json_at *at, double min, double max, double *out,
                                struct phi_error *error)
{
    if (!json_is_number(at->value))
        return type_error(at, "a number", error);
    double value = json_number_value(at->value);
    if (!isfinite(value) || value < min)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "less than %g", min);
    if (value > max)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "more than %g", max);
    *out = value;
    return PHI_OK;
}

enum phi_err phi_json_as_bool(const struct phi_json_at *at, bool *out, struct phi_error *error)
{
    if (!json_is_boolean(at->value))
        return type_error(at, "true or false", error);
    *out = json_is_true(at->value);
    return PHI_OK;
}

enum phi_err phi_json_as_time(const struct phi_json_at *at, int64_t *time_us,
                              struct phi_error *error)
{
    if (!json_is_string(at->value))
        return type_error(at, "a text", error);
    int64_t value = 0;
    if (phi_rfc3339_parse(view_of(at), &value) != PHI_OK)
        return value_error(at, "not a date-time", error);
    *time_us = value;
    return PHI_OK;
}

enum phi_err phi_json_as_date(const struct phi_json_at *at, struct phi_json_date *out,
                              struct phi_error *error)
{
    if (!json_is_string(at->value))
        return type_error(at, "a text", error);
    struct phi_json_date date = {.text = json_string_value(at->value)};
    if (phi_date_parse(view_of(at), &date.year, &date.month, &date.day) != PHI_OK)
        return value_error(at, "not a date", error);
    *out = date;
    return PHI_OK;
}

enum phi_err phi_json_as_enum(const struct phi_json_at *at, const char *const *choices,
                              size_t count, size_t *index, struct phi_error *error)
{
    if (!json_is_string(at->value))
        return type_error(at, "a text", error);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(json_string_value(at->value), choices[i]) == 0) {
            *index = i;
            return PHI_OK;
        }
    }
    return value_error(at, "not one of the known values", error);
}

enum phi_err phi_json_as_hex(const struct phi_json_at *at, uint8_t *out, size_t len,
                             struct phi_error *error)
{
    if (!json_is_string(at->value))
        return type_error(at, "a text", error);
    if (json_string_length(at->value) != 2 * len || phi_hex_decode(view_of(at), out, len) != PHI_OK)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "not %zu bytes in hex", len);
    return PHI_OK;
}

enum phi_err phi_json_as_base64(const struct phi_json_at *at, size_t min, size_t max, uint8_t *out,
                                size_t *len, struct phi_error *error)
{
    if (!json_is_string(at->value))
        return type_error(at, "a text", error);
    if (json_string_length(at->value) > PHI_BASE64_LEN(max))
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "longer than %zu bytes", max);
    size_t decoded = 0;
    if (phi_base64_decode(view_of(at), out, max, &decoded) != PHI_OK)
        return value_error(at, "not base64", error);
    if (decoded < min)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "shorter than %zu bytes", min);
    *len = decoded;
    return PHI_OK;
}

enum phi_err phi_json_as_array(const struct phi_json_at *at, size_t min, size_t max, size_t *count,
                               struct phi_error *error)
{
    if (!json_is_array(at->value))
        return type_error(at, "an array", error);
    size_t size = json_array_size(at->value);
    if (size < min)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "fewer than %zu items", min);
    if (size > max)
        return phi_json_fail(at, PHI_ERR_FIELD_VALUE, error, "more than %zu items", max);
    *count = size;
    return PHI_OK;
}

enum phi_err phi_json_as_object(const struct phi_json_at *at, struct phi_error *error)
{
    return json_is_object(at->value) ? PHI_OK : type_error(at, "an object", error);
}
