#include "picture/reencode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct writer {
    struct jpeg_compress_struct jpeg; /* first: the library's callbacks get it */
    struct jpeg_error_mgr errors;
    jmp_buf back;
    enum phi_err err;
    unsigned char *bytes;
    unsigned long len;
};

static void fail(j_common_ptr jpeg)
{
    struct writer *writer = (struct writer *)(void *)jpeg;
    longjmp(writer->back, 1); // NOLINT(cert-err52-cpp)
}

/* Everything that the library may leave by a long jump stays in here. */
static void write_rows(struct writer *writer, const struct phi_raster *raster)
{
    struct jpeg_compress_struct *jpeg = &writer->jpeg;
    jpeg_create_compress(jpeg);
    jpeg_mem_dest(jpeg, &writer->bytes, &writer->len);
    jpeg->image_width = (JDIMENSION)raster->width;
    jpeg->image_height = (JDIMENSION)raster->height;
    jpeg->input_components = raster->channels;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, PHI_REENCODE_QUALITY, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = raster->pixels + (size_t)jpeg->next_scanline * (size_t)raster->width *
                                            (size_t)raster->channels;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

static enum phi_err write_jpeg(const struct phi_raster *raster, uint8_t **out, size_t *len)
{
    struct writer writer = {.err = PHI_OK};
    writer.jpeg.err = jpeg_std_error(&writer.errors);
    writer.errors.error_exit = fail;
    if (setjmp(writer.back) == 0) // NOLINT(cert-err52-cpp)
        write_rows(&writer, raster);
    else
        writer.err = PHI_ERR_MEMORY;
    jpeg_destroy_compress(&writer.jpeg);
    if (writer.err != PHI_OK) {
        free(writer.bytes);
        return writer.err;
    }
    *out = writer.bytes;
    *len = writer.len;
    return PHI_OK;
}

enum phi_err phi_picture_reencode(struct phi_view bytes, uint8_t **out, size_t *len)
{
    enum phi_err err = PHI_OK;
    struct phi_raster raster = {0};
    PHI_GUARD(phi_raster_read_rgb(bytes, PHI_RASTER_PIXELS_MAX, &raster));
    PHI_GUARD(write_jpeg(&raster, out, len));
out:
    phi_raster_free(&raster);
    return err;
}
