#include "case.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

struct utf8_case {
    const char *name, *text;
    size_t len; /* 0: up to the ending zero */
    bool good;
};

static struct phi_view view_of(const char *text, size_t len)
{
    return len > 0 ? phi_view_of(text, len) : phi_view_text(text);
}

static void utf8_is_strict(void **state)
{
    (void)state;
    static const struct utf8_case cases[] = {
        {"empty", "", 0, true},
        {"ascii", "abc", 0, true},
        {"two bytes", "\xC3\xA9", 0, true},
        {"three bytes", "健康码", 0, true},
        {"four bytes", "\xF0\xA0\x80\x80", 0, true},
        {"last code point", "\xF4\x8F\xBF\xBF", 0, true},
        {"around the surrogates", "\xED\x9F\xBF\xEE\x80\x80", 0, true},
        {"zero", "a\0b", 3, false},
        {"only zero", "\0", 1, false},
        {"zero in two bytes", "\xC0\x80", 0, false},
        {"overlong in two", "\xC1\xBF", 0, false},
        {"overlong in three", "\xE0\x9F\xBF", 0, false},
        {"overlong in four", "\xF0\x8F\xBF\xBF", 0, false},
        {"first surrogate", "\xED\xA0\x80", 0, false},
        {"last surrogate", "\xED\xBF\xBF", 0, false},
        {"past the last code point", "\xF4\x90\x80\x80", 0, false},
        {"five bytes", "\xF8\x88\x80\x80\x80", 0, false},
        {"byte FE", "\xFE", 0, false},
        {"lone continuation", "\x80", 0, false},
        {"cut in two", "a\xC3", 0, false},
        {"cut in three", "\xE5\x81", 0, false},
        {"cut in four", "\xF0\xA0\x80", 0, false},
        {"continuation missing", "\xE5\x81z", 0, false},
        {"GB 18030", "\xBD\xA1\xBF\xB5", 0, false},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  phi_text_is_utf8(view_of(cases[i].text, cases[i].len)) == cases[i].good);
}

static void counts_code_points(void **state)
{
    (void)state;
    assert_int_equal(phi_text_count(phi_view_text("")), 0);
    assert_int_equal(phi_text_count(phi_view_text("a码\xF0\xA0\x80\x80\xC3\xA9")), 4);
}

static void controls_are_seen(void **state)
{
    (void)state;
    static const struct utf8_case cases[] = {
        {"empty", "", 0, false},
        {"plain", "买买提·阿不都 O'Neil", 0, false},
        {"tab", "a\tb", 0, true},
        {"line end", "a\n", 0, true},
        {"zero", "a\0", 2, true},
        {"escape", "\x1B[31m", 0, true},
        {"unit separator", "\x1F", 0, true},
        {"space", " ", 0, false},
        {"DEL", "\x7F", 0, true},
        {"C1 first", "\xC2\x80", 0, true},
        {"C1 last", "\xC2\x9F", 0, true},
        {"no-break space", "\xC2\xA0", 0, false},
        {"arabic letter mark", "\xD8\x9C", 0, true},
        {"left-to-right mark", "\xE2\x80\x8E", 0, true},
        {"right-to-left mark", "\xE2\x80\x8F", 0, true},
        {"line separator", "\xE2\x80\xA8", 0, true},
        {"paragraph separator", "\xE2\x80\xA9", 0, true},
        {"right-to-left override", "\xE2\x80\xAE", 0, true},
        {"narrow no-break space", "\xE2\x80\xAF", 0, false},
        {"isolate first", "\xE2\x81\xA6", 0, true},
        {"isolate last", "\xE2\x81\xA9", 0, true},
        {"not UTF-8", "a\xFF", 0, true},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  phi_text_has_control(view_of(cases[i].text, cases[i].len)) == cases[i].good);
}

static void classes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool digits, alnum, word;
    } cases[] = {
        {"", false, false, false},        {"0", true, true, true},
        {"0123456789", true, true, true}, {"12a", false, true, true},
        {"AZaz09", false, true, true},    {"a.b_c-d", false, false, true},
        {"a b", false, false, false},     {"1 ", false, false, false},
        {"-1", false, false, true},       {"+1", false, false, false},
        {"1/2", false, false, false},     {"9:", false, false, false},
        {"A@", false, false, false},      {"Z[", false, false, false},
        {"a`", false, false, false},      {"z{", false, false, false},
        {"é", false, false, false},       {"１２", false, false, false},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_view text = phi_view_text(cases[i].text);
        phi_check(cases[i].text, phi_text_is_digits(text) == cases[i].digits);
        phi_check(cases[i].text, phi_text_is_alnum(text) == cases[i].alnum);
        phi_check(cases[i].text, phi_text_is_word(text, 10) == cases[i].word);
    }
    assert_true(phi_text_is_word(phi_view_text("abc"), 3));
    assert_false(phi_text_is_word(phi_view_text("abcd"), 3));
    assert_false(phi_text_is_digits(phi_view_of("1\0", 2)));
}

static void normal_forms(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *nfc, *upper;
    } cases[] = {
        {"empty", "", "", ""},
        {"ascii", "O'Neil john", "O'Neil john", "O'NEILJOHN"},
        {"composed", "e\xCC\x81", "\xC3\xA9", "\xC3\x89"},
        {"already composed", "\xC3\xA9", "\xC3\xA9", "\xC3\x89"},
        {"order of marks", "q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87", "Q\xCC\xA3\xCC\x87"},
        {"hangul", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C", "\xED\x95\x9C"},
        {"singleton", "\xE2\x84\xAB", "\xC3\x85", "\xC3\x85"},
        {"full width stays in NFC", "ａ１", "ａ１", "A1"},
        {"ideographic space", "张\xE3\x80\x80三", "张\xE3\x80\x80三", "张三"},
        {"white of many kinds", "a\t\xC2\xA0\xE2\x80\x89\xE2\x80\xA8z",
         "a\t\xC2\xA0\xE2\x80\x89\xE2\x80\xA8z", "AZ"},
        {"a mark behind a space", "e \xCC\x81", "e \xCC\x81", "\xC3\x89"},
        {"only white", " \t", " \t", ""},
        {"ligature", "\xEF\xAC\x81", "\xEF\xAC\x81", "FI"},
        {"circled letter", "\xE2\x93\x90", "\xE2\x93\x90", "A"},
        {"script h, lower only after NFKC", "\xE2\x84\x8E", "\xE2\x84\x8E", "H"},
        {"radical to ideograph", "\xE2\xBC\x80", "\xE2\xBC\x80", "一"},
        {"compatibility ideograph", "\xEF\xA4\x80", "豈", "豈"},
        {"middle dot of names stays", "买买提·阿不都", "买买提·阿不都", "买买提·阿不都"},
        {"beyond the BMP", "\xF0\xA0\xAE\xB7", "\xF0\xA0\xAE\xB7", "\xF0\xA0\xAE\xB7"},
        {"id number with x", "11010519491231002x", "11010519491231002x", "11010519491231002X"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(4096);
        struct phi_view out;
        phi_check(cases[i].name, phi_text_nfc(phi_view_text(cases[i].text), arena, &out) == PHI_OK);
        phi_check(cases[i].name, phi_view_equal(out, phi_view_text(cases[i].nfc)));
        phi_check(cases[i].name,
                  phi_text_nfkc_upper(phi_view_text(cases[i].text), arena, &out) == PHI_OK);
        phi_check(cases[i].name, phi_view_equal(out, phi_view_text(cases[i].upper)));
        phi_arena_free(arena);
    }
}

static void normal_forms_refuse(void **state)
{
    (void)state;
    static const struct utf8_case cases[] = {
        {"not UTF-8", "a\xFF", 0, false},
        {"surrogate", "\xED\xA0\x80", 0, false},
        {"zero", "a\0b", 3, false},
        {"cut", "\xE5\x81", 0, false},
    };
    struct phi_arena *arena = phi_arena_new(4096);
    struct phi_view out = phi_view_text("kept");
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_view text = view_of(cases[i].text, cases[i].len);
        phi_check(cases[i].name, phi_text_nfc(text, arena, &out) == PHI_ERR_FIELD_VALUE);
        phi_check(cases[i].name, phi_text_nfkc_upper(text, arena, &out) == PHI_ERR_FIELD_VALUE);
    }
    assert_true(phi_view_equal(out, phi_view_text("kept")));
    phi_arena_free(arena);
}

/* Each plain character alone, which is taken as it stands, and behind U+00AA, which is not plain:
 * both ways agree. */
static void plain_text_is_normal(void **state)
{
    (void)state;
    for (uint32_t point = 0x20; point < 0xA000; point = point == 0x7F ? 0x4DF0 : point + 1) {
        struct phi_arena *arena = phi_arena_new(4096);
        struct phi_view alone, behind;
        char text[8] = "\xC2\xAA", out[8] = "A";
        size_t len = 1;
        text[2] = (char)point;
        if (point >= 0x80) {
            text[2] = (char)(0xE0 | point >> 12);
            text[3] = (char)(0x80 | (point >> 6 & 0x3F));
            text[4] = (char)(0x80 | (point & 0x3F));
            len = 3;
        }
        assert_int_equal(phi_text_nfc(phi_view_of(text + 2, len), arena, &alone), PHI_OK);
        assert_true(phi_view_equal(alone, phi_view_of(text + 2, len)));
        assert_int_equal(phi_text_nfkc_upper(phi_view_of(text + 2, len), arena, &alone), PHI_OK);
        assert_int_equal(phi_text_nfkc_upper(phi_view_of(text, len + 2), arena, &behind), PHI_OK);
        if (alone.len > 0)
            memcpy(out + 1, alone.data, alone.len);
        assert_true(phi_view_equal(behind, phi_view_of(out, alone.len + 1)));
        phi_arena_free(arena);
    }
}

static void normal_forms_stay_in_the_arena(void **state)
{
    (void)state;
    /* U+FDFA becomes eighteen characters in NFKC */
    struct phi_view text = phi_view_text("\xEF\xB7\xBA");
    bool done = false;
    for (size_t bound = 0; !done; bound += 16) {
        struct phi_arena *arena = phi_arena_new(bound);
        struct phi_view out;
        enum phi_err err = phi_text_nfkc_upper(text, arena, &out);
        assert_true(err == PHI_OK || err == PHI_ERR_MEMORY);
        done = err == PHI_OK;
        phi_arena_free(arena);
        assert_true(bound < 4096);
    }
}

static void upper_form_is_stable(void **state)
{
    (void)state;
    for (uint32_t point = 1; point < 0x110000; point++) {
        if (point >= 0xD800 && point < 0xE000)
            continue;
        uint8_t text[4];
        size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
        for (size_t i = len; i-- > 1;)
            text[i] = (uint8_t)(0x80 | (point >> 6 * (len - 1 - i) & 0x3F));
        text[0] = (uint8_t)(leads[len] | point >> 6 * (len - 1));
        struct phi_arena *arena = phi_arena_new(4096);
        struct phi_view once, twice;
        assert_int_equal(phi_text_nfkc_upper(phi_view_of(text, len), arena, &once), PHI_OK);
        assert_int_equal(phi_text_nfkc_upper(once, arena, &twice), PHI_OK);
        if (!phi_view_equal(once, twice))
            fail_msg("U+%04X changes when taken twice", (unsigned)point);
        phi_arena_free(arena);
    }
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
        bool good;
        int64_t value;
    } cases[] = {
        {"0", 0, 10, true, 0},
        {"10", 0, 10, true, 10},
        {"007", 0, 10, true, 7},
        {"-5", -5, 5, true, -5},
        {"-0", -5, 5, true, 0},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
        {"99999999999999999999", INT64_MIN, INT64_MAX, false, 0},
        {"11", 0, 10, false, 0},
        {"-1", 0, 10, false, 0},
        {"", 0, 10, false, 0},
        {"-", -5, 10, false, 0},
        {"--1", -5, 10, false, 0},
        {"+1", 0, 10, false, 0},
        {" 1", 0, 10, false, 0},
        {"1 ", 0, 10, false, 0},
        {"1.0", 0, 10, false, 0},
        {"1e1", 0, 10, false, 0},
        {"0x1", 0, 10, false, 0},
        {"１", 0, 10, false, 0},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        int64_t value = 99;
        enum phi_err err =
            phi_text_to_i64(phi_view_text(cases[i].text), cases[i].min, cases[i].max, &value);
        phi_check(cases[i].text, err == (cases[i].good ? PHI_OK : PHI_ERR_FIELD_VALUE));
        phi_check(cases[i].text, value == (cases[i].good ? cases[i].value : 99));
    }
    int64_t value = 99;
    assert_int_equal(phi_text_to_i64(phi_view_of("1\0", 2), 0, 9, &value), PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_text_to_i64(phi_view_of(NULL, 0), 0, 9, &value), PHI_ERR_FIELD_VALUE);
}

static void every_white_space_goes(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "\t",           "\n",           "\v",
        "\f",           "\r",           " ",
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80",
        "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
        "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85",
        "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
        "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
        "\xE3\x80\x80",
    };
    struct phi_arena *arena = phi_arena_new(1 << 16);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_view out;
        const char *text = phi_arena_printf(arena, "a%sb", cases[i]);
        assert_int_equal(phi_text_nfkc_upper(phi_view_text(text), arena, &out), PHI_OK);
        if (!phi_view_equal(out, phi_view_text("AB")))
            fail_msg("white space number %zu stays", i);
    }
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(counts_code_points),
        cmocka_unit_test(controls_are_seen),
        cmocka_unit_test(classes),
        cmocka_unit_test(normal_forms),
        cmocka_unit_test(every_white_space_goes),
        cmocka_unit_test(normal_forms_refuse),
        cmocka_unit_test(plain_text_is_normal),
        cmocka_unit_test(normal_forms_stay_in_the_arena),
        cmocka_unit_test(upper_form_is_stable),
        cmocka_unit_test(whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
