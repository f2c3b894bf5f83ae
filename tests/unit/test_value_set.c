/* docs/value-sets, as the programs check against them. */
#include "case.h"
#include "codes/region.h"
#include "codes/sources.h"
#include "codes/value_set.h"

#include <string.h>

static void codes_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        const char *code;
        bool is_there;
    } cases[] = {
        {"gbt2260", "110000", true},  {"gbt2260", "110101", true},    {"gbt2260", "320102", true},
        {"gbt2260", "320100", true},  {"gbt2260", "659004", true},    {"gbt2260", "820000", true},
        {"gbt2260", "110103", true}, /* abolished in 2010 */
        {"gbt2260", "441900", true}, /* a prefecture without counties */
        {"gbt2260", "320199", false}, {"gbt2260", "000000", false},   {"gbt2260", "990000", false},
        {"gbt2260", "32010", false},  {"gbt2260", "3201022", false},  {"gbt2260", "", false},
        {"gbt2260", "#", false},      {"gbt2260", "110000\t", false}, {"gbt2659", "CHN", true},
        {"gbt2659", "ZWE", true},     {"gbt2659", "ABW", true},       {"gbt2659", "XXX", false},
        {"gbt2659", "CH", false},     {"gbt2261-1", "9", true},       {"gbt2261-1", "3", false},
        {"symptom", "fever", true},   {"symptom", "feve", false},     {"symptom", "fevers", false},
        {"symptom", "发热", false},   {"vaccine", "protein", true},   {"antibody", "igm", true},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        if (phi_value_set_has(phi_value_set_find(cases[i].set), phi_view_text(cases[i].code)) !=
            cases[i].is_there)
            fail_msg("%s in %s", cases[i].code, cases[i].set);
    assert_null(phi_value_set_find("rumours"));
}

/* Sorted without doubles, and what a walk finds a search finds. */
static void check_set(const struct phi_value_set *set)
{
    struct phi_view code = {0}, last = {0};
    size_t count = 0;
    for (size_t at = 0; phi_value_set_next(set, &at, &code); count++) {
        size_t shorter = last.len < code.len ? last.len : code.len;
        int order = count == 0 ? -1 : memcmp(last.data, code.data, shorter);
        if (order > 0 || (order == 0 && last.len >= code.len) || !phi_value_set_has(set, code))
            fail_msg("%s at %.*s", phi_value_set_name(set), (int)code.len, (const char *)code.data);
        last = code;
    }
    assert_true(count >= 2);
    assert_true(phi_value_set_title(set).len > 0);
}

static void every_set_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; phi_value_set_at(i) != NULL; i++) {
        check_set(phi_value_set_at(i));
        assert_ptr_equal(phi_value_set_find(phi_value_set_name(phi_value_set_at(i))),
                         phi_value_set_at(i));
    }
}

/* The list of countries in region.c is the set; every region has a known province. */
static void regions_and_countries_agree(void **state)
{
    (void)state;
    struct phi_view code;
    size_t countries = 0;
    const struct phi_value_set *regions = phi_value_set_find("gbt2260");
    const struct phi_value_set *known = phi_value_set_find("gbt2659");
    for (size_t at = 0; phi_value_set_next(regions, &at, &code);)
        assert_true(phi_region_is_valid(code));
    for (char text[4] = "AAA"; text[0] <= 'Z'; text[0]++)
        for (text[1] = 'A'; text[1] <= 'Z'; text[1]++)
            for (text[2] = 'A'; text[2] <= 'Z'; text[2]++) {
                bool is_country = phi_country_is_valid(phi_view_text(text));
                assert_int_equal(is_country, phi_value_set_has(known, phi_view_text(text)));
                countries += is_country;
            }
    assert_int_equal(countries, 249);
}

static void sources_have_their_bits(void **state)
{
    (void)state;
    assert_int_equal(phi_source_bit("source.cases"), 1u << 0);
    assert_int_equal(phi_source_bit("source.contacts"), 1u << 1);
    assert_int_equal(phi_source_bit("declare.health"), 1u << 12);
    assert_int_equal(phi_source_bit("declare.trip"), 1u << 12);
    assert_int_equal(phi_source_bit("source.other"), 1u << 13);
    assert_int_equal(phi_source_bit("source.rumours"), 0);
    uint32_t all = 0;
    for (size_t i = 0; i < PHI_SOURCES_COUNT; i++)
        all |= phi_source_bit(phi_sources[i].stream);
    assert_int_equal(all, (1u << 14) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_found),
        cmocka_unit_test(every_set_is_sorted),
        cmocka_unit_test(regions_and_countries_agree),
        cmocka_unit_test(sources_have_their_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
