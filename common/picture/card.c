#include "picture/card.h"

#include <math.h>
#include <string.h>

#define SCALE 8

/* The cleared square in the middle, with the logo in it: 0.16 of the side, 2.6 % of the area, to
 * whole modules of the symbol's own parity, so that no module is cut. The standard would allow 10
 * %, but what the logo takes from the error correction is missing when the picture is damaged. */
static int logo_modules(const struct phi_symbol *symbol)
{
    int side = (int)round(symbol->size * 0.16);
    if (side % 2 != symbol->size % 2)
        side--;
    return side;
}

double phi_picture_logo_share(const struct phi_symbol *symbol)
{
    double side = (double)logo_modules(symbol) / symbol->size;
    return side * side;
}

enum phi_err phi_card_symbol(const struct phi_picture *picture, struct phi_symbol *symbol,
                             int *scale)
{
    enum phi_err err = PHI_OK;
    *scale = picture->scale == 0 ? SCALE : picture->scale;
    if (*scale < PHI_PICTURE_SCALE_MIN || *scale > PHI_PICTURE_SCALE_MAX)
        return PHI_ERR_FIELD_VALUE;
    PHI_GUARD(phi_symbol_encode(picture->symbology, picture->text, symbol));
    if ((symbol->size + 2 * symbol->quiet) * *scale > PHI_PICTURE_PANEL_MAX_PX)
        err = PHI_ERR_FIELD_VALUE;
out:
    return err;
}

void phi_card_measure(struct phi_card *card, const struct phi_symbol *symbol, int scale,
                      double heading, double lines, double footing)
{
    card->symbol = symbol;
    card->module = scale;
    card->panel = (symbol->size + 2 * symbol->quiet) * scale;
    card->margin = (int)round(card->panel * 0.05);
    card->heading = (int)round(card->panel * heading);
    card->lines = (int)round(card->panel * lines);
    card->footing = (int)round(card->panel * footing);
    card->width = card->panel + 4 * card->margin;
    card->height = card->heading + card->panel + card->margin + card->lines + card->footing;
}

/* The unified logo (统一健康码标志, 5.1), the same heart on every picture. A plain shape, without
 * its sign: at 69 modules an alignment pattern lies under the logo, readers look for it there, and
 * what resembles it a little (a light sign in a dark shape) leads them astray: zbar then read none
 * of the symbols that it reads all of like this. */
static void paint_logo(cairo_t *cairo, const struct phi_card *card, double x, double y)
{
    double clear = logo_modules(card->symbol) * card->module;
    double side = card->symbol->size * card->module;
    double corner = (side - clear) / 2;
    phi_paint_colour(cairo, 0xffffff);
    cairo_rectangle(cairo, x + corner, y + corner, clear, clear);
    cairo_fill(cairo);
    phi_paint_shape(cairo, PHI_SHAPE_HEART, x + side / 2, y + side / 2,
                    clear / 2 - card->module * 0.9, card->ground, card->ground);
}

void phi_card_paint_symbol(cairo_t *cairo, const struct phi_card *card, double x, double y)
{
    phi_paint_symbol(cairo, card->symbol, x, y, card->module);
    paint_logo(cairo, card, x, y);
}

enum phi_err phi_card_mark(struct phi_card *card, const struct phi_picture *picture)
{
    card->mark_rows = 0;
    if (picture->mark_key == NULL)
        return PHI_OK;
    int rows = phi_mark_rows(card->width, card->height);
    enum phi_err err = phi_mark_signs(picture->mark_key, &picture->mark, rows, card->mark_signs);
    if (err == PHI_OK)
        card->mark_rows = rows;
    return err;
}

static uint32_t shift_channel(uint32_t rgb, int place, int by)
{
    int value = (int)(rgb >> place & 0xff) + by;
    return (uint32_t)(value < 0 ? 0 : value > 255 ? 255 : value) << place;
}

static uint32_t shift(uint32_t rgb, int by)
{
    return shift_channel(rgb, 16, by) | shift_channel(rgb, 8, by) | shift_channel(rgb, 0, by);
}

/* The ground as a picture of one pixel a square, drawn large without smoothing: the same in all
 * three formats, and small in each. */
void phi_card_paint_ground(cairo_t *cairo, const struct phi_card *card)
{
    phi_paint_colour(cairo, card->ground);
    cairo_paint(cairo);
    if (card->mark_rows == 0)
        return;
    cairo_surface_t *squares =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, PHI_MARK_COLUMNS, card->mark_rows);
    int stride = cairo_image_surface_get_stride(squares);
    uint8_t *pixels = cairo_image_surface_get_data(squares);
    for (int i = 0; pixels != NULL && i < card->mark_rows * PHI_MARK_COLUMNS; i++) {
        uint32_t rgb = shift(card->ground, card->mark_signs[i] * PHI_MARK_AMPLITUDE);
        memcpy(pixels + (size_t)(i / PHI_MARK_COLUMNS) * (size_t)stride +
                   (size_t)(i % PHI_MARK_COLUMNS) * sizeof(rgb),
               &rgb, sizeof(rgb));
    }
    cairo_surface_mark_dirty(squares);
    cairo_save(cairo);
    cairo_scale(cairo, (double)card->width / PHI_MARK_COLUMNS,
                (double)card->height / card->mark_rows);
    cairo_set_source_surface(cairo, squares, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
    cairo_paint(cairo);
    cairo_restore(cairo);
    cairo_surface_destroy(squares);
}

void phi_card_paint(cairo_t *cairo, const struct phi_card *card)
{
    int panel_width = card->panel + 2 * card->margin;
    double quiet = card->symbol->quiet * card->module;
    phi_card_paint_ground(cairo, card);
    phi_paint_colour(cairo, 0xffffff);
    phi_paint_box(cairo, card->margin, card->heading, panel_width,
                  card->panel + card->margin + card->lines, card->panel * 0.04);
    cairo_fill(cairo);
    phi_card_paint_symbol(cairo, card, 2 * card->margin + quiet,
                          card->heading + card->margin + quiet);
}
