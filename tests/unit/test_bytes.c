#include "case.h"

#include "base/bytes.h"

#include <string.h>

static void views_compare_by_content(void **state)
{
    (void)state;
    struct phi_view none = phi_view_text(NULL);
    assert_int_equal(none.len, 0);
    assert_true(phi_view_equal(none, phi_view_text("")));
    assert_true(phi_view_equal(phi_view_text("abc"), phi_view_of("abcd", 3)));
    assert_false(phi_view_equal(phi_view_text("abc"), phi_view_text("abd")));
    assert_false(phi_view_equal(phi_view_text("abc"), phi_view_text("ab")));
}

static void reads_big_endian_in_order(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1,  2,  3,  4,  5, 6, 7,   0x80, 9,   10, 11,
                                    12, 13, 14, 15, 0, 2, 'h', 'i',  'x', 'y'};
    struct phi_reader in = phi_reader_of(phi_view_of(bytes, sizeof(bytes)));
    assert_int_equal(phi_read_u8(&in), 1);
    assert_int_equal(phi_read_u16(&in), 0x0203);
    assert_int_equal(phi_read_u32(&in), 0x04050607);
    assert_true(phi_read_u64(&in) == 0x80090A0B0C0D0E0F);
    assert_true(phi_view_equal(phi_read_view16(&in), phi_view_text("hi")));
    assert_int_equal(phi_reader_left(&in), 2);
    assert_false(phi_reader_done(&in));
    char rest[2];
    phi_read_into(&in, rest, 2);
    assert_memory_equal(rest, "xy", 2);
    assert_true(phi_reader_done(&in));
}

static void a_reader_fails_for_good(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 9, 'a', 'b'};
    static const struct {
        const char *name;
        size_t len;
    } cases[] = {{"view16 past the end", 4}, {"view16 without a length", 1}, {"empty", 0}};
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_reader in = phi_reader_of(phi_view_of(bytes, cases[i].len));
        struct phi_view view = phi_read_view16(&in);
        phi_check(cases[i].name, in.failed && view.len == 0 && view.data == NULL);
        phi_check(cases[i].name, phi_reader_left(&in) == 0 && !phi_reader_done(&in));
        phi_check(cases[i].name, phi_read_u8(&in) == 0 && in.failed);
        uint8_t out[3] = {7, 7, 7};
        phi_read_into(&in, out, sizeof(out));
        phi_check(cases[i].name, out[0] == 0 && out[1] == 0 && out[2] == 0);
    }
    struct phi_reader in = phi_reader_of(phi_view_of(NULL, 0));
    assert_true(phi_reader_done(&in));
    phi_read_view(&in, SIZE_MAX);
    assert_true(in.failed);
}

static void a_short_number_is_not_read_in_part(void **state)
{
    (void)state;
    static const uint8_t bytes[7] = {1, 1, 1, 1, 1, 1, 1};
    struct phi_reader in = phi_reader_of(phi_view_of(bytes, 7));
    assert_true(phi_read_u64(&in) == 0 && in.failed);
    in = phi_reader_of(phi_view_of(bytes, 3));
    assert_true(phi_read_u32(&in) == 0 && in.failed);
    in = phi_reader_of(phi_view_of(bytes, 1));
    assert_true(phi_read_u16(&in) == 0 && in.failed);
}

static void writes_what_is_read(void **state)
{
    (void)state;
    uint8_t buffer[64];
    struct phi_writer out = phi_writer_of(buffer, sizeof(buffer));
    phi_write_u8(&out, 0xFE);
    phi_write_u16(&out, 0xFEDC);
    phi_write_u32(&out, 0xFEDCBA98);
    phi_write_u64(&out, 0xFEDCBA9876543210);
    phi_write_view16(&out, phi_view_text("text"));
    phi_write_view(&out, phi_view_of(NULL, 0));
    phi_write_bytes(&out, "end", 3);
    assert_false(out.failed);
    assert_int_equal(phi_writer_len(&out), 1 + 2 + 4 + 8 + 6 + 3);
    struct phi_reader in = phi_reader_of(phi_view_of(buffer, phi_writer_len(&out)));
    assert_int_equal(phi_read_u8(&in), 0xFE);
    assert_int_equal(phi_read_u16(&in), 0xFEDC);
    assert_true(phi_read_u32(&in) == 0xFEDCBA98);
    assert_true(phi_read_u64(&in) == 0xFEDCBA9876543210);
    assert_true(phi_view_equal(phi_read_view16(&in), phi_view_text("text")));
    assert_true(phi_view_equal(phi_read_view(&in, 3), phi_view_text("end")));
    assert_true(phi_reader_done(&in));
}

static void a_writer_fails_for_good(void **state)
{
    (void)state;
    uint8_t buffer[5] = {9, 9, 9, 9, 9};
    struct phi_writer out = phi_writer_of(buffer, 4);
    phi_write_u8(&out, 1);
    phi_write_u32(&out, 2);
    assert_true(out.failed);
    assert_int_equal(phi_writer_len(&out), 1);
    phi_write_u8(&out, 3);
    assert_int_equal(phi_writer_len(&out), 1);
    assert_int_equal(buffer[1], 9);
    assert_int_equal(buffer[4], 9);

    out = phi_writer_of(buffer, 4);
    phi_write_view16(&out, phi_view_text("abc")); /* the length would fit, the text would not */
    assert_true(out.failed);
    assert_int_equal(phi_writer_len(&out), 0);

    static uint8_t big[70000];
    static const uint8_t long_text[65536];
    out = phi_writer_of(big, sizeof(big));
    phi_write_view16(&out, phi_view_of(long_text, 65536));
    assert_true(out.failed);
    out = phi_writer_of(big, sizeof(big));
    phi_write_view16(&out, phi_view_of(long_text, 65535));
    assert_false(out.failed);

    out = phi_writer_of(NULL, 0);
    phi_write_bytes(&out, "", 0);
    assert_false(out.failed);
    phi_write_u8(&out, 0);
    assert_true(out.failed);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x0F, 0xA5, 0xFF};
    char text[9];
    uint8_t back[4];
    phi_hex_encode(phi_view_of(bytes, 4), text);
    assert_string_equal(text, "000fa5ff");
    assert_int_equal(phi_hex_decode(phi_view_text("000Fa5fF"), back, 4), PHI_OK);
    assert_memory_equal(back, bytes, 4);
    phi_hex_encode(phi_view_of(NULL, 0), text);
    assert_string_equal(text, "");
    assert_int_equal(phi_hex_decode(phi_view_text(""), back, 0), PHI_OK);
}

static void hex_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"short", "00"},         {"long", "000000"},      {"odd", "000"},
        {"letter g", "0g00"},    {"white space", "0 00"}, {"prefix", "0x00"},
        {"last is bad", "000-"}, {"empty", ""},           {"not ascii", "\xC3\xA9\xC3\xA9"},
        {"letter G", "0G00"},    {"before 0", "/000"},    {"behind 9", ":000"},
        {"before A", "@000"},    {"before a", "`000"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        uint8_t out[2] = {7, 7};
        phi_check(cases[i].name,
                  phi_hex_decode(phi_view_text(cases[i].text), out, 2) == PHI_ERR_FIELD_VALUE);
        phi_check(cases[i].name, out[0] == 7 && out[1] == 7);
    }
}

/* RFC 4648 section 10 */
static void base64_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *text;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF\xBF", "+/+/"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        char text[16];
        uint8_t back[8];
        size_t len = 99;
        phi_base64_encode(phi_view_text(cases[i].plain), text);
        phi_check(cases[i].text, strcmp(text, cases[i].text) == 0);
        phi_check(cases[i].text, strlen(text) == PHI_BASE64_LEN(strlen(cases[i].plain)));
        phi_check(cases[i].text, phi_base64_decode(phi_view_text(text), back,
                                                   strlen(cases[i].plain), &len) == PHI_OK);
        phi_check(cases[i].text,
                  phi_view_equal(phi_view_of(back, len), phi_view_text(cases[i].plain)));
    }
}

static void base64_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"no padding", "Zg"},           {"half the padding", "Zg="},
        {"too much padding", "Zg==="},  {"only padding", "===="},
        {"three of padding", "Z==="},   {"padding first", "=Zg="},
        {"padding inside", "Zg==Zg=="}, {"padding between letters", "Z=g="},
        {"a spare bit of one", "Zh=="}, {"another spare bit of one", "Zo=="},
        {"spare bits of two", "Zm9="},  {"line end", "Zm9v\n"},
        {"line end inside", "Zm\n9"},   {"space", "Zm 9"},
        {"URL form", "-_-_"},           {"not ascii", "Zm\xC3\xA9"},
        {"five letters", "Zm9vY"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        uint8_t out[8] = {7};
        size_t len = 99;
        phi_check(cases[i].name, phi_base64_decode(phi_view_text(cases[i].text), out, sizeof(out),
                                                   &len) == PHI_ERR_FIELD_VALUE);
        phi_check(cases[i].name, out[0] == 7 && len == 99);
    }
    uint8_t out[2];
    size_t len = 99;
    assert_int_equal(phi_base64_decode(phi_view_text("Zm9v"), out, 2, &len), PHI_ERR_FIELD_VALUE);
}

static void every_byte_survives_base64_and_hex(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    char text[2 * 256 + 1];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        size_t len = 999;
        phi_base64_encode(phi_view_of(bytes, n), text);
        assert_int_equal(phi_base64_decode(phi_view_text(text), back, n, &len), PHI_OK);
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
        phi_hex_encode(phi_view_of(bytes, n), text);
        assert_int_equal(phi_hex_decode(phi_view_text(text), back, n), PHI_OK);
        assert_memory_equal(back, bytes, n);
    }
}

static void secrets_are_wiped_and_compared(void **state)
{
    (void)state;
    char secret[8] = "secret";
    phi_wipe(secret, sizeof(secret));
    assert_memory_equal(secret, "\0\0\0\0\0\0\0\0", 8);
    phi_wipe(NULL, 0);
    assert_true(phi_equal_secret("abc", "abc", 3));
    assert_true(phi_equal_secret("abx", "aby", 2));
    assert_true(phi_equal_secret(NULL, NULL, 0));
    for (size_t i = 0; i < 8; i++) {
        uint8_t a[8] = {0}, b[8] = {0};
        b[i] = 0x80;
        assert_false(phi_equal_secret(a, b, 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_by_content),
        cmocka_unit_test(reads_big_endian_in_order),
        cmocka_unit_test(a_reader_fails_for_good),
        cmocka_unit_test(a_short_number_is_not_read_in_part),
        cmocka_unit_test(writes_what_is_read),
        cmocka_unit_test(a_writer_fails_for_good),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(hex_refuses),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_refuses),
        cmocka_unit_test(every_byte_survives_base64_and_hex),
        cmocka_unit_test(secrets_are_wiped_and_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
