#include "picture/picture.h"

#include "base/text.h"
#include "base/time.h"
#include "picture/card.h"

#include <stdio.h>
#include <string.h>

#define TITLE_ZH PHI_CARD_TITLE_ZH
#define TITLE_EN PHI_CARD_TITLE_EN

const char *const phi_picture_formats[PHI_PICTURE_FORMATS] = {"png", "svg", "pdf"};

const char *phi_picture_media_type(enum phi_picture_format format)
{
    static const char *const types[] = {"image/png", "image/svg+xml", "application/pdf"};
    return types[format];
}

static enum phi_err parse_colour(const char *text, uint32_t *out)
{
    uint8_t rgb[3];
    if (text == NULL || text[0] != '#' || phi_hex_decode(phi_view_text(text + 1), rgb, 3) != PHI_OK)
        return PHI_ERR_FIELD_VALUE;
    *out = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
    return PHI_OK;
}

static void centred(cairo_t *cairo, const struct phi_card *card, const char *text, double y,
                    double size, uint32_t colour, bool is_bold)
{
    struct phi_paint_text line = {.text = text,
                                  .x = card->width / 2.0,
                                  .y = y,
                                  .size = size,
                                  .width_max = card->panel,
                                  .colour = colour,
                                  .is_bold = is_bold,
                                  .align = PHI_PAINT_CENTRE};
    phi_paint_text(cairo, &line);
}

static void paint_neutral(cairo_t *cairo, const struct phi_card *card)
{
    double unit = card->panel / 100.0;
    phi_card_paint(cairo, card);
    centred(cairo, card, TITLE_ZH, 3.4 * unit, 7.2 * unit, card->ink, true);
    centred(cairo, card, TITLE_EN, 13 * unit, 3.6 * unit, card->ink, false);
    double y = card->heading + card->panel + card->margin;
    centred(cairo, card, "请出示给查验人员扫码", y, 5 * unit, PHI_INK_DARK, true);
    centred(cairo, card, "本图不含健康信息，以扫码结果为准", y + 7.4 * unit, 3.8 * unit,
            PHI_INK_SOFT, false);
    centred(cairo, card, "Says nothing about health until it is scanned", y + 13 * unit, 3.2 * unit,
            PHI_INK_SOFT, false);
}

enum phi_err phi_picture_neutral(const struct phi_picture *picture, struct phi_arena *arena,
                                 struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_symbol symbol;
    struct phi_canvas canvas;
    struct phi_card card = {.ground = PHI_CARD_NEUTRAL, .ink = PHI_INK_LIGHT};
    int scale = 0;
    PHI_GUARD(phi_card_symbol(picture, &symbol, &scale));
    phi_card_measure(&card, &symbol, scale, 0.195, 0.21, 0.05);
    PHI_GUARD(phi_card_mark(&card, picture));
    PHI_GUARD(phi_canvas_open(&canvas, picture->format, card.width, card.height));
    paint_neutral(canvas.cairo, &card);
    err = phi_canvas_finish(&canvas, TITLE_ZH " " TITLE_EN,
                            "供查验人员扫描的二维码，不含健康信息。"
                            "A code to be scanned; it says nothing about health.",
                            arena, out);
out:
    return err;
}

/* What the graded picture draws besides the card, once checked. */
struct graded {
    const struct phi_picture_grade *grade;
    const struct phi_picture_holder *holder;
    enum phi_shape shape;
    char drawn_date[11];
    char drawn_time[9];
    char until[48];
};

static void format_times(struct graded *graded)
{
    char at[PHI_RFC3339_MAX];
    char until[PHI_RFC3339_MAX];
    phi_rfc3339_format(graded->holder->drawn_us / 1000000 * 1000000, at);
    phi_rfc3339_format(graded->holder->until_us / 1000000 * 1000000, until);
    bool is_same_day = memcmp(at, until, 10) == 0;
    until[10] = ' ';
    memcpy(graded->drawn_date, at, 10);
    memcpy(graded->drawn_time, at + 11, 8);
    snprintf(graded->until, sizeof(graded->until), "有效至 Valid until %.*s", is_same_day ? 8 : 19,
             is_same_day ? until + 11 : until);
}

static enum phi_err check_graded(const struct phi_picture_grade *grade,
                                 const struct phi_picture_holder *holder, struct phi_card *card,
                                 struct graded *graded)
{
    if (!phi_paint_is_words(grade->word_zh) || !phi_paint_is_words(grade->word_en) ||
        !phi_paint_is_words(holder->name) || !phi_paint_is_words(holder->id_no) ||
        (holder->place != NULL && !phi_paint_is_words(holder->place)))
        return PHI_ERR_FIELD_VALUE;
    if (grade->shape == NULL || !phi_shape_from_name(grade->shape, &graded->shape))
        return PHI_ERR_FIELD_VALUE;
    if (holder->drawn_us < 0 || holder->until_us < 0)
        return PHI_ERR_FIELD_VALUE;
    graded->grade = grade;
    graded->holder = holder;
    format_times(graded);
    return parse_colour(grade->colour, &card->ground);
}

static void paint_heading(cairo_t *cairo, const struct phi_card *card, const struct graded *graded)
{
    double unit = card->panel / 100.0;
    double x = 2.0 * card->margin;
    phi_paint_shape(cairo, graded->shape, x + 11 * unit, card->heading / 2.0, 10 * unit, card->ink,
                    card->ground);
    struct phi_paint_text word = {.text = graded->grade->word_zh,
                                  .x = x + 27 * unit,
                                  .y = 3.2 * unit,
                                  .size = 13.5 * unit,
                                  .width_max = 73 * unit,
                                  .colour = card->ink,
                                  .is_bold = true};
    phi_paint_text(cairo, &word);
    word.text = graded->grade->word_en;
    word.y = 20 * unit;
    word.size = 4.6 * unit;
    word.is_bold = false;
    phi_paint_text(cairo, &word);
}

static void paint_lines(cairo_t *cairo, const struct phi_card *card, const struct graded *graded)
{
    double unit = card->panel / 100.0;
    double y = card->heading + card->panel + card->margin;
    double left = 2.0 * card->margin + card->symbol->quiet * card->module;
    double right = card->width - left;
    struct phi_paint_text line = {.text = graded->holder->name,
                                  .x = left,
                                  .y = y,
                                  .size = 6 * unit,
                                  .width_max = 40 * unit,
                                  .colour = PHI_INK_DARK,
                                  .is_bold = true};
    phi_paint_text(cairo, &line);
    line = (struct phi_paint_text){.text = graded->holder->id_no,
                                   .x = right,
                                   .y = y + 1.1 * unit,
                                   .size = 4.6 * unit,
                                   .width_max = 46 * unit,
                                   .colour = PHI_INK_DARK,
                                   .align = PHI_PAINT_RIGHT};
    phi_paint_text(cairo, &line);
    phi_paint_colour(cairo, 0xdadce0);
    cairo_rectangle(cairo, left, y + 9.6 * unit, right - left, unit * 0.3);
    cairo_fill(cairo);
    centred(cairo, card, graded->drawn_date, y + 11.4 * unit, 4.6 * unit, PHI_INK_SOFT, false);
    centred(cairo, card, graded->drawn_time, y + 16.4 * unit, 12 * unit, PHI_INK_DARK, true);
    centred(cairo, card, graded->until, y + 32 * unit, 3.8 * unit, PHI_INK_SOFT, false);
}

static void paint_graded(cairo_t *cairo, const struct phi_card *card, const struct graded *graded,
                         const char *footing)
{
    double unit = card->panel / 100.0;
    phi_card_paint(cairo, card);
    paint_heading(cairo, card, graded);
    paint_lines(cairo, card, graded);
    centred(cairo, card, footing, card->height - card->footing + 2.4 * unit, 4 * unit, card->ink,
            false);
}

enum phi_err phi_picture_graded(const struct phi_picture *picture,
                                const struct phi_picture_grade *grade,
                                const struct phi_picture_holder *holder, struct phi_arena *arena,
                                struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_symbol symbol;
    struct phi_canvas canvas;
    struct phi_card card = {0};
    struct graded graded = {0};
    int scale = 0;
    PHI_GUARD(check_graded(grade, holder, &card, &graded));
    PHI_GUARD(phi_card_symbol(picture, &symbol, &scale));
    card.ink = phi_paint_ink_on(card.ground);
    phi_card_measure(&card, &symbol, scale, 0.29, 0.39, 0.1);
    PHI_GUARD(phi_card_mark(&card, picture));
    const char *footing =
        phi_arena_printf(arena, "%s%s" TITLE_ZH, holder->place == NULL ? "" : holder->place,
                         holder->place == NULL ? "" : " · ");
    const char *title = phi_arena_printf(arena, "%s %s", grade->word_zh, grade->word_en);
    const char *description = phi_arena_printf(
        arena, TITLE_ZH "：%s（%s）。%s，%s。%s %s，%s。", grade->word_zh, grade->word_en,
        holder->name, holder->id_no, graded.drawn_date, graded.drawn_time, graded.until);
    if (footing == NULL || title == NULL || description == NULL)
        PHI_GUARD(PHI_ERR_MEMORY);
    PHI_GUARD(phi_canvas_open(&canvas, picture->format, card.width, card.height));
    paint_graded(canvas.cairo, &card, &graded, footing);
    err = phi_canvas_finish(&canvas, title, description, arena, out);
out:
    return err;
}

enum phi_err phi_picture_warm_up(void)
{
    const struct phi_picture picture = {.text = phi_view_text("0"), .scale = PHI_PICTURE_SCALE_MIN};
    struct phi_arena *arena = phi_arena_new(PHI_PICTURE_BYTES_MAX);
    struct phi_view out;
    enum phi_err err = arena == NULL ? PHI_ERR_MEMORY : phi_picture_neutral(&picture, arena, &out);
    phi_arena_free(arena);
    return err;
}
