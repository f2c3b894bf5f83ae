/* A health code as people have it: the text itself, "-" for stdin, or a file with text, raw bytes
 * or a picture (PNG, JPEG) whose QR symbol is read by zbar.
 *
 *   PHI_GUARD(ctl_code_read(args->positional, &code, &error));
 *   …
 *   ctl_code_free(&code);
 */
#ifndef PHI_PHICTL_CODE_INPUT_H
#define PHI_PHICTL_CODE_INPUT_H

#include "base/bytes.h"

struct ctl_code {
    struct phi_view given; /* of `owned` or of the argument */
    bool is_text;
    const char *from; /* "text", "bytes", "picture"; static */
    uint8_t *owned;
};

/* A text from stdin or a file loses its line's end, an argument nothing. Bytes below 0x20 in front
 * are a code's length, so raw bytes; the formats' own signs tell pictures.
 * PHI_ERR_IO, PHI_ERR_BODY_TOO_LARGE, PHI_ERR_FIELD_VALUE (no picture that can be read),
 * PHI_ERR_NOT_FOUND (no QR symbol in it, or more than one), PHI_ERR_MEMORY. Blocks on the file. */
enum phi_err ctl_code_read(const char *argument, struct ctl_code *out,
                           struct phi_error *error) PHI_MUST_USE;
void ctl_code_free(struct ctl_code *code);

/* symbol.c: the text of the one QR symbol of a picture; the caller frees. */
enum phi_err ctl_symbol_read(struct phi_view picture, uint8_t **text, size_t *len,
                             struct phi_error *error) PHI_MUST_USE;

#endif
