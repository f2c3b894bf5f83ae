/* Pictures a second, beside the barest picture of the same size: libzint's symbol, cairo's surface,
 * the symbol's rectangles and cairo's own writer, without text, frame, logo and mark. */
#include "tests/bench/bench.h"
#include "picture/picture.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <pthread.h>
#include <zint.h>

#define ARENA_BYTES (8 * 1024 * 1024)
#define SCALE       8

static const char code_text[] = "AARACDTHM5QWYZLMMVZGK3TUEBSXQYLNOBWGKIDPMYQGCIDDN5SGKIDUMV4HIIDG"
                                "N5ZG2IDXNF2GQIDUO5XSA2DVNZSHEZLEEBQW4ZBAMZUWM5DZEBZWS6BANRSXI5DF"
                                "OJZSAYLOMQQGI2LHNF2HGIDPMYQGEYLTMUZTEIDBNZSCA3TPOQQG63TFEBWW64TF"
                                "EB2GQYLOEB2GQYLUFYQFI2DFEBSW4ZBAN5TCA2LUEBUXGIDOMVQXEIDON53SAMJS";

enum kind { NEUTRAL, GRADED, CERTIFICATE };

struct work {
    enum kind kind;
    struct phi_picture picture;
    int width, height; /* of the floor's sheet */
};

static enum phi_err draw(const struct work *work, struct phi_arena *arena, struct phi_view *out)
{
    static const struct phi_picture_grade green = {"未见异常", "nothing found", "#1b8a3a",
                                                   "circle"};
    static const struct phi_picture_holder holder = {"张*三", "3201**********1234",
                                                     1795248495000000, 1795248795000000, "江苏省"};
    static const struct phi_picture_paper paper = {"张*三", "3201**********1234", "江苏省",
                                                   1795248495000000, 1795853295000000};
    if (work->kind == NEUTRAL)
        return phi_picture_neutral(&work->picture, arena, out);
    if (work->kind == GRADED)
        return phi_picture_graded(&work->picture, &green, &holder, arena, out);
    return phi_picture_certificate(&work->picture, &paper, arena, out);
}

static size_t ours(void *argument)
{
    struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
    struct phi_view out;
    bench_require(arena != NULL && draw(argument, arena, &out) == PHI_OK, "no picture");
    phi_arena_free(arena);
    return 1;
}

static cairo_status_t drop_bytes(void *context, const unsigned char *data, unsigned int len)
{
    (void)data;
    *(size_t *)context += len;
    return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *sheet_of(const struct work *work, size_t *count)
{
    switch (work->picture.format) {
    case PHI_PICTURE_PNG:
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24, work->width, work->height);
    case PHI_PICTURE_SVG:
        return cairo_svg_surface_create_for_stream(drop_bytes, count, work->width, work->height);
    case PHI_PICTURE_PDF:
        return cairo_pdf_surface_create_for_stream(drop_bytes, count, work->width, work->height);
    }
    return NULL;
}

static void paint_modules(cairo_t *cairo, const struct zint_symbol *symbol)
{
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_set_source_rgb(cairo, 0, 0, 0);
    for (int y = 0; y < symbol->rows; y++) {
        for (int x = 0; x < symbol->width; x++) {
            if ((symbol->encoded_data[y][x >> 3] >> (x & 7) & 1) != 0)
                cairo_rectangle(cairo, (4 + x) * SCALE, (4 + y) * SCALE, SCALE, SCALE);
        }
    }
    cairo_fill(cairo);
}

static size_t bare(void *argument)
{
    static const int ids[] = {BARCODE_QRCODE, BARCODE_GRIDMATRIX, BARCODE_HANXIN};
    static const int levels[] = {4, 5, 4};
    const struct work *work = argument;
    size_t count = 0;
    struct zint_symbol *symbol = ZBarcode_Create();
    symbol->symbology = ids[work->picture.symbology];
    symbol->option_1 = levels[work->picture.symbology];
    bench_require(ZBarcode_Encode(symbol, (const unsigned char *)code_text, 0) == 0, "no symbol");
    cairo_surface_t *sheet = sheet_of(work, &count);
    cairo_t *cairo = cairo_create(sheet);
    paint_modules(cairo, symbol);
    if (work->picture.format == PHI_PICTURE_PNG)
        cairo_surface_write_to_png_stream(sheet, drop_bytes, &count);
    cairo_destroy(cairo);
    cairo_surface_finish(sheet);
    bench_require(cairo_surface_status(sheet) == CAIRO_STATUS_SUCCESS && count > 0, "no sheet");
    cairo_surface_destroy(sheet);
    ZBarcode_Delete(symbol);
    return 1;
}

static void compare(const char *name, struct work *work, const struct bench_options *options)
{
    struct bench_series mine = {0};
    struct bench_series floor = {0};
    ours(work);
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&mine, bench_rate(ours, work, options->ms));
        bench_series_add(&floor, bench_rate(bare, work, options->ms));
    }
    bench_print(name, "pictures/s", &mine, "zint+cairo", &floor, 1);
}

/* The mark's own cost: the same picture without it is the peer. */
static void compare_mark(struct work *work, const struct bench_options *options)
{
    struct work plain = *work;
    struct bench_series with = {0};
    struct bench_series without = {0};
    plain.picture.mark_key = NULL;
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&with, bench_rate(ours, work, options->ms));
        bench_series_add(&without, bench_rate(ours, &plain, options->ms));
    }
    bench_print("image.png.mark", "pictures/s", &with, "unmarked", &without, 1);
}

struct tracing {
    const struct phi_mark_key *key;
    struct phi_view png;
};

static size_t trace(void *argument)
{
    const struct tracing *tracing = argument;
    struct phi_raster grey;
    struct phi_mark_trace found;
    bench_require(phi_raster_read_grey(tracing->png, PHI_RASTER_PIXELS_MAX, &grey) == PHI_OK,
                  "not read");
    bench_require(phi_mark_trace(tracing->key, &grey, &found) == PHI_OK, "no mark");
    phi_raster_free(&grey);
    return 1;
}

static size_t read_only(void *argument)
{
    const struct tracing *tracing = argument;
    struct phi_raster grey;
    bench_require(phi_raster_read_grey(tracing->png, PHI_RASTER_PIXELS_MAX, &grey) == PHI_OK,
                  "not read");
    phi_raster_free(&grey);
    return 1;
}

static void compare_trace(const struct work *work, const struct bench_options *options)
{
    struct bench_series full = {0};
    struct bench_series reading = {0};
    struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
    struct tracing tracing = {.key = work->picture.mark_key};
    bench_require(arena != NULL && draw(work, arena, &tracing.png) == PHI_OK, "no picture");
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&full, bench_rate(trace, &tracing, options->ms));
        bench_series_add(&reading, bench_rate(read_only, &tracing, options->ms));
    }
    bench_print("image.trace", "pictures/s", &full, "libpng alone", &reading, 1);
    phi_arena_free(arena);
}

static void *first_of_a_thread(void *argument)
{
    double *rate = argument;
    struct work work = {.kind = GRADED,
                        .picture = {.text = phi_view_text(code_text), .scale = SCALE}};
    const double start = bench_cpu_s();
    ours(&work);
    *rate = 1 / (bench_cpu_s() - start);
    return NULL;
}

static double first_rate(void)
{
    pthread_t thread;
    double rate = 0;
    bench_require(pthread_create(&thread, NULL, first_of_a_thread, &rate) == 0, "no thread");
    pthread_join(thread, NULL);
    return rate;
}

/* What a thread's first picture costs: before anything was drawn (a service warms up at its start
 * instead), and in a new thread of a warm process; beside each, a thread's later ones. */
static void compare_first(const struct bench_options *options)
{
    struct work work = {.kind = GRADED,
                        .picture = {.text = phi_view_text(code_text), .scale = SCALE}};
    struct bench_series cold = {0};
    struct bench_series thread = {0};
    struct bench_series warm = {0};
    bench_series_add(&cold, first_rate());
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&thread, first_rate());
        bench_series_add(&warm, bench_rate(ours, &work, options->ms));
    }
    bench_print("image.first.process", "pictures/s", &cold, "warm", &warm, 1);
    bench_print("image.first.thread", "pictures/s", &thread, "warm", &warm, 1);
}

int main(void)
{
    static const struct {
        const char *name;
        enum kind kind;
        enum phi_picture_format format;
        enum phi_symbology symbology;
        int width, height;
    } cases[] = {
        {"image.png.qr", GRADED, PHI_PICTURE_PNG, PHI_SYMBOL_QR, 740, 1128},
        {"image.png.gm", GRADED, PHI_PICTURE_PNG, PHI_SYMBOL_GRID_MATRIX, 980, 1494},
        {"image.png.hx", GRADED, PHI_PICTURE_PNG, PHI_SYMBOL_HAN_XIN, 720, 1099},
        {"image.svg.qr", GRADED, PHI_PICTURE_SVG, PHI_SYMBOL_QR, 740, 1128},
        {"image.pdf.qr", GRADED, PHI_PICTURE_PDF, PHI_SYMBOL_QR, 740, 1128},
        {"image.neutral", NEUTRAL, PHI_PICTURE_PNG, PHI_SYMBOL_QR, 740, 927},
        {"image.certificate", CERTIFICATE, PHI_PICTURE_PDF, PHI_SYMBOL_QR, 595, 842},
    };
    const struct bench_options options = bench_options_get();
    struct phi_mark_key *key = NULL;
    struct work work = {0};
    compare_first(&options);
    bench_require(phi_mark_key_new(phi_view_text("a key of the benchmark's"), &key) == PHI_OK,
                  "key");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        work = (struct work){.kind = cases[i].kind,
                             .picture = {.symbology = cases[i].symbology,
                                         .text = phi_view_text(code_text),
                                         .format = cases[i].format,
                                         .scale = SCALE,
                                         .mark_key = key,
                                         .mark = {.platform = "320000", .time_s = 1795248495}},
                             .width = cases[i].width,
                             .height = cases[i].height};
        compare(cases[i].name, &work, &options);
    }
    work.kind = GRADED;
    work.picture.format = PHI_PICTURE_PNG;
    compare_mark(&work, &options);
    compare_trace(&work, &options);
    phi_mark_key_free(key);
    return 0;
}
