/* Pictures of a code, for the citizen's screen or for paper.
 *
 *   struct phi_picture picture = {.symbology = PHI_SYMBOL_QR, .text = code_text,
 *                                 .format = PHI_PICTURE_PNG, .scale = 8};
 *   PHI_GUARD(phi_picture_neutral(&picture, arena, &bytes));            // the code side: no grade
 *   const struct phi_grade_row *row = phi_grade_row(grade);
 *   struct phi_picture_grade look = {row->zh, row->en, row->colour, row->shape};
 *   PHI_GUARD(phi_picture_graded(&picture, &look, &holder, arena, &bytes)); // the health side
 */
#ifndef PHI_PICTURE_PICTURE_H
#define PHI_PICTURE_PICTURE_H

#include "base/arena.h"
#include "picture/mark.h"
#include "picture/symbol.h"

enum phi_picture_format { PHI_PICTURE_PNG, PHI_PICTURE_SVG, PHI_PICTURE_PDF };
#define PHI_PICTURE_FORMATS 3
extern const char *const phi_picture_formats[PHI_PICTURE_FORMATS];  /* "png", "svg", "pdf" */
const char *phi_picture_media_type(enum phi_picture_format format); /* "image/png", … */

#define PHI_PICTURE_SCALE_MIN 3
#define PHI_PICTURE_SCALE_MAX 16
#define PHI_PICTURE_PANEL_MAX_PX                                                                   \
    1600 /* side of symbol and quiet zone: bounds the memory to some 16 MB */
#define PHI_PICTURE_BYTES_MAX (2 * 1024 * 1024)
/* An arena of its own for drawing a picture and its base64: a request's has no room for them. */
#define PHI_PICTURE_ARENA_BYTES (4 * PHI_PICTURE_BYTES_MAX)

struct phi_picture {
    enum phi_symbology symbology;
    struct phi_view text; /* the code's text form */
    enum phi_picture_format format;
    int scale; /* pixels a module, 3..16; 0 means 8 (SVG and PDF: points a module) */
    const struct phi_mark_key *mark_key; /* NULL: no trace mark */
    struct phi_mark mark;
};

/* How one grade looks, in the words of the table in codes/grade.h. The shapes, each with a sign in
 * it, tell the grade to who can't tell colours apart: "circle" (a tick), "triangle" (an exclamation
 * mark), "octagon" (a bar: stop), "diamond" (a clock: under review), "square" (a question mark:
 * unknown). */
struct phi_picture_grade {
    const char *word_zh; /* "未见异常" */
    const char *word_en;
    const char *colour; /* "#rrggbb" */
    const char *shape;
};

/* What the picture says about the holder; all masked before it comes here. */
struct phi_picture_holder {
    const char *name;  /* "张*三" */
    const char *id_no; /* "3201**********1234" */
    int64_t drawn_us;  /* when the grade was found; shown in UTC+8 */
    int64_t until_us;  /* the code's deadline */
    const char *place; /* issuing platform in words, "江苏省"; NULL for none */
};

/* Draws the symbol with the unified logo in its middle (under 10 % of its area) and nothing about
 * health. `out` is the arena's. PHI_ERR_FIELD_VALUE for a bad scale or text or a panel over
 * PHI_PICTURE_PANEL_MAX_PX, PHI_ERR_MEMORY (also when the arena is too small), PHI_ERR_INTERNAL.
 * Any thread; costs CPU (some milliseconds), doesn't wait. */
enum phi_err phi_picture_neutral(const struct phi_picture *picture, struct phi_arena *arena,
                                 struct phi_view *out) PHI_MUST_USE;

/* Draws the symbol in the grade's frame, with grade in colour, words and shape, masked name and
 * number and time. PHI_ERR_FIELD_VALUE also for words that are not UTF-8, hold control characters
 * or are over 64 characters, another form of colour and an unknown shape. Otherwise as above. */
enum phi_err phi_picture_graded(const struct phi_picture *picture,
                                const struct phi_picture_grade *grade,
                                const struct phi_picture_holder *holder, struct phi_arena *arena,
                                struct phi_view *out) PHI_MUST_USE;

/* What a paper certificate says; name and number masked before they come here. */
struct phi_picture_paper {
    const char *name;
    const char *id_no;
    const char *issuer; /* "江苏省" */
    int64_t issued_us;
    int64_t until_us;
};

/* A certificate to be printed on A4 (纸质凭证), with a neutral symbol, whose it is, issuer and
 * validity. `scale` is not used: SVG and PDF are in points, PNG has two pixels a point. Errors,
 * owner and threads as above. */
enum phi_err phi_picture_certificate(const struct phi_picture *picture,
                                     const struct phi_picture_paper *paper, struct phi_arena *arena,
                                     struct phi_view *out) PHI_MUST_USE;

/* Draws something once and drops it, so that fonts are found and read before the first request.
 * PHI_ERR_MEMORY, PHI_ERR_INTERNAL. Blocks on the disk: up to a second where fontconfig has no
 * cache. */
enum phi_err phi_picture_warm_up(void) PHI_MUST_USE;

/* The logo's area over the symbol's (without quiet zone): held under 0.10 by construction. */
double phi_picture_logo_share(const struct phi_symbol *symbol);

#endif
