/* Writes a drawn sheet as PNG with a palette: these pictures are flat areas and soft edges between
 * them, and with a palette they take a third of the bytes and of the time. Inside the room.
 *
 *   if (phi_png_write(surface, sink, context) == PHI_ERR_FIELD_VALUE) … over 256 colours …
 */
#ifndef PHI_PICTURE_PNG_WRITE_H
#define PHI_PICTURE_PNG_WRITE_H

#include "base/bytes.h"

/* 0x00rrggbb, row by row; `stride_px` pixels from row to row. */
struct phi_png_sheet {
    const uint32_t *pixels;
    int width;
    int height;
    int stride_px;
};

/* Takes what was made; false to give up. */
typedef bool phi_png_sink(void *context, const uint8_t *data, size_t len);

/* A colour that fills four pixels in a row anywhere is kept exactly; others, which are edges, to
 * 16 levels a channel. PHI_ERR_FIELD_VALUE when there are more than 256 even so (nothing has been
 * written then), PHI_ERR_MEMORY, also when the sink gave up. Any thread; pure. */
enum phi_err phi_png_write(const struct phi_png_sheet *sheet, phi_png_sink *sink,
                           void *context) PHI_MUST_USE;

#endif
