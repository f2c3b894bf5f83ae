/* Pictures from outside, PNG or JPEG, read into pixels under bounds: luminance for phictl code
 * trace, colours for attachments (picture/reencode.h).
 *
 *   struct phi_raster grey;
 *   PHI_GUARD(phi_raster_read_grey(bytes, PHI_RASTER_PIXELS_MAX, &grey));
 *   … grey.pixels[(size_t)y * grey.width + x] …
 *   phi_raster_free(&grey);
 */
#ifndef PHI_PICTURE_RASTER_H
#define PHI_PICTURE_RASTER_H

#include "base/bytes.h"

#define PHI_RASTER_SIDE_MAX   8192
#define PHI_RASTER_PIXELS_MAX (24 * 1000 * 1000)
#define PHI_RASTER_FILE_MAX   (16 * 1024 * 1024)

struct phi_raster {
    int width;
    int height;
    int channels;    /* bytes a pixel: 1 luminance, 3 red, green, blue */
    uint8_t *pixels; /* row by row, 0 black, 255 white */
};

/* Which of the two formats it is, the first bytes tell. What is transparent counts as white.
 * Memory: the pixels, and of a progressive JPEG or an interlaced PNG what their libraries
 * keep, up to 6 bytes a pixel. PHI_ERR_FIELD_VALUE for anything else, broken or over a bound (a
 * side of PHI_RASTER_SIDE_MAX, `pixels_max`, PHI_RASTER_FILE_MAX bytes); PHI_ERR_MEMORY. On failure
 * nothing needs to be freed. Any thread. */
enum phi_err phi_raster_read_grey(struct phi_view bytes, size_t pixels_max,
                                  struct phi_raster *out) PHI_MUST_USE;
enum phi_err phi_raster_read_rgb(struct phi_view bytes, size_t pixels_max,
                                 struct phi_raster *out) PHI_MUST_USE;
void phi_raster_free(struct phi_raster *grey); /* zeroed is fine */

#endif
