/* A sheet to draw on and its bytes as PNG, SVG or PDF, bounded in size. Inside the room.
 *
 *   struct phi_canvas canvas;
 *   PHI_GUARD(phi_canvas_open(&canvas, format, width_px, height_px));
 *   … draw on canvas.cairo …
 *   err = phi_canvas_finish(&canvas, title, description, arena, &out);   // always, also to give up
 */
#ifndef PHI_PICTURE_CANVAS_H
#define PHI_PICTURE_CANVAS_H

#include "picture/picture.h"

#include <cairo.h>

struct phi_canvas {
    enum phi_picture_format format;
    cairo_surface_t *surface;
    cairo_t *cairo;
    uint8_t *bytes;
    size_t len;
    size_t size;
};

/* PHI_ERR_MEMORY. On failure nothing needs to be finished. */
enum phi_err phi_canvas_open(struct phi_canvas *canvas, enum phi_picture_format format,
                             int width_px, int height_px) PHI_MUST_USE;
/* Closes the canvas; `out` is the arena's. Title and description go to the SVG, and to the PDF as
 * title and subject; plain text, escaped here. PHI_ERR_MEMORY past a bound, PHI_ERR_INTERNAL. */
enum phi_err phi_canvas_finish(struct phi_canvas *canvas, const char *title,
                               const char *description, struct phi_arena *arena,
                               struct phi_view *out) PHI_MUST_USE;

#endif
