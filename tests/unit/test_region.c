/* Regions (GB/T 2260), platform ids and countries (GB/T 2659). */
#include "vector_file.h"

#include "codes/region.h"

static void regions(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        bool is_region;
        bool is_platform;
    } cases[] = {
        {"320000", true, true},   {"320500", true, true},   {"110105", true, true},
        {"820000", true, true},   {"000000", false, true},  {"990000", false, false},
        {"320001", false, false}, {"32050", false, false},  {"3205000", false, false},
        {"32050a", false, false}, {"", false, false},       {"１２３", false, false},
        {"00000", false, false},  {"160000", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_view code = phi_view_text(cases[i].code);
        assert_int_equal(phi_region_is_valid(code), cases[i].is_region);
        assert_int_equal(phi_platform_is_valid(code), cases[i].is_platform);
    }
}

static void thirty_four_provinces_have_names(void **state)
{
    (void)state;
    int count = 0;
    for (int i = 0; i < 100; i++) {
        char code[12];
        snprintf(code, sizeof(code), "%02d", i);
        bool is_valid = phi_province_is_valid(phi_view_text(code));
        assert_int_equal(is_valid, phi_region_name_zh(code) != NULL);
        count += is_valid;
    }
    assert_int_equal(count, 34);
    assert_string_equal(phi_region_name_zh("320000"), "江苏省");
    assert_string_equal(phi_region_name_zh("000000"), "全国");
    assert_null(phi_region_name_zh("3"));
    assert_null(phi_region_name_zh(""));
}

static void countries(void **state)
{
    (void)state;
    static const char *const good[] = {"CHN", "HKG", "MAC", "TWN", "USA", "ABW", "ZWE", "FRA"};
    static const char *const bad[] = {"", "CN", "CHNA", "chn", "XXX", "HNA", "WAF", "ZZZ", "AAA"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(phi_country_is_valid(phi_view_text(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(phi_country_is_valid(phi_view_text(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions),
        cmocka_unit_test(thirty_four_provinces_have_names),
        cmocka_unit_test(countries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
