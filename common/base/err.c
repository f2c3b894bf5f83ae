#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct row {
    const char *name;
    const char *return_code;
    int http_status;
    bool retryable;
    const char *zh;
    const char *en;
};

static const struct row rows[PHI_ERR_COUNT] = {
#define PHI_ROW(symbol, name, code, http, retryable, zh, en)                                       \
    [PHI_##symbol] = {name, code, http, retryable, zh, en},
#include "base/err_table.h"
#undef PHI_ROW
};

/* A value from outside the enum is a fault of ours, and is told as one. */
static const struct row *row_of(enum phi_err err)
{
    assert((unsigned)err < PHI_ERR_COUNT);
    return &rows[(unsigned)err < PHI_ERR_COUNT ? err : PHI_ERR_INTERNAL];
}

/* snprintf may cut a character of several bytes in two; what is left of it must go, for the
 * text ends up in JSON. */
static void drop_cut_character(char *text, size_t size)
{
    size_t len = strlen(text);
    if (len + 1 < size)
        return;
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - (start - 1) < need)
        text[start - 1] = '\0';
}

enum phi_err phi_error_set(struct phi_error *error, enum phi_err code, const char *place,
                           const char *format, ...)
{
    if (error == NULL)
        return code;
    error->code = code;
    snprintf(error->place, sizeof(error->place), "%s", place != NULL ? place : "");
    drop_cut_character(error->place, sizeof(error->place));
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    drop_cut_character(error->text, sizeof(error->text));
    return code;
}

const char *phi_err_name(enum phi_err err)
{
    return row_of(err)->name;
}

const char *phi_err_return_code(enum phi_err err)
{
    return row_of(err)->return_code;
}

enum phi_err phi_err_from_return_code(const char *return_code)
{
    for (int i = 0; i < PHI_ERR_COUNT; i++)
        if (strcmp(rows[i].return_code, return_code) == 0)
            return (enum phi_err)i;
    return PHI_ERR_INTERNAL;
}

int phi_err_http_status(enum phi_err err)
{
    return row_of(err)->http_status;
}

bool phi_err_is_retryable(enum phi_err err)
{
    return row_of(err)->retryable;
}

bool phi_err_is_verdict(enum phi_err err)
{
    return row_of(err)->return_code[0] == '2';
}

const char *phi_err_text_zh(enum phi_err err)
{
    return row_of(err)->zh;
}

const char *phi_err_text_en(enum phi_err err)
{
    return row_of(err)->en;
}
