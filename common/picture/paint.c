#include "picture/paint.h"

#include "base/text.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <pthread.h>
#include <stdlib.h>

/* Debian's fonts-wqy-microhei first; any other face with Chinese characters will do. */
#define FACES "WenQuanYi Micro Hei, Noto Sans CJK SC, Source Han Sans SC, sans-serif"

bool phi_paint_is_words(const char *text)
{
    if (text == NULL)
        return false;
    struct phi_view view = phi_view_text(text);
    return view.len > 0 && phi_text_is_utf8(view) && !phi_text_has_control(view) &&
           phi_text_count(view) <= PHI_PAINT_WORDS_MAX;
}

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

/* What lines of text need, one a thread: making it anew costs more than the text. */
struct pen {
    PangoLayout *layout;
    PangoFontDescription *fonts[2]; /* normal, bold */
};

static pthread_key_t pen_key;
static pthread_once_t pen_once = PTHREAD_ONCE_INIT;

static void drop_pen(void *context)
{
    struct pen *pen = context;
    g_object_unref(pen->layout);
    pango_font_description_free(pen->fonts[0]);
    pango_font_description_free(pen->fonts[1]);
    free(pen);
}

static void make_key(void)
{
    if (pthread_key_create(&pen_key, drop_pen) != 0)
        abort();
}

static PangoFontDescription *font_of(PangoWeight weight)
{
    PangoFontDescription *font = pango_font_description_from_string(FACES);
    pango_font_description_set_weight(font, weight);
    return font;
}

/* The thread's pen, fit for this sheet; NULL without memory. The default font map is one a thread,
 * so no lock is needed here. */
static struct pen *pen_for(cairo_t *cairo)
{
    pthread_once(&pen_once, make_key);
    struct pen *pen = pthread_getspecific(pen_key);
    if (pen != NULL) {
        pango_cairo_update_layout(cairo, pen->layout);
        return pen;
    }
    pen = calloc(1, sizeof(*pen));
    if (pen == NULL || pthread_setspecific(pen_key, pen) != 0) {
        free(pen);
        return NULL;
    }
    pen->layout = pango_cairo_create_layout(cairo);
    pango_layout_set_single_paragraph_mode(pen->layout, TRUE);
    pen->fonts[0] = font_of(PANGO_WEIGHT_NORMAL);
    pen->fonts[1] = font_of(PANGO_WEIGHT_BOLD);
    return pen;
}

static void set_font(struct pen *pen, const struct phi_paint_text *text, double size, int *width)
{
    PangoFontDescription *font = pen->fonts[text->is_bold];
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(pen->layout, font);
    pango_layout_get_pixel_size(pen->layout, width, NULL);
}

void phi_paint_text(cairo_t *cairo, const struct phi_paint_text *text)
{
    int width = 0;
    struct pen *pen = pen_for(cairo);
    if (pen == NULL)
        return;
    pango_layout_set_text(pen->layout, text->text, -1);
    set_font(pen, text, text->size, &width);
    if (text->width_max > 0 && width > text->width_max)
        set_font(pen, text, floor(text->size * text->width_max / width), &width);
    double shift = text->align == PHI_PAINT_LEFT     ? 0
                   : text->align == PHI_PAINT_CENTRE ? width / 2.0
                                                     : width;
    phi_paint_colour(cairo, text->colour);
    cairo_move_to(cairo, text->x - shift, text->y);
    pango_cairo_show_layout(cairo, pen->layout);
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
