/* Pictures from outside, PNG or JPEG, read into luminance under bounds: for phictl code trace.
 *
 *   struct phi_grey grey;
 *   PHI_GUARD(phi_grey_read(bytes, PHI_GREY_PIXELS_MAX, &grey));
 *   … grey.pixels[(size_t)y * grey.width + x] …
 *   phi_grey_free(&grey);
 */
#ifndef PHI_PICTURE_GREY_H
#define PHI_PICTURE_GREY_H

#include "base/bytes.h"

#define PHI_GREY_SIDE_MAX   8192
#define PHI_GREY_PIXELS_MAX (24 * 1000 * 1000)
#define PHI_GREY_FILE_MAX   (16 * 1024 * 1024)

struct phi_grey {
    int width;
    int height;
    uint8_t *pixels; /* row by row, 0 black, 255 white */
};

/* Which of the two formats it is, the first bytes tell. What is transparent counts as white.
 * Memory: one byte a pixel, and of a progressive JPEG or an interlaced PNG what their libraries
 * keep, up to 6 bytes a pixel. PHI_ERR_FIELD_VALUE for anything else, broken or over a bound (a
 * side of PHI_GREY_SIDE_MAX, `pixels_max`, PHI_GREY_FILE_MAX bytes); PHI_ERR_MEMORY. On failure
 * nothing needs to be freed. Any thread. */
enum phi_err phi_grey_read(struct phi_view bytes, size_t pixels_max,
                           struct phi_grey *out) PHI_MUST_USE;
void phi_grey_free(struct phi_grey *grey); /* zeroed is fine */

#endif
