/* The trace mark and the reader of foreign pictures: what comes back, what is refused. */
#include "case.h"

#include "picture/mark_parts.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH  740
#define HEIGHT 927

static struct phi_mark_key *key_of(const char *secret)
{
    struct phi_mark_key *key = NULL;
    assert_int_equal(phi_mark_key_new(phi_view_text(secret), &key), PHI_OK);
    return key;
}

static struct phi_mark mark_of(const char *platform, int64_t time_s)
{
    struct phi_mark mark = {.time_s = time_s};
    snprintf(mark.platform, sizeof(mark.platform), "%s", platform);
    assert_int_equal(phi_mark_app(phi_view_text("citizen-app"), mark.app), PHI_OK);
    return mark;
}

static void blocks_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *platform;
        int64_t time_s;
        enum phi_err err;
    } cases[] = {
        {"a province", "320000", 1795248495, PHI_OK},
        {"the nation", "000000", 1795248495, PHI_OK},
        {"the last number", "999999", 1795248495, PHI_OK},
        {"the first second", "320000", PHI_MARK_TIME_MIN_S, PHI_OK},
        {"the last second", "320000", PHI_MARK_TIME_MAX_S, PHI_OK},
        {"before the first", "320000", PHI_MARK_TIME_MIN_S - 1, PHI_ERR_FIELD_VALUE},
        {"after the last", "320000", PHI_MARK_TIME_MAX_S + 1, PHI_ERR_FIELD_VALUE},
        {"five digits", "32000", 1795248495, PHI_ERR_FIELD_VALUE},
        {"a letter", "32000a", 1795248495, PHI_ERR_FIELD_VALUE},
        {"nothing", "", 1795248495, PHI_ERR_FIELD_VALUE},
    };
    struct phi_mark_key *key = key_of("a secret of thirty-two bytes, ok");
    struct phi_mark_key *other = key_of("A secret of thirty-two bytes, ok");
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        uint8_t block[PHI_MARK_BLOCK_LEN];
        struct phi_mark read;
        struct phi_mark mark = mark_of(cases[i].platform, cases[i].time_s);
        phi_check(cases[i].name, phi_mark_seal(key, &mark, block) == cases[i].err);
        if (cases[i].err != PHI_OK)
            continue;
        phi_check(cases[i].name, phi_mark_open(key, block, &read) == PHI_OK);
        phi_check(cases[i].name, strcmp(read.platform, cases[i].platform) == 0 &&
                                     read.time_s == cases[i].time_s / 60 * 60 &&
                                     memcmp(read.app, mark.app, sizeof(mark.app)) == 0);
        phi_check(cases[i].name, phi_mark_open(other, block, &read) == PHI_ERR_NOT_FOUND);
    }
    phi_mark_key_free(key);
    phi_mark_key_free(other);
}

/* Every bit of the block turned: none opens, so nobody forges a mark by changing another. */
static void a_changed_block_is_none(void **state)
{
    (void)state;
    struct phi_mark_key *key = key_of("a secret of thirty-two bytes, ok");
    struct phi_mark mark = mark_of("320000", 1795248495);
    uint8_t block[PHI_MARK_BLOCK_LEN];
    struct phi_mark read;
    assert_int_equal(phi_mark_seal(key, &mark, block), PHI_OK);
    for (size_t bit = 0; bit < 8 * sizeof(block); bit++) {
        block[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        assert_int_equal(phi_mark_open(key, block, &read), PHI_ERR_NOT_FOUND);
        block[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    phi_mark_key_free(key);
}

static void keys_that_are_refused(void **state)
{
    (void)state;
    static const char text[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const struct {
        const char *name;
        size_t len;
        enum phi_err err;
    } cases[] = {{"empty", 0, PHI_ERR_KEY},
                 {"15 bytes", 15, PHI_ERR_KEY},
                 {"16 bytes", 16, PHI_OK},
                 {"64 bytes", 64, PHI_OK},
                 {"65 bytes", 65, PHI_ERR_KEY}};
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_mark_key *key = NULL;
        phi_check(cases[i].name,
                  phi_mark_key_new(phi_view_of(text, cases[i].len), &key) == cases[i].err);
        phi_mark_key_free(key);
    }
}

/* A quarter of the bits unknown and each fiftieth turned: the code bears it. */
static void the_convolution_bears_errors(void **state)
{
    (void)state;
    uint8_t bits[PHI_MARK_CODED_BITS];
    float soft[PHI_MARK_CODED_BITS];
    uint8_t block[PHI_MARK_BLOCK_LEN];
    uint8_t read[PHI_MARK_BLOCK_LEN];
    uint32_t random = 12345;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(block); i++)
            block[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
        phi_convolution_encode(block, bits);
        for (int i = 0; i < PHI_MARK_CODED_BITS; i++) {
            unsigned dice = (random = random * 1664525 + 1013904223) >> 16 & 63;
            soft[i] = bits[i] != 0 ? 1 : -1;
            if (dice < 16)
                soft[i] = 0;
            else if (dice < 17)
                soft[i] = -soft[i];
        }
        phi_convolution_decode(soft, read);
        assert_memory_equal(read, block, sizeof(block));
    }
}

static void draw_marked(const struct phi_mark_key *key, const struct phi_mark *mark, int width,
                        int height, struct phi_raster *grey)
{
    static int8_t signs[PHI_MARK_SQUARES_MAX];
    int rows = phi_mark_rows(width, height);
    assert_int_equal(phi_mark_signs(key, mark, rows, signs), PHI_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int square = y * rows / height * PHI_MARK_COLUMNS + x * PHI_MARK_COLUMNS / width;
            grey->pixels[y * width + x] = (uint8_t)(90 + PHI_MARK_AMPLITUDE * signs[square]);
        }
    }
}

static void a_mark_is_traced(void **state)
{
    (void)state;
    struct phi_mark_key *key = key_of("a secret of thirty-two bytes, ok");
    struct phi_mark_key *other = key_of("A secret of thirty-two bytes, ok");
    struct phi_mark mark = mark_of("320000", 1795248495);
    struct phi_mark_trace trace;
    struct phi_raster grey = {.width = WIDTH, .height = HEIGHT, .pixels = calloc(WIDTH, HEIGHT)};
    assert_non_null(grey.pixels);
    assert_int_equal(phi_mark_trace(key, &grey, &trace), PHI_ERR_NOT_FOUND); /* black */
    draw_marked(key, &mark, WIDTH, HEIGHT, &grey);
    assert_int_equal(phi_mark_trace(key, &grey, &trace), PHI_OK);
    assert_string_equal(trace.mark.platform, "320000");
    assert_memory_equal(trace.mark.app, mark.app, sizeof(mark.app));
    assert_int_equal(trace.mark.time_s, 1795248495 / 60 * 60);
    assert_int_equal(trace.wrong, 0);
    assert_true(trace.squares > 4000);
    assert_int_equal(phi_mark_trace(other, &grey, &trace), PHI_ERR_NOT_FOUND);
    phi_raster_free(&grey);
    phi_mark_key_free(key);
    phi_mark_key_free(other);
}

static void forms_have_rows(void **state)
{
    (void)state;
    assert_int_equal(phi_mark_rows(740, 927), 75);
    assert_int_equal(phi_mark_rows(60, 240), 240);
    assert_int_equal(phi_mark_rows(59, 59), 0);
    assert_int_equal(phi_mark_rows(60, 0), 0);
    assert_int_equal(phi_mark_rows(60, 241), 0);
    assert_int_equal(phi_mark_rows(8192, 1), 0);
    assert_int_equal(phi_mark_rows(60, 8192), 0);
}

static void pictures_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
    } cases[] = {
        {"nothing", "", 0},
        {"another format", "GIF89a", 6},
        {"half a signature", "\x89PNG", 4},
        {"a signature alone", "\x89PNG\r\n\x1a\n", 8},
        {"a JPEG's start alone", "\xff\xd8\xff\xe0", 4},
        {"a JPEG's start and end", "\xff\xd8\xff\xd9", 4},
        {"a PNG of no width", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1\10\0\0\0\0\0\0\0\0",
         33},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_raster grey;
        phi_check(cases[i].name,
                  phi_raster_read_grey(phi_view_of(cases[i].bytes, cases[i].len),
                                       PHI_RASTER_PIXELS_MAX, &grey) == PHI_ERR_FIELD_VALUE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_back),          cmocka_unit_test(a_changed_block_is_none),
        cmocka_unit_test(keys_that_are_refused),     cmocka_unit_test(the_convolution_bears_errors),
        cmocka_unit_test(a_mark_is_traced),          cmocka_unit_test(forms_have_rows),
        cmocka_unit_test(pictures_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
