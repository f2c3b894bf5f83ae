/* Strokes that the pictures are made of: colours, text, rounded boxes, the symbol. Inside the room.
 */
#ifndef PHI_PICTURE_PAINT_H
#define PHI_PICTURE_PAINT_H

#include "picture/symbol.h"

#include <cairo.h>

#define PHI_INK_DARK  0x1a1a1au
#define PHI_INK_LIGHT 0xffffffu
#define PHI_INK_SOFT  0x5f6368u

enum phi_paint_align { PHI_PAINT_LEFT, PHI_PAINT_CENTRE, PHI_PAINT_RIGHT };

struct phi_paint_text {
    const char *text;
    double x, y;      /* y is the top of the line; x the left, middle or right of it, by `align` */
    double size;      /* height of the letters' box, in pixels */
    double width_max; /* wider text is shrunk to it */
    uint32_t colour;
    bool is_bold;
    enum phi_paint_align align;
};

#define PHI_PAINT_WORDS_MAX 64

/* One to 64 characters of UTF-8 without control characters. */
bool phi_paint_is_words(const char *text);
void phi_paint_colour(cairo_t *cairo, uint32_t rgb);
/* White or near black, whichever can be read on this colour. */
uint32_t phi_paint_ink_on(uint32_t rgb);
void phi_paint_box(cairo_t *cairo, double x, double y, double width, double height, double radius);
void phi_paint_text(cairo_t *cairo,
                    const struct phi_paint_text *text); /* returns nothing: cairo keeps errors */
/* The dark modules, without quiet zone, each `module` pixels, sharp on the pixel grid. */
void phi_paint_symbol(cairo_t *cairo, const struct phi_symbol *symbol, double x, double y,
                      double module);

/* Shapes of struct phi_picture_grade, and the neutral logo. */
enum phi_shape {
    PHI_SHAPE_CIRCLE,
    PHI_SHAPE_TRIANGLE,
    PHI_SHAPE_OCTAGON,
    PHI_SHAPE_DIAMOND,
    PHI_SHAPE_SQUARE,
    PHI_SHAPE_HEART, /* the neutral logo: health, no grade */
    PHI_SHAPE_COUNT
};
bool phi_shape_from_name(const char *name, enum phi_shape *out); /* not the heart */
/* In a box of 2*radius around (x, y): the shape in `fill`, its sign in `sign`. */
void phi_paint_shape(cairo_t *cairo, enum phi_shape shape, double x, double y, double radius,
                     uint32_t fill, uint32_t sign);

#endif
