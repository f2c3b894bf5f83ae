/* Pictures of a code, for the citizen's screen or for paper.
 *
 *   struct phi_picture picture = {.symbology = PHI_SYMBOL_QR, .text = code_text,
 *                                 .format = PHI_PICTURE_PNG, .scale = 8};
 *   PHI_GUARD(phi_picture_neutral(&picture, arena, &bytes));            // the code side: no grade
 *   struct phi_picture_holder holder = {.name = masked_name, .id_no = masked_id, .drawn_us = now_us};
 *   PHI_GUARD(phi_picture_graded(&picture, &grade, &holder, arena, &bytes)); // the health side
 */
#ifndef PHI_PICTURE_PICTURE_H
#define PHI_PICTURE_PICTURE_H

#include "base/arena.h"
#include "picture/symbol.h"

enum phi_picture_format { PHI_PICTURE_PNG, PHI_PICTURE_SVG, PHI_PICTURE_PDF };

#define PHI_PICTURE_SCALE_MIN 2
#define PHI_PICTURE_SCALE_MAX 16
#define PHI_PICTURE_BYTES_MAX (2 * 1024 * 1024)

struct phi_picture {
    enum phi_symbology symbology;
    struct phi_view text; /* the code's text form */
    enum phi_picture_format format;
    int scale; /* pixels a module, 2..16; 0 means 8 (SVG and PDF: points a module) */
};

/* A sign that tells the grade to who can't tell colours apart. */
enum phi_picture_shape {
    PHI_SHAPE_TICK,     /* a tick in a disc */
    PHI_SHAPE_TRIANGLE, /* an exclamation mark in a triangle */
    PHI_SHAPE_OCTAGON,  /* a bar in an octagon: stop */
    PHI_SHAPE_CLOCK,    /* a clock face: under review */
    PHI_SHAPE_QUESTION, /* a question mark in a square: unknown */
    PHI_SHAPE_COUNT
};

/* How one grade looks; the table of grades is codes/grade.h's. */
struct phi_picture_grade {
    const char *word_zh; /* "未见异常" */
    const char *word_en;
    uint32_t colour; /* 0xRRGGBB */
    enum phi_picture_shape shape;
};

/* What the picture says about the holder; all masked before it comes here. */
struct phi_picture_holder {
    const char *name;   /* "张*三" */
    const char *id_no;  /* "3201**********1234" */
    int64_t drawn_us;   /* time shown, in UTC+8 */
    int64_t until_us;   /* the code's deadline */
    const char *place;  /* issuing platform in words, "江苏省"; NULL for none */
};

/* Draws the symbol with the unified logo in its middle (under 10 % of its area) and nothing about health.
 * `out` is the arena's. PHI_ERR_FIELD_VALUE for a bad scale or text, PHI_ERR_MEMORY (also when the arena
 * is too small), PHI_ERR_INTERNAL. Any thread; costs CPU (some milliseconds), doesn't wait. */
enum phi_err phi_picture_neutral(const struct phi_picture *picture, struct phi_arena *arena,
                                 struct phi_view *out) PHI_MUST_USE;

/* Draws the symbol in the grade's frame, with grade in colour, words and shape, masked name and number and
 * time. PHI_ERR_FIELD_VALUE also for words that are not UTF-8 or over 64 characters. Otherwise as above. */
enum phi_err phi_picture_graded(const struct phi_picture *picture,
                                const struct phi_picture_grade *grade,
                                const struct phi_picture_holder *holder, struct phi_arena *arena,
                                struct phi_view *out) PHI_MUST_USE;

/* The logo's area over the symbol's (without quiet zone): held under 0.10 by construction. */
double phi_picture_logo_share(const struct phi_symbol *symbol);

#endif
