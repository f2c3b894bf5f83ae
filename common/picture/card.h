/* The card that both pictures are: a coloured ground, a heading, a white panel with the symbol and
 * its logo, lines of text below. Inside the room. All measures in pixels, whole, so that modules
 * stay sharp.
 */
#ifndef PHI_PICTURE_CARD_H
#define PHI_PICTURE_CARD_H

#include "picture/canvas.h"
#include "picture/paint.h"

struct phi_card {
    const struct phi_symbol *symbol;
    int module; /* a module */
    int panel;  /* side of symbol and quiet zone */
    int margin; /* between the card's edge and the white panel */
    int width;
    int height;
    int heading; /* height of the part above the panel */
    int lines;   /* height of the white part below the symbol */
    int footing; /* height of the part below the panel */
    uint32_t ground;
    uint32_t ink; /* of text on the ground */
};

/* Measures out a card; `heading`, `lines` and `footing` as shares of the panel's side. */
void phi_card_measure(struct phi_card *card, const struct phi_symbol *symbol, int scale,
                      double heading, double lines, double footing);
/* Ground, panel, symbol and the logo, in the ground's colour, in its middle. */
void phi_card_paint(cairo_t *cairo, const struct phi_card *card, enum phi_shape logo);

#endif
