#include "picture/paint.h"

#include <math.h>
#include <pango/pangocairo.h>

/* Debian's fonts-wqy-microhei first; any other face with Chinese characters will do. */
#define FACES "WenQuanYi Micro Hei, Noto Sans CJK SC, Source Han Sans SC, sans-serif"

void phi_paint_colour(cairo_t *cairo, uint32_t rgb)
{
    cairo_set_source_rgb(cairo, (rgb >> 16 & 0xff) / 255.0, (rgb >> 8 & 0xff) / 255.0,
                         (rgb & 0xff) / 255.0);
}

static double linear(uint32_t channel)
{
    double share = channel / 255.0;
    return share <= 0.03928 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4);
}

/* Relative luminance as WCAG 2 has it; white needs a contrast of 3 to be read in large letters. */
uint32_t phi_paint_ink_on(uint32_t rgb)
{
    double luminance = 0.2126 * linear(rgb >> 16 & 0xff) + 0.7152 * linear(rgb >> 8 & 0xff) +
                       0.0722 * linear(rgb & 0xff);
    return 1.05 / (luminance + 0.05) >= 3.0 ? PHI_INK_LIGHT : PHI_INK_DARK;
}

void phi_paint_box(cairo_t *cairo, double x, double y, double width, double height, double radius)
{
    cairo_new_sub_path(cairo);
    cairo_arc(cairo, x + width - radius, y + radius, radius, -M_PI / 2, 0);
    cairo_arc(cairo, x + width - radius, y + height - radius, radius, 0, M_PI / 2);
    cairo_arc(cairo, x + radius, y + height - radius, radius, M_PI / 2, M_PI);
    cairo_arc(cairo, x + radius, y + radius, radius, M_PI, M_PI * 3 / 2);
    cairo_close_path(cairo);
}

static void set_font(PangoLayout *layout, const struct phi_paint_text *text, double size)
{
    PangoFontDescription *font = pango_font_description_from_string(FACES);
    pango_font_description_set_weight(font,
                                      text->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
}

/* The default font map is one per thread, so no lock is needed here. */
void phi_paint_text(cairo_t *cairo, const struct phi_paint_text *text)
{
    int width = 0;
    int height = 0;
    PangoLayout *layout = pango_cairo_create_layout(cairo);
    pango_layout_set_text(layout, text->text, -1);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    set_font(layout, text, text->size);
    pango_layout_get_pixel_size(layout, &width, &height);
    if (text->width_max > 0 && width > text->width_max) {
        set_font(layout, text, floor(text->size * text->width_max / width));
        pango_layout_get_pixel_size(layout, &width, &height);
    }
    double shift = text->align == PHI_PAINT_LEFT     ? 0
                   : text->align == PHI_PAINT_CENTRE ? width / 2.0
                                                     : width;
    phi_paint_colour(cairo, text->colour);
    cairo_move_to(cairo, text->x - shift, text->y);
    pango_cairo_show_layout(cairo, layout);
    g_object_unref(layout);
}

void phi_paint_symbol(cairo_t *cairo, const struct phi_symbol *symbol, double x, double y,
                      double module)
{
    cairo_save(cairo);
    cairo_set_antialias(cairo, CAIRO_ANTIALIAS_NONE);
    phi_paint_colour(cairo, 0x000000);
    for (int row = 0; row < symbol->size; row++) {
        int column = 0;
        while (column < symbol->size) {
            int start = column;
            while (column < symbol->size && phi_symbol_is_dark(symbol, column, row))
                column++;
            if (column > start)
                cairo_rectangle(cairo, x + start * module, y + row * module,
                                (column - start) * module, module);
            else
                column++;
        }
    }
    cairo_fill(cairo);
    cairo_restore(cairo);
}
