#include "json/json.h"

/* A required member is its place read by the reader of the same name. */

enum phi_err phi_json_text(const struct phi_json_at *object, const char *field, size_t min,
                           size_t max, const char **out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_text(&at, min, max, out, error);
out:
    return err;
}

enum phi_err phi_json_lines(const struct phi_json_at *object, const char *field, size_t min,
                            size_t max, const char **out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_lines(&at, min, max, out, error);
out:
    return err;
}

enum phi_err phi_json_word(const struct phi_json_at *object, const char *field, size_t max,
                           const char **out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_word(&at, max, out, error);
out:
    return err;
}

enum phi_err phi_json_int(const struct phi_json_at *object, const char *field, int64_t min,
                          int64_t max, int64_t *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_int(&at, min, max, out, error);
out:
    return err;
}

enum phi_err phi_json_number(const struct phi_json_at *object, const char *field, double min,
                             double max, double *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_number(&at, min, max, out, error);
out:
    return err;
}

enum phi_err phi_json_bool(const struct phi_json_at *object, const char *field, bool *out,
                           struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_bool(&at, out, error);
out:
    return err;
}

enum phi_err phi_json_time(const struct phi_json_at *object, const char *field, int64_t *time_us,
                           struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_time(&at, time_us, error);
out:
    return err;
}

enum phi_err phi_json_date(const struct phi_json_at *object, const char *field,
                           struct phi_json_date *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_date(&at, out, error);
out:
    return err;
}

enum phi_err phi_json_enum(const struct phi_json_at *object, const char *field,
                           const char *const *choices, size_t count, size_t *index,
                           struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_enum(&at, choices, count, index, error);
out:
    return err;
}

enum phi_err phi_json_hex(const struct phi_json_at *object, const char *field, uint8_t *out,
                          size_t len, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_hex(&at, out, len, error);
out:
    return err;
}

enum phi_err phi_json_base64(const struct phi_json_at *object, const char *field, size_t min,
                             size_t max, uint8_t *out, size_t *len, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    err = phi_json_as_base64(&at, min, max, out, len, error);
out:
    return err;
}

enum phi_err phi_json_array(const struct phi_json_at *object, const char *field, size_t min,
                            size_t max, struct phi_json_at *out, size_t *count,
                            struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    PHI_GUARD(phi_json_as_array(&at, min, max, count, error));
    *out = at;
out:
    return err;
}

enum phi_err phi_json_object(const struct phi_json_at *object, const char *field,
                             struct phi_json_at *out, struct phi_error *error)
{
    struct phi_json_at at;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_member(object, field, true, &at, error));
    PHI_GUARD(phi_json_as_object(&at, error));
    *out = at;
out:
    return err;
}
