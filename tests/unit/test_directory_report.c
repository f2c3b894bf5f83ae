/* What a trial counts survives its way through the table's text. */
#include "case.h"

#include "svc-directory/rules/report.h"

#include <stdlib.h>
#include <string.h>

static void add(struct report *report, const char *region, enum phi_grade from, enum phi_grade to,
                int times)
{
    for (int i = 0; i < times; i++)
        report_add(report, phi_view_text(region), from, to);
}

static struct report *filled(void)
{
    struct report *report = report_new();
    assert_non_null(report);
    add(report, "320102", PHI_GRADE_GREEN, PHI_GRADE_GREEN, 5);
    add(report, "320102", PHI_GRADE_GREEN, PHI_GRADE_RED, 2);
    add(report, "320104", PHI_GRADE_RED, PHI_GRADE_GREY, 3);
    add(report, "", PHI_GRADE_YELLOW, PHI_GRADE_RED, 1);
    add(report, "32010x", PHI_GRADE_YELLOW, PHI_GRADE_YELLOW, 1);
    report_add_error(report, "JS-A");
    report_add_error(report, "JS-B");
    report_add_error(report, "JS-A");
    return report;
}

static void counts(void **state)
{
    (void)state;
    struct report *report = filled();
    assert_int_equal(report->people, 12);
    assert_int_equal(report_changed(report), 6);
    assert_int_equal(report_turning_red(report), 3);
    assert_int_equal(report->region_count, 3); /* what is no region's code is unknown */
    assert_int_equal(report->errors_count, 2);
    assert_int_equal(report->errors[0].people, 2);
    free(report);
}

static void goes_on_from_its_text(void **state)
{
    (void)state;
    struct report *report = filled(), *again = report_new();
    json_t *json = report_json(report), *second = NULL;
    char *text = json_dumps(json, JSON_COMPACT);
    assert_int_equal(report_read(again, text), PHI_OK);
    second = report_json(again);
    assert_true(json_equal(json, second));
    add(again, "320102", PHI_GRADE_GREEN, PHI_GRADE_RED, 1);
    assert_int_equal(report_turning_red(again), 4);
    assert_int_equal(again->region_count, 3);
    assert_int_equal(report_read(again, ""), PHI_OK);
    assert_int_equal(again->people, 0);
    static const char *const broken[] = {"{", "{}", "{\"people\":1,\"regions\":[],\"errors\":7}",
                                         "{\"people\":-1,\"regions\":[],\"errors\":[]}"};
    for (size_t i = 0; i < PHI_COUNT(broken); i++)
        phi_check(broken[i], report_read(again, broken[i]) == PHI_ERR_DATA_BROKEN);
    free(text);
    json_decref(json);
    json_decref(second);
    free(report);
    free(again);
}

/* A province has some hundred regions; what is beyond the bound is one line. */
static void regions_are_bounded(void **state)
{
    (void)state;
    struct report *report = report_new();
    for (int i = 0; i < 2 * REPORT_REGIONS_MAX; i++) {
        char region[16];
        snprintf(region, sizeof(region), "%06d", i);
        report_add(report, phi_view_text(region), PHI_GRADE_GREY, PHI_GRADE_GREEN);
    }
    assert_int_equal(report->region_count, REPORT_REGIONS_MAX + 1);
    assert_string_equal(report->regions[REPORT_REGIONS_MAX].region, "other");
    assert_int_equal(report->regions[REPORT_REGIONS_MAX].people, REPORT_REGIONS_MAX);
    assert_int_equal(report_changed(report), 2 * REPORT_REGIONS_MAX);
    free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(goes_on_from_its_text),
        cmocka_unit_test(regions_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
