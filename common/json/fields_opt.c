#include "json/json.h"

/* An optional member: its fallback, or its place read by the reader of the same name. */

enum phi_err phi_json_text_opt(const struct phi_json_at *object, const char *field, size_t min,
                               size_t max, const char *fallback, const char **out,
                               struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_text(&at, min, max, out, error);
    *out = fallback;
out:
    return err;
}

enum phi_err phi_json_lines_opt(const struct phi_json_at *object, const char *field, size_t min,
                                size_t max, const char *fallback, const char **out,
                                struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_lines(&at, min, max, out, error);
    *out = fallback;
out:
    return err;
}

enum phi_err phi_json_word_opt(const struct phi_json_at *object, const char *field, size_t max,
                               const char *fallback, const char **out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_word(&at, max, out, error);
    *out = fallback;
out:
    return err;
}

enum phi_err phi_json_int_opt(const struct phi_json_at *object, const char *field, int64_t min,
                              int64_t max, int64_t fallback, int64_t *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_int(&at, min, max, out, error);
    *out = fallback;
out:
    return err;
}

enum phi_err phi_json_number_opt(const struct phi_json_at *object, const char *field, double min,
                                 double max, double fallback, double *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_number(&at, min, max, out, error);
    *out = fallback;
out:
    return err;
}

enum phi_err phi_json_bool_opt(const struct phi_json_at *object, const char *field, bool fallback,
                               bool *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_bool(&at, out, error);
    *out = fallback;
out:
    return err;
}

enum phi_err phi_json_time_opt(const struct phi_json_at *object, const char *field,
                               int64_t fallback_us, int64_t *time_us, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_time(&at, time_us, error);
    *time_us = fallback_us;
out:
    return err;
}

enum phi_err phi_json_date_opt(const struct phi_json_at *object, const char *field,
                               struct phi_json_date *out, bool *present, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        PHI_GUARD(phi_json_as_date(&at, out, error));
    *present = at.value != NULL;
out:
    return err;
}

enum phi_err phi_json_enum_opt(const struct phi_json_at *object, const char *field,
                               const char *const *choices, size_t count, size_t fallback,
                               size_t *index, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        return phi_json_as_enum(&at, choices, count, index, error);
    *index = fallback;
out:
    return err;
}

enum phi_err phi_json_hex_opt(const struct phi_json_at *object, const char *field, uint8_t *out,
                              size_t len, bool *present, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        PHI_GUARD(phi_json_as_hex(&at, out, len, error));
    *present = at.value != NULL;
out:
    return err;
}

enum phi_err phi_json_base64_opt(const struct phi_json_at *object, const char *field, size_t min,
                                 size_t max, uint8_t *out, size_t *len, bool *present,
                                 struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        PHI_GUARD(phi_json_as_base64(&at, min, max, out, len, error));
    *present = at.value != NULL;
out:
    return err;
}

enum phi_err phi_json_array_opt(const struct phi_json_at *object, const char *field, size_t min,
                                size_t max, struct phi_json_at *out, size_t *count,
                                struct phi_error *error)
{
    struct phi_json_at at;
    size_t found = 0;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        PHI_GUARD(phi_json_as_array(&at, min, max, &found, error));
    *out = at;
    *count = found;
out:
    return err;
}

enum phi_err phi_json_object_opt(const struct phi_json_at *object, const char *field,
                                 struct phi_json_at *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value != NULL)
        PHI_GUARD(phi_json_as_object(&at, error));
    *out = at;
out:
    return err;
}
