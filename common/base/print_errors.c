#include "base/err.h"

#include <stdio.h>

static const char *title_of(char class)
{
    switch (class) {
    case '0':
        return "Success";
    case '1':
        return "The request is malformed";
    case '2':
        return "Verdicts about a code";
    case '3':
        return "Who you are and what you may do";
    case '4':
        return "The data";
    case '5':
        return "A neighbour, or overload";
    default:
        return "Ours";
    }
}

void phi_err_print_markdown(FILE *to)
{
    char class = '\0';
    fputs("# Return codes\n", to);
    for (enum phi_err err = PHI_OK; err < PHI_ERR_COUNT; err++) {
        const char *code = phi_err_return_code(err);
        if (code[0] != class) {
            class = code[0];
            fprintf(to, "\n## %cxxx: %s\n\n", class, title_of(class));
            fputs("| resultCode | name | HTTP | try again | resultDesc | resultDescEn |\n", to);
            fputs("| --- | --- | --- | --- | --- | --- |\n", to);
        }
        fprintf(to, "| %s | `%s` | %d | %s | %s | %s |\n", code, phi_err_name(err),
                phi_err_http_status(err), phi_err_is_retryable(err) ? "yes" : "no",
                phi_err_text_zh(err), phi_err_text_en(err));
    }
}
