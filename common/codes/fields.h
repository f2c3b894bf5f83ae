/* Short texts in binary messages: one length byte, then the text. Inside the codes room only.
 *
 *   phi_put_text8(&writer, "svc-directory");
 *   phi_get_text8(&reader, program, sizeof(program));
 */
#ifndef PHI_CODES_FIELDS_H
#define PHI_CODES_FIELDS_H

#include "base/bytes.h"

#include <string.h>

static inline void phi_put_text8(struct phi_writer *out, const char *text)
{
    phi_write_u8(out, (uint8_t)strlen(text));
    phi_write_bytes(out, text, strlen(text));
}

/* The reader fails when the text does not fit `size` with its ending zero, or holds a zero itself.
 */
static inline void phi_get_text8(struct phi_reader *in, char *out, size_t size)
{
    struct phi_view text = phi_read_view(in, phi_read_u8(in));
    if (in->failed || text.len >= size || (text.len > 0 && memchr(text.data, 0, text.len))) {
        in->failed = true;
        out[0] = '\0';
        return;
    }
    if (text.len > 0)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

#endif
