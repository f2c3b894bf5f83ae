/* The pictures, read again by a decoder that isn't ours (zbarimg), also blurred and damaged. */
#include "case.h"
#include "vector_file.h"

#include "base/time.h"
#include "picture/picture.h"

#include <cairo.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA_BYTES (4 * 1024 * 1024)

/* A health code's text form: 256 letters and digits of base32. */
static const char code_text[] = "AARACDTHM5QWYZLMMVZGK3TUEBSXQYLNOBWGKIDPMYQGCIDDN5SGKIDUMV4HIIDG"
                                "N5ZG2IDXNF2GQIDUO5XSA2DVNZSHEZLEEBQW4ZBAMZUWM5DZEBZWS6BANRSXI5DF"
                                "OJZSAYLOMQQGI2LHNF2HGIDPMYQGEYLTMUZTEIDBNZSCA3TPOQQG63TFEBWW64TF"
                                "EB2GQYLOEB2GQYLUFYQFI2DFEBSW4ZBAN5TCA2LUEBUXGIDOMVQXEIDON53SAMJS";

static const struct phi_picture_grade green = {"未见异常", "nothing found", "#1b8a3a", "circle"};
static const struct phi_picture_grade yellow = {"中风险", "medium risk", "#f2b600", "triangle"};
static const struct phi_picture_grade red = {"高风险", "high risk", "#c62828", "octagon"};
static const struct phi_picture_grade blue = {"审核中", "under review", "#1f5fbf", "diamond"};
static const struct phi_picture_grade grey = {"未知", "unknown", "#757575", "square"};
static const struct phi_picture_holder holder = {.name = "张*三",
                                                 .id_no = "3201**********1234",
                                                 .drawn_us = 1795248495000000,
                                                 .until_us = 1795248795000000,
                                                 .place = "江苏省"};

static struct phi_picture picture_of(enum phi_picture_format format, int scale)
{
    return (struct phi_picture){.text = phi_view_text(code_text), .format = format, .scale = scale};
}

static pid_t start_decoder(char *path, int out)
{
    char program[] = "zbarimg", quiet[] = "-q", raw[] = "--raw", no_bus[] = "--nodbus";
    char *const arguments[] = {program, quiet, raw, no_bus, path, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* What zbarimg reads in this PNG; empty when nothing. */
static void decode(struct phi_view png, char *out, size_t size)
{
    char path[] = "/tmp/phi-picture-XXXXXX";
    int ends[2];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, png.data, png.len), (ssize_t)png.len);
    close(fd);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = start_decoder(path, ends[1]);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len<size - 1; len += n> 0 ? (size_t)n : 0)
        n = read(ends[0], out + len, size - 1 - len);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    unlink(path);
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static void assert_reads(const char *name, struct phi_view png)
{
    char text[512];
    decode(png, text, sizeof(text));
    phi_check(name, strcmp(text, code_text) == 0);
}

static void a_strangers_decoder_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int scale;
        const struct phi_picture_grade *grade;
    } cases[] = {
        {"neutral at 3", 3, NULL},     {"neutral at 8", 8, NULL},  {"neutral at 16", 16, NULL},
        {"circle at 3", 3, &green},    {"circle at 8", 8, &green}, {"triangle at 3", 3, &yellow},
        {"triangle at 8", 8, &yellow}, {"octagon at 3", 3, &red},  {"octagon at 8", 8, &red},
        {"diamond at 3", 3, &blue},    {"diamond at 8", 8, &blue}, {"square at 3", 3, &grey},
        {"square at 8", 8, &grey},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_picture picture = picture_of(PHI_PICTURE_PNG, cases[i].scale);
        struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
        struct phi_view png;
        enum phi_err err = cases[i].grade == NULL
                               ? phi_picture_neutral(&picture, arena, &png)
                               : phi_picture_graded(&picture, cases[i].grade, &holder, arena, &png);
        phi_check(cases[i].name, err == PHI_OK);
        assert_reads(cases[i].name, png);
        phi_arena_free(arena);
    }
}

struct stream {
    struct phi_view from;
    uint8_t *to;
    size_t len;
};

static cairo_status_t read_stream(void *context, unsigned char *data, unsigned int len)
{
    struct stream *stream = context;
    if (len > stream->from.len)
        return CAIRO_STATUS_READ_ERROR;
    memcpy(data, stream->from.data, len);
    stream->from = phi_view_of(stream->from.data + len, stream->from.len - len);
    return CAIRO_STATUS_SUCCESS;
}

static cairo_status_t write_stream(void *context, const unsigned char *data, unsigned int len)
{
    struct stream *stream = context;
    if (stream->len + len > ARENA_BYTES)
        return CAIRO_STATUS_WRITE_ERROR;
    memcpy(stream->to + stream->len, data, len);
    stream->len += len;
    return CAIRO_STATUS_SUCCESS;
}

/* A box blur over (2r+1) pixels each way, on a copy. */
static void blur(cairo_surface_t *surface, int radius)
{
    int width = cairo_image_surface_get_width(surface);
    int height = cairo_image_surface_get_height(surface);
    int stride = cairo_image_surface_get_stride(surface);
    cairo_surface_flush(surface);
    uint8_t *pixels = cairo_image_surface_get_data(surface);
    uint8_t *before = malloc((size_t)stride * (size_t)height);
    memcpy(before, pixels, (size_t)stride * (size_t)height);
    for (int y = radius; y < height - radius; y++) {
        for (int x = radius * 4; x < (width - radius) * 4; x++) {
            int sum = 0;
            for (int dy = -radius; dy <= radius; dy++)
                for (int dx = -radius; dx <= radius; dx++)
                    sum += before[(y + dy) * stride + x + dx * 4];
            pixels[y * stride + x] = (uint8_t)(sum / ((2 * radius + 1) * (2 * radius + 1)));
        }
    }
    free(before);
    cairo_surface_mark_dirty(surface);
}

/* At scale 8 the symbol of 69 modules is 552 pixels a side; a grey square over a tenth of its area,
 * away from the corners that a reader orients itself by. */
static void damage(cairo_surface_t *surface, double x, double y)
{
    double side = 552 * 0.3163; /* its square is a tenth */
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 0.5, 0.5, 0.5);
    cairo_rectangle(cairo, x, y, side, side);
    cairo_fill(cairo);
    cairo_destroy(cairo);
}

static void they_bear_blur_and_damage(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int blur;
        double damage_x, damage_y; /* 0: none */
    } cases[] = {
        {"blurred over 5 pixels", 2, 0, 0},
        {"a tenth gone, lower right", 0, 450, 560},
        {"a tenth gone, right edge", 0, 465, 380},
        {"a tenth gone, left edge", 0, 94, 460},
        {"both", 2, 450, 560},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_picture picture = picture_of(PHI_PICTURE_PNG, 8);
        struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
        struct stream stream = {.to = malloc(ARENA_BYTES)};
        assert_int_equal(phi_picture_graded(&picture, &green, &holder, arena, &stream.from),
                         PHI_OK);
        cairo_surface_t *surface = cairo_image_surface_create_from_png_stream(read_stream, &stream);
        if (cases[i].damage_x > 0)
            damage(surface, cases[i].damage_x, cases[i].damage_y);
        if (cases[i].blur > 0)
            blur(surface, cases[i].blur);
        assert_int_equal(cairo_surface_write_to_png_stream(surface, write_stream, &stream), 0);
        assert_reads(cases[i].name, phi_view_of(stream.to, stream.len));
        cairo_surface_destroy(surface);
        free(stream.to);
        phi_arena_free(arena);
    }
}

static void the_logo_covers_less_than_a_tenth(void **state)
{
    (void)state;
    char text[PHI_SYMBOL_TEXT_MAX];
    memset(text, 'A', sizeof(text));
    for (int kind = 0; kind < PHI_SYMBOLOGY_COUNT; kind++) {
        for (size_t len = 1; len <= 512; len += 37) {
            struct phi_symbol symbol;
            assert_int_equal(
                phi_symbol_encode((enum phi_symbology)kind, phi_view_of(text, len), &symbol),
                PHI_OK);
            assert_true(phi_picture_logo_share(&symbol) < 0.10);
        }
    }
}

static void symbols_of_a_health_code(void **state)
{
    (void)state;
    static const struct {
        enum phi_symbology symbology;
        const char *name;
        int size;
    } cases[] = {
        {PHI_SYMBOL_QR, "qr", 69},
        {PHI_SYMBOL_GRID_MATRIX, "gm", 90},
        {PHI_SYMBOL_HAN_XIN, "hx", 69},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_symbol symbol;
        enum phi_symbology named;
        phi_check(cases[i].name, phi_symbol_encode(cases[i].symbology, phi_view_text(code_text),
                                                   &symbol) == PHI_OK);
        print_message("%s: %d modules\n", cases[i].name, symbol.size);
        phi_check(cases[i].name, symbol.size == cases[i].size);
        phi_check(cases[i].name, phi_symbol_is_dark(&symbol, 0, 0));
        phi_check(cases[i].name, phi_symbology_from_name(phi_view_text(cases[i].name), &named) &&
                                     named == cases[i].symbology);
        assert_string_equal(phi_symbology_names[cases[i].symbology], cases[i].name);
    }
    enum phi_symbology none;
    assert_false(phi_symbology_from_name(phi_view_text("aztec"), &none));
}

/* The vectors' own check against the standards is tests/e2e/test_symbols.py. */
static void symbols_are_those_of_the_vectors(void **state)
{
    (void)state;
    static const char *const names[] = {"qr-short", "qr-code",  "gm-short",
                                        "gm-code",  "hx-short", "hx-code"};
    for (size_t i = 0; i < PHI_COUNT(names); i++) {
        char path[64];
        struct phi_symbol symbol;
        enum phi_symbology kind = PHI_SYMBOL_QR;
        snprintf(path, sizeof(path), "symbols/%s.json", names[i]);
        json_t *file = vector_open(path);
        assert_true(phi_symbology_from_name(vector_view(file, "symbology"), &kind));
        phi_check(names[i], phi_symbol_encode(kind, vector_view(file, "text"), &symbol) == PHI_OK);
        phi_check(names[i], symbol.size == vector_int(file, "size"));
        for (int y = 0; y < symbol.size; y++) {
            const char *row =
                json_string_value(json_array_get(json_object_get(file, "rows"), (size_t)y));
            phi_check(names[i], row != NULL && strlen(row) == ((size_t)symbol.size + 3) / 4);
            for (int x = 0; x < symbol.size; x++) {
                const char digit[] = {row[x / 4], '\0'};
                bool is_dark = (strtoul(digit, NULL, 16) >> (3 - x % 4) & 1) != 0;
                phi_check(names[i], phi_symbol_is_dark(&symbol, x, y) == is_dark);
            }
        }
        vector_close(file);
    }
}

static void text_that_is_refused(void **state)
{
    (void)state;
    static char long_text[PHI_SYMBOL_TEXT_MAX + 1];
    memset(long_text, 'A', sizeof(long_text));
    static const struct {
        const char *name;
        const char *text;
        size_t len;
    } cases[] = {
        {"empty", "", 0},
        {"a control character", "A\nB", 3},
        {"a zero inside", "A\0B", 3},
        {"not ASCII", "\xe5\xbc\xa0", 3},
        {"too long", long_text, sizeof(long_text)},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_symbol symbol;
        phi_check(cases[i].name,
                  phi_symbol_encode(PHI_SYMBOL_QR, phi_view_of(cases[i].text, cases[i].len),
                                    &symbol) == PHI_ERR_FIELD_VALUE);
    }
}

static void pictures_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int scale;
        struct phi_picture_grade grade;
        const char *holder_name;
    } cases[] = {
        {"scale 2", 2, {"a", "b", "#000000", "circle"}, "n"},
        {"scale 17", 17, {"a", "b", "#000000", "circle"}, "n"},
        {"scale -8", -8, {"a", "b", "#000000", "circle"}, "n"},
        {"no word", 8, {"", "b", "#000000", "circle"}, "n"},
        {"no word at all", 8, {NULL, "b", "#000000", "circle"}, "n"},
        {"colour without #", 8, {"a", "b", "000000", "circle"}, "n"},
        {"short colour", 8, {"a", "b", "#000", "circle"}, "n"},
        {"colour not hex", 8, {"a", "b", "#00000g", "circle"}, "n"},
        {"no colour", 8, {"a", "b", NULL, "circle"}, "n"},
        {"unknown shape", 8, {"a", "b", "#000000", "star"}, "n"},
        {"no shape", 8, {"a", "b", "#000000", NULL}, "n"},
        {"name not UTF-8", 8, {"a", "b", "#000000", "circle"}, "\xff"},
        {"name with a line break", 8, {"a", "b", "#000000", "circle"}, "a\nb"},
        {"name too long",
         8,
         {"a", "b", "#000000", "circle"},
         "0123456789012345678901234567890123456789012345678901234567890123456789"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_picture picture = picture_of(PHI_PICTURE_PNG, cases[i].scale);
        struct phi_picture_holder who = holder;
        struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
        struct phi_view out;
        who.name = cases[i].holder_name;
        phi_check(cases[i].name, phi_picture_graded(&picture, &cases[i].grade, &who, arena, &out) ==
                                     PHI_ERR_FIELD_VALUE);
        phi_arena_free(arena);
    }
}

static bool contains(struct phi_view bytes, const char *text)
{
    return memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;
}

static void certificates_that_are_refused(void **state)
{
    (void)state;
    static char long_text[PHI_SYMBOL_TEXT_MAX];
    memset(long_text, 'A', sizeof(long_text) - 1);
    static const struct {
        const char *name;
        const char *text;
        struct phi_picture_paper paper;
        enum phi_err err;
    } cases[] = {
        {"good", code_text, {"张*", "32**34", "江苏省", 1, 2}, PHI_OK},
        {"no name", code_text, {NULL, "32**34", "江苏省", 1, 2}, PHI_ERR_FIELD_VALUE},
        {"an empty number", code_text, {"张*", "", "江苏省", 1, 2}, PHI_ERR_FIELD_VALUE},
        {"an issuer of two lines", code_text, {"张*", "1", "a\nb", 1, 2}, PHI_ERR_FIELD_VALUE},
        {"over before it begins", code_text, {"张*", "1", "a", 2, 1}, PHI_ERR_FIELD_VALUE},
        {"before 1970", code_text, {"张*", "1", "a", -1, 1}, PHI_ERR_FIELD_VALUE},
        {"no text", "", {"张*", "1", "a", 1, 2}, PHI_ERR_FIELD_VALUE},
        {"modules too small for paper", long_text, {"张*", "1", "a", 1, 2}, PHI_ERR_FIELD_VALUE},
    };
    for (int format = PHI_PICTURE_PNG; format <= PHI_PICTURE_PDF; format++) {
        for (size_t i = 0; i < PHI_COUNT(cases); i++) {
            const struct phi_picture picture = {
                .symbology = cases[i].text == long_text ? PHI_SYMBOL_GRID_MATRIX : PHI_SYMBOL_QR,
                .text = phi_view_text(cases[i].text),
                .format = (enum phi_picture_format)format};
            struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
            struct phi_view out;
            phi_check(cases[i].name, phi_picture_certificate(&picture, &cases[i].paper, arena,
                                                             &out) == cases[i].err);
            phi_arena_free(arena);
        }
    }
}

static void a_mark_that_is_refused(void **state)
{
    (void)state;
    struct phi_picture picture = picture_of(PHI_PICTURE_PNG, 8);
    struct phi_mark_key *key = NULL;
    struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
    struct phi_view out;
    assert_int_equal(phi_mark_key_new(phi_view_text("0123456789abcdef"), &key), PHI_OK);
    picture.mark_key = key;
    assert_int_equal(phi_picture_neutral(&picture, arena, &out), PHI_ERR_FIELD_VALUE);
    memcpy(picture.mark.platform, "320000", 7);
    assert_int_equal(phi_picture_neutral(&picture, arena, &out), PHI_ERR_FIELD_VALUE);
    picture.mark.time_s = 1795248495;
    assert_int_equal(phi_picture_neutral(&picture, arena, &out), PHI_OK);
    phi_mark_key_free(key);
    phi_arena_free(arena);
}

static void an_svg_speaks_to_screen_readers(void **state)
{
    (void)state;
    struct phi_picture picture = picture_of(PHI_PICTURE_SVG, 8);
    struct phi_picture_holder who = holder;
    struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
    struct phi_view svg;
    who.name = "<&>";
    assert_int_equal(phi_picture_graded(&picture, &green, &who, arena, &svg), PHI_OK);
    assert_true(contains(svg, "<title id=\"phi-title\">未见异常 nothing found</title>"));
    assert_true(contains(svg, "。&lt;&amp;&gt;，3201**********1234。"));
    assert_true(contains(svg, "role=\"img\""));
    assert_true(contains(svg, "</svg>"));
    assert_int_equal(phi_picture_neutral(&picture, arena, &svg), PHI_OK);
    assert_true(contains(svg, "<desc id=\"phi-desc\">"));
    assert_false(contains(svg, "未见异常"));
    phi_arena_free(arena);
}

static void a_pdf_and_the_other_symbols(void **state)
{
    (void)state;
    for (int kind = 0; kind < PHI_SYMBOLOGY_COUNT; kind++) {
        struct phi_picture picture = picture_of(PHI_PICTURE_PDF, 8);
        struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
        struct phi_view pdf;
        picture.symbology = (enum phi_symbology)kind;
        assert_int_equal(phi_picture_neutral(&picture, arena, &pdf), PHI_OK);
        assert_true(contains(pdf, "%PDF-1"));
        assert_int_equal(phi_picture_graded(&picture, &green, &holder, arena, &pdf), PHI_OK);
        assert_true(contains(pdf, "%%EOF"));
        phi_arena_free(arena);
    }
}

static void a_small_arena_is_an_error(void **state)
{
    (void)state;
    for (int format = PHI_PICTURE_PNG; format <= PHI_PICTURE_PDF; format++) {
        struct phi_picture picture = picture_of((enum phi_picture_format)format, 8);
        struct phi_arena *arena = phi_arena_new(16 * 1024);
        struct phi_view out;
        assert_int_equal(phi_picture_neutral(&picture, arena, &out), PHI_ERR_MEMORY);
        assert_int_equal(phi_picture_graded(&picture, &green, &holder, arena, &out),
                         PHI_ERR_MEMORY);
        phi_arena_free(arena);
    }
}

#define THREADS  4
#define PICTURES 10

static void *draw_some(void *context)
{
    struct phi_picture picture = picture_of(PHI_PICTURE_PNG, 8);
    size_t *failed = context;
    for (int i = 0; i < PICTURES; i++) {
        struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
        struct phi_view out;
        if (phi_picture_graded(&picture, &green, &holder, arena, &out) != PHI_OK)
            (*failed)++;
        phi_arena_free(arena);
    }
    return NULL;
}

static void many_threads_draw_at_once(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t failed[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw_some, &failed[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
}

/* A figure to look at, not a judgement. */
static void what_a_picture_costs(void **state)
{
    (void)state;
    static const char *const names[] = {"png", "svg", "pdf"};
    for (int format = PHI_PICTURE_PNG; format <= PHI_PICTURE_PDF; format++) {
        struct phi_picture picture = picture_of((enum phi_picture_format)format, 8);
        struct phi_view out = {0};
        int64_t start_us = phi_monotonic_us();
        for (int i = 0; i < PICTURES; i++) {
            struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
            assert_int_equal(phi_picture_graded(&picture, &green, &holder, arena, &out), PHI_OK);
            phi_arena_free(arena);
        }
        print_message("%s: %zu bytes, %.1f ms a picture\n", names[format], out.len,
                      (double)(phi_monotonic_us() - start_us) / 1000 / PICTURES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_of_a_health_code),
        cmocka_unit_test(symbols_are_those_of_the_vectors),
        cmocka_unit_test(text_that_is_refused),
        cmocka_unit_test(the_logo_covers_less_than_a_tenth),
        cmocka_unit_test(a_strangers_decoder_reads_them),
        cmocka_unit_test(they_bear_blur_and_damage),
        cmocka_unit_test(pictures_that_are_refused),
        cmocka_unit_test(certificates_that_are_refused),
        cmocka_unit_test(a_mark_that_is_refused),
        cmocka_unit_test(an_svg_speaks_to_screen_readers),
        cmocka_unit_test(a_pdf_and_the_other_symbols),
        cmocka_unit_test(a_small_arena_is_an_error),
        cmocka_unit_test(many_threads_draw_at_once),
        cmocka_unit_test(what_a_picture_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
