#include "picture/raster_parts.h"

#include <stdlib.h>
#include <string.h>

enum phi_err phi_raster_open(struct phi_raster *raster, uint64_t width, uint64_t height,
                             size_t pixels_max)
{
    if (width < 1 || height < 1 || width > PHI_RASTER_SIDE_MAX || height > PHI_RASTER_SIDE_MAX ||
        width * height > pixels_max || width * height > PHI_RASTER_PIXELS_MAX)
        return PHI_ERR_FIELD_VALUE;
    raster->pixels = calloc(width * (size_t)raster->channels, height);
    if (raster->pixels == NULL)
        return PHI_ERR_MEMORY;
    raster->width = (int)width;
    raster->height = (int)height;
    return PHI_OK;
}

static enum phi_err read_any(struct phi_view bytes, int channels, size_t pixels_max,
                             struct phi_raster *out)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a};
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    struct phi_raster raster = {.channels = channels};
    enum phi_err err = PHI_ERR_FIELD_VALUE;
    if (bytes.len > PHI_RASTER_FILE_MAX)
        return err;
    if (bytes.len >= sizeof(png) && memcmp(bytes.data, png, sizeof(png)) == 0)
        err = phi_raster_read_png(bytes, pixels_max, &raster);
    else if (bytes.len >= sizeof(jpeg) && memcmp(bytes.data, jpeg, sizeof(jpeg)) == 0)
        err = phi_raster_read_jpeg(bytes, pixels_max, &raster);
    if (err != PHI_OK) {
        phi_raster_free(&raster);
        return err;
    }
    *out = raster;
    return PHI_OK;
}

enum phi_err phi_raster_read_grey(struct phi_view bytes, size_t pixels_max, struct phi_raster *out)
{
    return read_any(bytes, 1, pixels_max, out);
}

enum phi_err phi_raster_read_rgb(struct phi_view bytes, size_t pixels_max, struct phi_raster *out)
{
    return read_any(bytes, 3, pixels_max, out);
}

void phi_raster_free(struct phi_raster *raster)
{
    free(raster->pixels);
    *raster = (struct phi_raster){0};
}
