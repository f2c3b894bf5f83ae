#include "picture/symbol.h"

#include <string.h>
#include <zint.h>

const char *const phi_symbology_names[PHI_SYMBOLOGY_COUNT] = {"qr", "gm", "hx"};

struct kind {
    int zint_id;
    int level; /* zint's option_1: the highest level of error correction */
    int quiet;
};

static const struct kind kinds[PHI_SYMBOLOGY_COUNT] = {
    [PHI_SYMBOL_QR] = {BARCODE_QRCODE, 4, 4},
    [PHI_SYMBOL_GRID_MATRIX] = {BARCODE_GRIDMATRIX, 5, 6},
    [PHI_SYMBOL_HAN_XIN] = {BARCODE_HANXIN, 4, 3},
};

static bool is_plain(struct phi_view text)
{
    if (text.len == 0 || text.len > PHI_SYMBOL_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    }
    return true;
}

static void set_dark(struct phi_symbol *symbol, int x, int y)
{
    int place = y * symbol->size + x;
    symbol->bits[place / 8] |= (uint8_t)(0x80 >> (place % 8));
}

static enum phi_err copy_modules(const struct zint_symbol *drawn, struct phi_symbol *out)
{
    if (drawn->rows != drawn->width || drawn->width < 1 || drawn->width > PHI_SYMBOL_SIZE_MAX)
        return PHI_ERR_INTERNAL;
    out->size = drawn->width;
    memset(out->bits, 0, sizeof(out->bits));
    for (int y = 0; y < out->size; y++) {
        for (int x = 0; x < out->size; x++) {
            if ((drawn->encoded_data[y][x >> 3] >> (x & 7) & 1) != 0)
                set_dark(out, x, y);
        }
    }
    return PHI_OK;
}

enum phi_err phi_symbol_encode(enum phi_symbology symbology, struct phi_view text,
                               struct phi_symbol *out)
{
    if ((int)symbology < 0 || symbology >= PHI_SYMBOLOGY_COUNT || !is_plain(text))
        return PHI_ERR_FIELD_VALUE;
    const struct kind *kind = &kinds[symbology];
    struct phi_symbol made = {.symbology = symbology, .quiet = kind->quiet};
    struct zint_symbol *drawn = ZBarcode_Create();
    if (drawn == NULL)
        return PHI_ERR_MEMORY;
    drawn->symbology = kind->zint_id;
    drawn->option_1 = kind->level;
    drawn->input_mode = UNICODE_MODE;
    int rc = ZBarcode_Encode(drawn, text.data, (int)text.len);
    enum phi_err err = PHI_ERR_INTERNAL;
    if (rc == ZINT_ERROR_TOO_LONG)
        err = PHI_ERR_FIELD_VALUE;
    else if (rc == ZINT_ERROR_MEMORY)
        err = PHI_ERR_MEMORY;
    else if (rc == 0)
        err = copy_modules(drawn, &made);
    ZBarcode_Delete(drawn);
    if (err == PHI_OK)
        *out = made;
    return err;
}

bool phi_symbol_is_dark(const struct phi_symbol *symbol, int x, int y)
{
    int place = y * symbol->size + x;
    return (symbol->bits[place / 8] >> (7 - place % 8) & 1) != 0;
}

bool phi_symbology_from_name(struct phi_view name, enum phi_symbology *out)
{
    for (int i = 0; i < PHI_SYMBOLOGY_COUNT; i++) {
        if (phi_view_equal(name, phi_view_text(phi_symbology_names[i]))) {
            *out = (enum phi_symbology)i;
            return true;
        }
    }
    return false;
}
