#include "picture/grey_parts.h"

#include <stdlib.h>
#include <string.h>

enum phi_err phi_grey_open(struct phi_grey *grey, uint64_t width, uint64_t height,
                           size_t pixels_max)
{
    if (width < 1 || height < 1 || width > PHI_GREY_SIDE_MAX || height > PHI_GREY_SIDE_MAX ||
        width * height > pixels_max || width * height > PHI_GREY_PIXELS_MAX)
        return PHI_ERR_FIELD_VALUE;
    grey->pixels = calloc(width, height);
    if (grey->pixels == NULL)
        return PHI_ERR_MEMORY;
    grey->width = (int)width;
    grey->height = (int)height;
    return PHI_OK;
}

enum phi_err phi_grey_read(struct phi_view bytes, size_t pixels_max, struct phi_grey *out)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a};
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    struct phi_grey grey = {0};
    enum phi_err err = PHI_ERR_FIELD_VALUE;
    if (bytes.len > PHI_GREY_FILE_MAX)
        return err;
    if (bytes.len >= sizeof(png) && memcmp(bytes.data, png, sizeof(png)) == 0)
        err = phi_grey_read_png(bytes, pixels_max, &grey);
    else if (bytes.len >= sizeof(jpeg) && memcmp(bytes.data, jpeg, sizeof(jpeg)) == 0)
        err = phi_grey_read_jpeg(bytes, pixels_max, &grey);
    if (err != PHI_OK) {
        phi_grey_free(&grey);
        return err;
    }
    *out = grey;
    return PHI_OK;
}

void phi_grey_free(struct phi_grey *grey)
{
    free(grey->pixels);
    *grey = (struct phi_grey){0};
}
