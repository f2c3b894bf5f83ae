/* Errors: one enum, one table (err_table.h), from which names, public return codes, HTTP status and
 * the documents are made.
 *
 *   enum phi_err err = PHI_OK;
 *   PHI_GUARD(phi_http_open(...));
 *   out: return err;
 */
#ifndef PHI_BASE_ERR_H
#define PHI_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PHI_MUST_USE __attribute__((warn_unused_result))

enum phi_err {
#define PHI_ROW(symbol, name, code, http, retryable, zh, en) PHI_##symbol,
#include "base/err_table.h"
#undef PHI_ROW
    PHI_ERR_COUNT
};

/* What went wrong and where, filled at the lowest layer. `place` is a field path
 * ("$.trips[2].arrivedAt"), a variable or a file name; `text` says why in plain English and never
 * repeats the value. */
struct phi_error {
    enum phi_err code;
    char place[128];
    char text[192];
};

/* The one guard: leaves through the function's `out:` label; `err` must be in scope. */
#define PHI_GUARD(expression)                                                                      \
    do {                                                                                           \
        err = (expression);                                                                        \
        if (err != PHI_OK)                                                                         \
            goto out;                                                                              \
    } while (0)

/* Fills `error` (may be NULL; what is too long is cut between characters) and returns `code`, so
 * that a failing function ends in one line. */
enum phi_err phi_error_set(struct phi_error *error, enum phi_err code, const char *place,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

const char *phi_err_name(enum phi_err err);        /* "code_expired" */
const char *phi_err_return_code(enum phi_err err); /* "2003": resultCode */
/* The error of a stored return code; PHI_ERR_INTERNAL for one that is not in the table. */
enum phi_err phi_err_from_return_code(const char *return_code);
int phi_err_http_status(enum phi_err err);     /* 200 for a verdict about a code */
bool phi_err_is_retryable(enum phi_err err);   /* the same call may succeed later */
bool phi_err_is_verdict(enum phi_err err);     /* a 2xxx: a successful answer about a code */
const char *phi_err_text_zh(enum phi_err err); /* resultDesc */
const char *phi_err_text_en(enum phi_err err); /* resultDescEn */

/* The table in Markdown, one section for each class of return codes: docs/return-codes.md. */
void phi_err_print_markdown(FILE *to);

#endif
