/* The card that both pictures are: a coloured ground, a heading, a white panel with the symbol and
 * its logo, lines of text below. Inside the room. All measures in pixels, whole, so that modules
 * stay sharp.
 */
#ifndef PHI_PICTURE_CARD_H
#define PHI_PICTURE_CARD_H

#include "picture/canvas.h"
#include "picture/paint.h"

#define PHI_CARD_TITLE_ZH "个人健康信息码"
#define PHI_CARD_TITLE_EN "Personal Health Information Code"
#define PHI_CARD_NEUTRAL  0x1f3a5fu /* a colour that no grade has */

struct phi_card {
    const struct phi_symbol *symbol;
    double module; /* whole pixels where the sheet has pixels */
    int panel;     /* side of symbol and quiet zone */
    int margin;    /* between the card's edge and the white panel */
    int width;
    int height;
    int heading; /* height of the part above the panel */
    int lines;   /* height of the white part below the symbol */
    int footing; /* height of the part below the panel */
    uint32_t ground;
    uint32_t ink;  /* of text on the ground */
    int mark_rows; /* 0: no trace mark */
    int8_t mark_signs[PHI_MARK_COLUMNS * PHI_MARK_ROWS_MAX];
};

/* The picture's symbol and its scale within bounds. PHI_ERR_FIELD_VALUE, PHI_ERR_MEMORY. */
enum phi_err phi_card_symbol(const struct phi_picture *picture, struct phi_symbol *symbol,
                             int *scale) PHI_MUST_USE;
/* Measures out a card; `heading`, `lines` and `footing` as shares of the panel's side. */
void phi_card_measure(struct phi_card *card, const struct phi_symbol *symbol, int scale,
                      double heading, double lines, double footing);
/* Once measured: lays the picture's trace mark, if it has one, into the ground to come. */
enum phi_err phi_card_mark(struct phi_card *card, const struct phi_picture *picture) PHI_MUST_USE;
/* Fills all of width × height, or what is clipped of it, with the ground and its mark. */
void phi_card_paint_ground(cairo_t *cairo, const struct phi_card *card);
/* The symbol with the logo in its middle, its corner at (x, y). */
void phi_card_paint_symbol(cairo_t *cairo, const struct phi_card *card, double x, double y);
/* Ground, panel, symbol and the unified logo, in the ground's colour, in its middle. */
void phi_card_paint(cairo_t *cairo, const struct phi_card *card);

#endif
