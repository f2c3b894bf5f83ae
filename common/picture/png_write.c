#include "picture/png_write.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#define FLAT_PX  4 /* in a row: an area, not an edge */
#define FLAT_MAX 64
#define SLOTS    256 /* of the table of flat colours, four times what it holds */
#define LEVEL    3   /* of zlib: 6 saves 3 % of the bytes for twice the time */

struct palette {
    png_color colours[256];
    int count;
    int flat_count;
    uint32_t flat[SLOTS]; /* 1 + colour, 0: free */
    uint8_t flat_index[SLOTS];
    uint16_t edges[4096]; /* 1 + index, by four bits a channel; 0: none yet */
};

/* The slot that holds the colour, or the free one where it would go. */
static uint32_t slot_of(const struct palette *palette, uint32_t rgb)
{
    uint32_t slot = (rgb * 2654435761U) >> 24;
    while (palette->flat[slot] != 0 && palette->flat[slot] != rgb + 1)
        slot = (slot + 1) % SLOTS;
    return slot;
}

static int add_colour(struct palette *palette, uint32_t rgb)
{
    palette->colours[palette->count] = (png_color){
        .red = (uint8_t)(rgb >> 16), .green = (uint8_t)(rgb >> 8), .blue = (uint8_t)rgb};
    return palette->count++;
}

static const uint32_t *row_of(const struct phi_png_sheet *sheet, int y)
{
    return sheet->pixels + (size_t)y * (size_t)sheet->stride_px;
}

static int run_len(const struct phi_png_sheet *sheet, const uint32_t *row, int x)
{
    int end = x + 1;
    while (end < sheet->width && ((row[end] ^ row[x]) & 0xffffff) == 0)
        end++;
    return end - x;
}

/* The colours of areas, and where each area's run ends again for the second pass. */
static void find_flat(const struct phi_png_sheet *sheet, struct palette *palette)
{
    for (int y = 0; y < sheet->height; y++) {
        const uint32_t *row = row_of(sheet, y);
        for (int x = 0, len = 0; x < sheet->width; x += len) {
            len = run_len(sheet, row, x);
            uint32_t rgb = row[x] & 0xffffff;
            if (len < FLAT_PX)
                continue;
            uint32_t slot = slot_of(palette, rgb);
            if (palette->flat[slot] != 0 || palette->flat_count == FLAT_MAX)
                continue;
            palette->flat[slot] = rgb + 1;
            palette->flat_index[slot] = (uint8_t)add_colour(palette, rgb);
            palette->flat_count++;
        }
    }
}

/* Negative when the palette is full. */
static int index_of(struct palette *palette, uint32_t rgb)
{
    uint32_t slot = slot_of(palette, rgb);
    if (palette->flat[slot] != 0)
        return palette->flat_index[slot];
    uint32_t key = (rgb >> 12 & 0xf00) | (rgb >> 8 & 0xf0) | (rgb >> 4 & 0xf);
    if (palette->edges[key] == 0) {
        if (palette->count == 256)
            return -1;
        palette->edges[key] = (uint16_t)(1 + add_colour(palette, (rgb >> 4 & 0x0f0f0f) * 17));
    }
    return palette->edges[key] - 1;
}

static bool to_indexes(const struct phi_png_sheet *sheet, struct palette *palette, uint8_t *out)
{
    for (int y = 0; y < sheet->height; y++) {
        const uint32_t *row = row_of(sheet, y);
        uint8_t *to = out + (size_t)y * (size_t)sheet->width;
        for (int x = 0, len = 0; x < sheet->width; x += len) {
            len = run_len(sheet, row, x);
            int index = index_of(palette, row[x] & 0xffffff);
            if (index < 0)
                return false;
            memset(to + x, index, (size_t)len);
        }
    }
    return true;
}

struct target {
    phi_png_sink *sink;
    void *context;
};

static void write_bytes(png_structp png, png_bytep data, size_t len)
{
    const struct target *target = png_get_io_ptr(png);
    if (!target->sink(target->context, data, len))
        png_error(png, "refused");
}

static void flush(png_structp png)
{
    (void)png;
}

static void fail(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void write_rows(png_structp png, png_infop info, const struct phi_png_sheet *sheet,
                       const struct palette *palette, const uint8_t *indexes)
{
    png_set_IHDR(png, info, (png_uint_32)sheet->width, (png_uint_32)sheet->height, 8,
                 PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_PLTE(png, info, palette->colours, palette->count);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
    png_set_compression_level(png, LEVEL);
    png_write_info(png, info);
    for (int y = 0; y < sheet->height; y++)
        png_write_row(png, indexes + (size_t)y * (size_t)sheet->width);
    png_write_end(png, info);
}

static enum phi_err write_png(const struct phi_png_sheet *sheet, const struct palette *palette,
                              const uint8_t *indexes, struct target *target)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail, NULL);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        return PHI_ERR_MEMORY;
    }
    png_set_write_fn(png, target, write_bytes, flush);
    if (setjmp(png_jmpbuf(png)) != 0) { // NOLINT(cert-err52-cpp)
        png_destroy_write_struct(&png, &info);
        return PHI_ERR_MEMORY;
    }
    write_rows(png, info, sheet, palette, indexes);
    png_destroy_write_struct(&png, &info);
    return PHI_OK;
}

enum phi_err phi_png_write(const struct phi_png_sheet *sheet, phi_png_sink *sink, void *context)
{
    enum phi_err err = PHI_OK;
    struct target target = {sink, context};
    struct palette *palette = calloc(1, sizeof(*palette));
    uint8_t *indexes = malloc((size_t)sheet->width * (size_t)sheet->height);
    PHI_GUARD(palette == NULL || indexes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    find_flat(sheet, palette);
    PHI_GUARD(to_indexes(sheet, palette, indexes) ? PHI_OK : PHI_ERR_FIELD_VALUE);
    err = write_png(sheet, palette, indexes, &target);
out:
    free(palette);
    free(indexes);
    return err;
}
