#include "json/json.h"

#include "base/mutant.h"

#include <string.h>

/* Counted over the bytes before the library builds anything: its own bound is 2,048 levels. */
static bool is_too_deep(struct phi_view body, size_t max_depth)
{
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < body.len; i++) {
        uint8_t c = body.data[i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (in_text)
            continue;
        else if ((c == '{' || c == '[') && ++depth > max_depth)
            return true;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

/* The library's own text may quote the input, so only its code is looked at. */
static const char *reason_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return "a field is there twice";
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "holds U+0000";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "goes on after its end";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "not JSON";
    }
}

static enum phi_err refuse(const json_error_t *failure, struct phi_error *error)
{
    if (failure->text[0] == '\0' || json_error_code(failure) == json_error_out_of_memory)
        return phi_error_set(error, PHI_ERR_MEMORY, "$", "out of memory");
    return phi_error_set(error, PHI_ERR_JSON, "$", "%s, line %d, column %d", reason_of(failure),
                         failure->line, failure->column);
}

enum phi_err phi_json_parse(struct phi_view body, size_t max_depth, json_t **out,
                            struct phi_error *error)
{
    if (body.len == 0)
        return phi_error_set(error, PHI_ERR_JSON, "$", "empty");
    /* the library takes a zero byte for the end of the text */
    if (memchr(body.data, 0, body.len) != NULL)
        return phi_error_set(error, PHI_ERR_JSON, "$", "holds U+0000");
    if (is_too_deep(body, max_depth))
        return phi_error_set(error, PHI_ERR_JSON, "$", "nested deeper than %zu levels", max_depth);
    json_error_t failure = {.text = ""};
    json_t *value = json_loadb(
        (const char *)body.data, body.len,
        (PHI_MUTANT(member_twice_taken) ? 0 : JSON_REJECT_DUPLICATES) | JSON_DECODE_ANY, &failure);
    if (value == NULL)
        return refuse(&failure, error);
    *out = value;
    return PHI_OK;
}

static void drop(void *value)
{
    json_decref(value);
}

enum phi_err phi_json_keep(struct phi_arena *arena, json_t *value)
{
    if (value == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = phi_arena_on_free(arena, drop, value);
    if (err != PHI_OK)
        json_decref(value);
    return err;
}

enum phi_err phi_json_read(struct phi_view body, size_t max_depth, struct phi_arena *arena,
                           struct phi_json_at *root, struct phi_error *error)
{
    json_t *value = NULL;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_parse(body, max_depth, &value, error));
    err = phi_json_keep(arena, value);
    if (err != PHI_OK)
        return phi_error_set(error, err, "$", "out of memory");
    *root = phi_json_root(value);
out:
    return err;
}
