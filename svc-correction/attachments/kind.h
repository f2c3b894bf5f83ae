/* What an attachment is, by its bytes: a PDF, a PNG or a JPEG, whatever its name says.
 *
 *   const struct attachment_kind *kind = attachment_kind_of(bytes);    // NULL: none of them
 *   if (kind == NULL || kind != attachment_kind_named("png")) …        // not what it says
 *
 * Pure; any thread.
 */
#ifndef SVC_CORRECTION_ATTACHMENT_KIND_H
#define SVC_CORRECTION_ATTACHMENT_KIND_H

#include "base/bytes.h"

#include <stdbool.h>

struct attachment_kind {
    const char *name; /* in requests: pdf, png, jpeg */
    const char *type; /* as it is kept and handed out: pictures are drawn anew, as JPEG */
    const char *ending;
    bool is_picture;
};

const struct attachment_kind *attachment_kind_named(const char *name); /* NULL: no such kind */
const struct attachment_kind *attachment_kind_of(struct phi_view bytes);
/* Of a kept type; never NULL. */
const char *attachment_ending(const char *type);

#endif
