#include "picture/raster_parts.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MAX (1024 * 1024)

struct source {
    struct phi_view rest;
    enum phi_err err;
};

static void read_bytes(png_structp png, png_bytep to, size_t len)
{
    struct source *source = png_get_io_ptr(png);
    if (len > source->rest.len)
        png_error(png, "cut off");
    memcpy(to, source->rest.data, len);
    source->rest = phi_view_of(source->rest.data + len, source->rest.len - len);
}

static void fail(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* Whatever was stored becomes one byte a pixel, or three. */
static void ask_for(png_structp png, png_infop info, int channels)
{
    const png_color_16 white = {.red = 255, .green = 255, .blue = 255, .gray = 255};
    png_set_expand(png);
    png_set_scale_16(png);
    if ((png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) != 0 ||
        png_get_valid(png, info, PNG_INFO_tRNS) != 0)
        png_set_background(png, &white, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1);
    bool is_colour = (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) != 0;
    if (channels == 3 && !is_colour)
        png_set_gray_to_rgb(png);
    if (channels == 1 && is_colour)
        png_set_rgb_to_gray_fixed(png, PNG_ERROR_ACTION_NONE, 29900, 58700);
}

/* Everything that libpng may leave by a long jump stays in here, so no local changes between. */
static void read_rows(png_structp png, png_infop info, size_t pixels_max, struct phi_raster *raster,
                      struct source *source)
{
    png_read_info(png, info);
    source->err = phi_raster_open(raster, png_get_image_width(png, info),
                                  png_get_image_height(png, info), pixels_max);
    if (source->err != PHI_OK)
        return;
    ask_for(png, info, raster->channels);
    size_t row_bytes = (size_t)raster->width * (size_t)raster->channels;
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes)
        png_error(png, "not those pixels");
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < raster->height; y++)
            png_read_row(png, raster->pixels + (size_t)y * row_bytes, NULL);
    }
}

enum phi_err phi_raster_read_png(struct phi_view bytes, size_t pixels_max,
                                 struct phi_raster *raster)
{
    struct source source = {.rest = bytes};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, ignore);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    if (info == NULL) {
        png_destroy_read_struct(&png, NULL, NULL);
        return PHI_ERR_MEMORY;
    }
    png_set_user_limits(png, PHI_RASTER_SIDE_MAX, PHI_RASTER_SIDE_MAX);
    png_set_chunk_malloc_max(png, CHUNK_MAX);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_read_fn(png, &source, read_bytes);
    if (setjmp(png_jmpbuf(png)) == 0) // NOLINT(cert-err52-cpp)
        read_rows(png, info, pixels_max, raster, &source);
    else
        source.err = PHI_ERR_FIELD_VALUE;
    png_destroy_read_struct(&png, &info, NULL);
    return source.err;
}
