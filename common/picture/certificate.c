#include "base/time.h"
#include "picture/card.h"

#include <math.h>
#include <string.h>

/* A4 in points; the page is laid out in these whatever the format. */
#define PAGE_WIDTH  595
#define PAGE_HEIGHT 842
#define EDGE        36.0
#define INNER       (PAGE_WIDTH - 2 * EDGE)
#define HEADER      104.0
#define FOOTER      46.0
#define SYMBOL_TOP  158.0
#define SYMBOL_SIDE 340.0 /* with its quiet zone, at most */
#define TABLE_TOP   506.0
#define ROW_HEIGHT  32.0
#define PNG_SCALE   2

#define TITLE_ZH PHI_CARD_TITLE_ZH "纸质凭证"
#define TITLE_EN PHI_CARD_TITLE_EN ": Paper Certificate"

static void text_at(cairo_t *cairo, const char *text, double x, double y, double size,
                    uint32_t colour, bool is_bold, enum phi_paint_align align)
{
    const struct phi_paint_text line = {.text = text,
                                        .x = x,
                                        .y = y,
                                        .size = size,
                                        .width_max = INNER - 40,
                                        .colour = colour,
                                        .is_bold = is_bold,
                                        .align = align};
    phi_paint_text(cairo, &line);
}

static void centred(cairo_t *cairo, const char *text, double y, double size, uint32_t colour,
                    bool is_bold)
{
    text_at(cairo, text, PAGE_WIDTH / 2.0, y, size, colour, is_bold, PHI_PAINT_CENTRE);
}

/* The two bands carry the trace mark; the frame between them is plain. */
static void paint_bands(cairo_t *cairo, const struct phi_card *card)
{
    phi_paint_colour(cairo, 0xffffff);
    cairo_paint(cairo);
    cairo_save(cairo);
    cairo_rectangle(cairo, EDGE, EDGE, INNER, HEADER);
    cairo_rectangle(cairo, EDGE, PAGE_HEIGHT - EDGE - FOOTER, INNER, FOOTER);
    cairo_clip(cairo);
    phi_card_paint_ground(cairo, card);
    cairo_restore(cairo);
    phi_paint_colour(cairo, card->ground);
    cairo_set_line_width(cairo, 1.5);
    cairo_rectangle(cairo, EDGE + 0.75, EDGE + 0.75, INNER - 1.5, PAGE_HEIGHT - 2 * EDGE - 1.5);
    cairo_stroke(cairo);
}

static void paint_header(cairo_t *cairo, const struct phi_card *card)
{
    phi_paint_shape(cairo, PHI_SHAPE_HEART, EDGE + 56, EDGE + HEADER / 2, 30, PHI_INK_LIGHT,
                    card->ground);
    text_at(cairo, TITLE_ZH, EDGE + 108, EDGE + 20, 32, card->ink, true, PHI_PAINT_LEFT);
    text_at(cairo, TITLE_EN, EDGE + 108, EDGE + 66, 14, card->ink, false, PHI_PAINT_LEFT);
}

static void paint_row(cairo_t *cairo, int row, const char *zh, const char *en, const char *value)
{
    double y = TABLE_TOP + row * ROW_HEIGHT;
    double left = EDGE + 56;
    double right = PAGE_WIDTH - left;
    text_at(cairo, zh, left, y + 7, 13, PHI_INK_SOFT, false, PHI_PAINT_LEFT);
    text_at(cairo, en, left + 72, y + 9.5, 9.5, PHI_INK_SOFT, false, PHI_PAINT_LEFT);
    text_at(cairo, value, right, y + 5, 15, PHI_INK_DARK, true, PHI_PAINT_RIGHT);
    phi_paint_colour(cairo, 0xdadce0);
    cairo_rectangle(cairo, left, y + ROW_HEIGHT - 1, right - left, 0.75);
    cairo_fill(cairo);
}

/* "2026-11-21 16:08:15": from RFC 3339 at +08:00. */
static void format_time(int64_t time_us, char out[PHI_RFC3339_MAX])
{
    phi_rfc3339_format(time_us / 1000000 * 1000000, out);
    out[10] = ' ';
    out[19] = '\0';
}

static void paint_table(cairo_t *cairo, const struct phi_picture_paper *paper)
{
    char issued[PHI_RFC3339_MAX];
    char until[PHI_RFC3339_MAX];
    format_time(paper->issued_us, issued);
    format_time(paper->until_us, until);
    paint_row(cairo, 0, "姓名", "Name", paper->name);
    paint_row(cairo, 1, "证件号码", "ID number", paper->id_no);
    paint_row(cairo, 2, "签发平台", "Issued by", paper->issuer);
    paint_row(cairo, 3, "签发时间", "Issued at (UTC+8)", issued);
    paint_row(cairo, 4, "有效期至", "Valid until (UTC+8)", until);
}

static void paint_notes(cairo_t *cairo, const struct phi_card *card)
{
    double y = TABLE_TOP + 5 * ROW_HEIGHT + 14;
    centred(cairo, "供不便使用智能终端的人员出示，由查验人员扫码核验", y, 12, PHI_INK_DARK, true);
    centred(cairo, "本凭证不含健康信息，以扫码结果为准；遗失可申请撤销", y + 19, 11, PHI_INK_SOFT,
            false);
    centred(cairo, "To be scanned. Says nothing about health; can be revoked when lost.", y + 36,
            9.5, PHI_INK_SOFT, false);
    centred(cairo, "请勿折叠、遮挡二维条码 · Keep the symbol flat and uncovered",
            PAGE_HEIGHT - EDGE - FOOTER + 14, 12, card->ink, false);
}

static void paint(cairo_t *cairo, const struct phi_card *card,
                  const struct phi_picture_paper *paper)
{
    int modules = card->symbol->size;
    double side = modules * card->module;
    paint_bands(cairo, card);
    paint_header(cairo, card);
    phi_card_paint_symbol(cairo, card, floor((PAGE_WIDTH - side) / 2),
                          floor(SYMBOL_TOP + (SYMBOL_SIDE - side) / 2));
    paint_table(cairo, paper);
    paint_notes(cairo, card);
}

static enum phi_err check(const struct phi_picture_paper *paper)
{
    bool is_good = phi_paint_is_words(paper->name) && phi_paint_is_words(paper->id_no) &&
                   phi_paint_is_words(paper->issuer) && paper->issued_us >= 0 &&
                   paper->until_us >= paper->issued_us;
    return is_good ? PHI_OK : PHI_ERR_FIELD_VALUE;
}

/* Half points, so that a PNG's modules are whole pixels. PHI_ERR_FIELD_VALUE for a symbol whose
 * modules would be too small to scan from paper. */
static enum phi_err fit_symbol(struct phi_card *card)
{
    int modules = card->symbol->size + 2 * card->symbol->quiet;
    card->module = floor(SYMBOL_SIDE * PNG_SCALE / modules) / PNG_SCALE;
    return card->module >= 2 ? PHI_OK : PHI_ERR_FIELD_VALUE;
}

enum phi_err phi_picture_certificate(const struct phi_picture *picture,
                                     const struct phi_picture_paper *paper, struct phi_arena *arena,
                                     struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_symbol symbol;
    struct phi_canvas canvas;
    struct phi_card card = {.symbol = &symbol,
                            .width = PAGE_WIDTH,
                            .height = PAGE_HEIGHT,
                            .ground = PHI_CARD_NEUTRAL,
                            .ink = PHI_INK_LIGHT};
    int scale = picture->format == PHI_PICTURE_PNG ? PNG_SCALE : 1;
    PHI_GUARD(check(paper));
    PHI_GUARD(phi_symbol_encode(picture->symbology, picture->text, &symbol));
    PHI_GUARD(fit_symbol(&card));
    PHI_GUARD(phi_card_mark(&card, picture));
    PHI_GUARD(phi_canvas_open(&canvas, picture->format, PAGE_WIDTH * scale, PAGE_HEIGHT * scale));
    cairo_scale(canvas.cairo, scale, scale);
    paint(canvas.cairo, &card, paper);
    err = phi_canvas_finish(&canvas, TITLE_ZH " " TITLE_EN,
                            "供查验人员扫描的二维码纸质凭证，不含健康信息。"
                            "A paper certificate to be scanned; it says nothing about health.",
                            arena, out);
out:
    return err;
}
