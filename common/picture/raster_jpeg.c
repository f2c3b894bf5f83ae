#include "picture/raster_parts.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#define SCANS_MAX 100

struct reader {
    struct jpeg_decompress_struct jpeg; /* first: the library's callbacks get it */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    enum phi_err err;
};

static void fail(j_common_ptr jpeg)
{
    struct reader *reader = (struct reader *)(void *)jpeg;
    longjmp(reader->back, 1); // NOLINT(cert-err52-cpp)
}

/* A cut off or broken file: libjpeg would make up the rest. */
static void complain(j_common_ptr jpeg, int level)
{
    if (level < 0)
        fail(jpeg);
}

/* Some hundred bytes can ask for thousands of scans over the whole picture. */
static void watch(j_common_ptr jpeg)
{
    const struct reader *reader = (const struct reader *)(void *)jpeg;
    if (reader->jpeg.input_scan_number > SCANS_MAX)
        fail(jpeg);
}

static void read_rows(struct reader *reader, struct phi_view bytes, size_t pixels_max,
                      struct phi_raster *raster)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &reader->progress;
    jpeg_mem_src(jpeg, bytes.data, bytes.len);
    jpeg_read_header(jpeg, TRUE);
    reader->err = phi_raster_open(raster, jpeg->image_width, jpeg->image_height, pixels_max);
    if (reader->err != PHI_OK)
        return;
    jpeg->out_color_space = raster->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    size_t row_bytes = (size_t)raster->width * (size_t)raster->channels;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = raster->pixels + (size_t)jpeg->output_scanline * row_bytes;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
}

enum phi_err phi_raster_read_jpeg(struct phi_view bytes, size_t pixels_max,
                                  struct phi_raster *raster)
{
    struct reader reader = {.err = PHI_OK};
    reader.jpeg.err = jpeg_std_error(&reader.errors);
    reader.errors.error_exit = fail;
    reader.errors.emit_message = complain;
    reader.progress.progress_monitor = watch;
    if (setjmp(reader.back) == 0) // NOLINT(cert-err52-cpp)
        read_rows(&reader, bytes, pixels_max, raster);
    else
        reader.err = PHI_ERR_FIELD_VALUE;
    jpeg_destroy_decompress(&reader.jpeg);
    return reader.err;
}
