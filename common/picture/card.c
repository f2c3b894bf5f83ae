#include "picture/card.h"

#include <math.h>

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

/* A plain shape, without its sign: at 69 modules an alignment pattern lies under the logo, readers
 * look for it there, and what resembles it a little (a light sign in a dark shape) leads them
 * astray: zbar then read none of the symbols that it reads all of like this. */
static void paint_logo(cairo_t *cairo, const struct phi_card *card, int x, int y,
                       enum phi_shape logo, uint32_t colour)
{
    int clear = logo_modules(card->symbol) * card->module;
    int side = card->symbol->size * card->module;
    double corner = (side - clear) / 2.0;
    phi_paint_colour(cairo, 0xffffff);
    cairo_rectangle(cairo, x + corner, y + corner, clear, clear);
    cairo_fill(cairo);
    phi_paint_shape(cairo, logo, x + side / 2.0, y + side / 2.0, clear / 2.0 - card->module * 0.9,
                    colour, colour);
}

void phi_card_paint(cairo_t *cairo, const struct phi_card *card, enum phi_shape logo)
{
    int panel_width = card->panel + 2 * card->margin;
    int symbol_x = 2 * card->margin + card->symbol->quiet * card->module;
    int symbol_y = card->heading + card->margin + card->symbol->quiet * card->module;
    phi_paint_colour(cairo, card->ground);
    cairo_paint(cairo);
    phi_paint_colour(cairo, 0xffffff);
    phi_paint_box(cairo, card->margin, card->heading, panel_width,
                  card->panel + card->margin + card->lines, card->panel * 0.04);
    cairo_fill(cairo);
    phi_paint_symbol(cairo, card->symbol, symbol_x, symbol_y, card->module);
    paint_logo(cairo, card, symbol_x, symbol_y, logo, card->ground);
}
