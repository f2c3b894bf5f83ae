/* Pictures drawn anew in a process of its own: what comes back, what never does, what ends it. */
#include "case.h"
#include "picture/reencode.h"
#include "svc-correction/attachments/reencode.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <png.h>

#define OUT_MAX (4 * 1024 * 1024)
#define HIDDEN  "GPSLatitude 32.0603 secret place"
#define WIDTH   48
#define HEIGHT  32

static uint8_t out[OUT_MAX];
static size_t out_len;

static enum phi_err run(const char *program, struct phi_view bytes, int64_t ms)
{
    out_len = 77;
    return reencode_run(program, bytes, phi_deadline_in_ms(ms), out, sizeof(out), &out_len);
}

/* Left half red, right half blue. */
static size_t write_png(uint8_t *to, size_t size)
{
    uint8_t pixels[HEIGHT][WIDTH][3];
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = PNG_FORMAT_RGB};
    png_alloc_size_t len = size;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            memcpy(pixels[y][x], x < WIDTH / 2 ? "\xc0\x10\x10" : "\x10\x10\xc0", 3);
    assert_int_equal(png_image_write_to_memory(&image, to, &len, 0, pixels, 0, NULL), 1);
    return len;
}

/* The same with a text chunk before its end. */
static size_t write_telling_png(uint8_t *to, size_t size)
{
    size_t len = write_png(to, size);
    uint8_t chunk[12 + sizeof(HIDDEN) + 8] = {0};
    static const char body[] = "tEXtComment\0" HIDDEN;
    size_t body_len = sizeof(body) - 1, data_len = body_len - 4;
    chunk[3] = (uint8_t)data_len;
    memcpy(chunk + 4, body, body_len);
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < body_len; i++) {
        crc ^= (uint8_t)body[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < 4; i++)
        chunk[4 + body_len + i] = (uint8_t)(~crc >> (24 - 8 * i));
    size_t whole = 8 + body_len;
    memmove(to + len - 12 + whole, to + len - 12, 12);
    memcpy(to + len - 12, chunk, whole);
    return len + whole;
}

static void check_colours(void)
{
    struct phi_raster again;
    assert_int_equal(phi_raster_read_rgb(phi_view_of(out, out_len), PHI_RASTER_PIXELS_MAX, &again),
                     PHI_OK);
    assert_int_equal(again.width, WIDTH);
    assert_int_equal(again.height, HEIGHT);
    const uint8_t *left = again.pixels + 3 * (WIDTH * 8 + 8);
    const uint8_t *right = again.pixels + 3 * (WIDTH * 8 + WIDTH - 8);
    assert_true(left[0] > 150 && left[2] < 60);
    assert_true(right[2] > 150 && right[0] < 60);
    phi_raster_free(&again);
}

static void pixels_stay_and_all_else_goes(void **state)
{
    (void)state;
    static uint8_t png[65536];
    size_t len = write_telling_png(png, sizeof(png));
    assert_non_null(memmem(png, len, HIDDEN, strlen(HIDDEN)));
    assert_int_equal(run(PROGRAM, phi_view_of(png, len), 20000), PHI_OK);
    assert_memory_equal(out, "\xff\xd8\xff", 3);
    assert_null(memmem(out, out_len, HIDDEN, strlen(HIDDEN)));
    check_colours();
    static uint8_t jpeg[OUT_MAX];
    memcpy(jpeg, out, out_len);
    assert_int_equal(run(PROGRAM, phi_view_of(jpeg, out_len), 20000), PHI_OK);
    check_colours();
}

static void what_is_no_picture_is_refused(void **state)
{
    (void)state;
    static uint8_t png[65536];
    static uint8_t big[PHI_RASTER_FILE_MAX + 4096];
    size_t len = write_png(png, sizeof(png));
    const struct {
        const char *name;
        struct phi_view bytes;
    } cases[] = {
        {"nothing", phi_view_of(NULL, 0)},           {"text", phi_view_text("%PDF-1.7 and so on")},
        {"cut off", phi_view_of(png, len - 20)},     {"only its first bytes", phi_view_of(png, 8)},
        {"too long", phi_view_of(big, sizeof(big))},
    };
    memcpy(big, png, len);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        phi_check(cases[i].name, run(PROGRAM, cases[i].bytes, 20000) == PHI_ERR_FIELD_VALUE);
        phi_check(cases[i].name, out_len == 0);
    }
}

static void an_answer_over_the_room_is_refused(void **state)
{
    (void)state;
    static uint8_t png[65536], small[64];
    size_t len = write_png(png, sizeof(png)), got = 1;
    assert_int_equal(reencode_run(PROGRAM, phi_view_of(png, len), phi_deadline_in_ms(20000), small,
                                  sizeof(small), &got),
                     PHI_ERR_FIELD_VALUE);
    assert_int_equal(got, 0);
}

static void script(char *path, const char *text)
{
    snprintf(path, 64, "/tmp/phi-reencode-test.%d", (int)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    fclose(file);
    chmod(path, 0700);
}

static void a_process_that_hangs_or_dies_holds_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        enum phi_err err;
    } cases[] = {
        {"reads nothing, says nothing", "sleep 60", PHI_ERR_DEADLINE},
        {"killed", "kill -9 $$", PHI_ERR_FIELD_VALUE},
        {"fails", "exit 2", PHI_ERR_INTERNAL},
        {"deaf, but done", "exec 0<&-; exit 0", PHI_OK},
    };
    static uint8_t bytes[PHI_RASTER_FILE_MAX];
    char path[64];
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        script(path, cases[i].text);
        int64_t before_us = phi_monotonic_us();
        phi_check(cases[i].name,
                  run(path, phi_view_of(bytes, sizeof(bytes)), 1500) == cases[i].err);
        phi_check(cases[i].name, phi_monotonic_us() - before_us < 30 * 1000000LL);
        unlink(path);
    }
    assert_int_equal(run("/nowhere/phi-reencode", phi_view_of(bytes, 10), 1000), PHI_ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_stay_and_all_else_goes),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(an_answer_over_the_room_is_refused),
        cmocka_unit_test(a_process_that_hangs_or_dies_holds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
