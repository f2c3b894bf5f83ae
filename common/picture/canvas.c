#include "picture/canvas.h"

#include "picture/png_write.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <stdlib.h>
#include <string.h>

/* A bounded sink for cairo's streams. */
static cairo_status_t take_bytes(void *context, const unsigned char *data, unsigned int len)
{
    struct phi_canvas *canvas = context;
    if (len > PHI_PICTURE_BYTES_MAX - canvas->len)
        return CAIRO_STATUS_WRITE_ERROR;
    if (canvas->len + len > canvas->size) {
        size_t size = canvas->size == 0 ? 65536 : canvas->size;
        while (size < canvas->len + len)
            size *= 2;
        uint8_t *grown = realloc(canvas->bytes, size);
        if (grown == NULL)
            return CAIRO_STATUS_NO_MEMORY;
        canvas->bytes = grown;
        canvas->size = size;
    }
    memcpy(canvas->bytes + canvas->len, data, len);
    canvas->len += len;
    return CAIRO_STATUS_SUCCESS;
}

static bool take_png(void *context, const uint8_t *data, size_t len)
{
    return take_bytes(context, data, (unsigned int)len) == CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *new_surface(struct phi_canvas *canvas, int width_px, int height_px)
{
    cairo_surface_t *surface = NULL;
    switch (canvas->format) {
    case PHI_PICTURE_PNG:
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24, width_px, height_px);
    case PHI_PICTURE_SVG:
        surface = cairo_svg_surface_create_for_stream(take_bytes, canvas, width_px, height_px);
        if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS)
            cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
        return surface;
    case PHI_PICTURE_PDF:
        return cairo_pdf_surface_create_for_stream(take_bytes, canvas, width_px, height_px);
    }
    return NULL;
}

static void drop(struct phi_canvas *canvas)
{
    if (canvas->cairo != NULL)
        cairo_destroy(canvas->cairo);
    if (canvas->surface != NULL)
        cairo_surface_destroy(canvas->surface);
    free(canvas->bytes);
    *canvas = (struct phi_canvas){.format = canvas->format};
}

enum phi_err phi_canvas_open(struct phi_canvas *canvas, enum phi_picture_format format,
                             int width_px, int height_px)
{
    *canvas = (struct phi_canvas){.format = format};
    canvas->surface = new_surface(canvas, width_px, height_px);
    if (canvas->surface == NULL)
        return PHI_ERR_FIELD_VALUE;
    canvas->cairo = cairo_create(canvas->surface);
    if (cairo_status(canvas->cairo) != CAIRO_STATUS_SUCCESS) {
        drop(canvas);
        return PHI_ERR_MEMORY;
    }
    return PHI_OK;
}

/* XML text; NULL past the arena's bound. */
static const char *escape(struct phi_arena *arena, const char *text)
{
    char *out = phi_arena_alloc(arena, strlen(text) * 6 + 1);
    if (out == NULL)
        return NULL;
    char *at = out;
    for (; *text != '\0'; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                                            : NULL;
        if (entity == NULL)
            *at++ = *text;
        else
            at = stpcpy(at, entity);
    }
    return out;
}

/* cairo writes no words for screen readers, so they are put in right behind its root element's
 * start. */
static enum phi_err describe_svg(struct phi_canvas *canvas, const char *title,
                                 const char *description, struct phi_arena *arena,
                                 struct phi_view *out)
{
    static const char root[] = "<svg ";
    const char *safe_title = escape(arena, title);
    const char *safe_description = escape(arena, description);
    const uint8_t *start = memmem(canvas->bytes, canvas->len, root, sizeof(root) - 1);
    if (start == NULL)
        return PHI_ERR_INTERNAL;
    const uint8_t *inside = start + sizeof(root) - 1;
    size_t left = canvas->len - (size_t)(inside - canvas->bytes);
    const uint8_t *end = memchr(inside, '>', left);
    if (end == NULL)
        return PHI_ERR_INTERNAL;
    size_t rest_len = left - (size_t)(end + 1 - inside);
    if (safe_title == NULL || safe_description == NULL)
        return PHI_ERR_MEMORY;
    const char *text = phi_arena_printf(
        arena,
        "%.*srole=\"img\" lang=\"zh-CN\" aria-labelledby=\"phi-title phi-desc\" %.*s\n"
        "<title id=\"phi-title\">%s</title>\n<desc id=\"phi-desc\">%s</desc>%.*s",
        (int)(inside - canvas->bytes), (const char *)canvas->bytes, (int)(end + 1 - inside),
        (const char *)inside, safe_title, safe_description, (int)rest_len, (const char *)(end + 1));
    if (text == NULL)
        return PHI_ERR_MEMORY;
    *out = phi_view_text(text);
    return PHI_OK;
}

static enum phi_err status_to_err(cairo_status_t status)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return PHI_OK;
    return status == CAIRO_STATUS_NO_MEMORY || status == CAIRO_STATUS_WRITE_ERROR
               ? PHI_ERR_MEMORY
               : PHI_ERR_INTERNAL;
}

static enum phi_err write_png(struct phi_canvas *canvas)
{
    cairo_surface_flush(canvas->surface);
    const struct phi_png_sheet sheet = {
        .pixels = (const uint32_t *)(const void *)cairo_image_surface_get_data(canvas->surface),
        .width = cairo_image_surface_get_width(canvas->surface),
        .height = cairo_image_surface_get_height(canvas->surface),
        .stride_px = cairo_image_surface_get_stride(canvas->surface) / 4};
    enum phi_err err = phi_png_write(&sheet, take_png, canvas);
    if (err != PHI_ERR_FIELD_VALUE)
        return err;
    return status_to_err(cairo_surface_write_to_png_stream(canvas->surface, take_bytes, canvas));
}

enum phi_err phi_canvas_finish(struct phi_canvas *canvas, const char *title,
                               const char *description, struct phi_arena *arena,
                               struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(status_to_err(cairo_status(canvas->cairo)));
    if (canvas->format == PHI_PICTURE_PDF) {
        cairo_pdf_surface_set_metadata(canvas->surface, CAIRO_PDF_METADATA_TITLE, title);
        cairo_pdf_surface_set_metadata(canvas->surface, CAIRO_PDF_METADATA_SUBJECT, description);
    }
    if (canvas->format == PHI_PICTURE_PNG)
        PHI_GUARD(write_png(canvas));
    cairo_surface_finish(canvas->surface);
    PHI_GUARD(status_to_err(cairo_surface_status(canvas->surface)));
    if (canvas->format == PHI_PICTURE_SVG) {
        err = describe_svg(canvas, title, description, arena, out);
        goto out;
    }
    void *copy = phi_arena_copy(arena, canvas->bytes, canvas->len);
    if (copy == NULL)
        PHI_GUARD(PHI_ERR_MEMORY);
    *out = phi_view_of(copy, canvas->len);
out:
    drop(canvas);
    return err;
}
