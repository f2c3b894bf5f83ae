/* QR symbols out of pictures, by zbar. */
#include "phictl/code/input.h"
#include "picture/raster.h"

#include <stdlib.h>
#include <string.h>
#include <zbar.h>

#define Y800 0x30303859UL /* one byte of luminance a pixel */

static enum phi_err copy_text(const zbar_symbol_t *symbol, uint8_t **text, size_t *len,
                              struct phi_error *error)
{
    if (symbol == NULL)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "picture", "no QR symbol that can be read");
    if (zbar_symbol_next(symbol) != NULL)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "picture", "more than one QR symbol");
    size_t found = zbar_symbol_get_data_length(symbol);
    uint8_t *copy = malloc(found + 1);
    if (copy == NULL)
        return PHI_ERR_MEMORY;
    memcpy(copy, zbar_symbol_get_data(symbol), found);
    *text = copy;
    *len = found;
    return PHI_OK;
}

static enum phi_err scan(zbar_image_scanner_t *scanner, zbar_image_t *image,
                         const struct phi_raster *grey, uint8_t **text, size_t *len,
                         struct phi_error *error)
{
    unsigned long size = (unsigned long)grey->width * (unsigned long)grey->height;
    zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
    zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
    zbar_image_set_format(image, Y800);
    zbar_image_set_size(image, (unsigned)grey->width, (unsigned)grey->height);
    zbar_image_set_data(image, grey->pixels, size, NULL);
    if (zbar_scan_image(scanner, image) < 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "picture", "can't be scanned");
    return copy_text(zbar_image_first_symbol(image), text, len, error);
}

enum phi_err ctl_symbol_read(struct phi_view picture, uint8_t **text, size_t *len,
                             struct phi_error *error)
{
    struct phi_raster grey = {0};
    enum phi_err err = phi_raster_read_grey(picture, PHI_RASTER_PIXELS_MAX, &grey);
    if (err == PHI_ERR_FIELD_VALUE)
        return phi_error_set(error, err, "picture", "not a PNG or JPEG within bounds");
    if (err != PHI_OK)
        return err;
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *image = zbar_image_create();
    err = scanner == NULL || image == NULL ? PHI_ERR_MEMORY
                                           : scan(scanner, image, &grey, text, len, error);
    if (image != NULL)
        zbar_image_destroy(image);
    if (scanner != NULL)
        zbar_image_scanner_destroy(scanner);
    phi_raster_free(&grey);
    return err;
}
