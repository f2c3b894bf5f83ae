/* Grades and scopes: order, names, and that no two rows look alike. */
#include "vector_file.h"

#include "codes/grade.h"
#include "codes/scope.h"

static void order_of_strictness(void **state)
{
    (void)state;
    static const enum phi_grade order[] = {PHI_GRADE_RED, PHI_GRADE_REVIEW, PHI_GRADE_YELLOW,
                                           PHI_GRADE_GREEN, PHI_GRADE_GREY};
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = i; j < 5; j++) {
            assert_int_equal(phi_grade_stricter(order[i], order[j]), order[i]);
            assert_int_equal(phi_grade_stricter(order[j], order[i]), order[i]);
        }
    }
}

static void rows_differ_in_every_sign(void **state)
{
    (void)state;
    for (int i = 0; i < PHI_GRADE_COUNT; i++) {
        const struct phi_grade_row *a = phi_grade_row((enum phi_grade)i);
        enum phi_grade again;
        assert_int_equal(a->grade, i);
        assert_int_equal(phi_grade_from_code(phi_view_text(a->code), &again), PHI_OK);
        assert_int_equal(again, i);
        assert_int_equal(strlen(a->colour), 7);
        for (int j = 0; j < i; j++) {
            const struct phi_grade_row *b = phi_grade_row((enum phi_grade)j);
            assert_string_not_equal(a->code, b->code);
            assert_string_not_equal(a->zh, b->zh);
            assert_string_not_equal(a->en, b->en);
            assert_string_not_equal(a->colour, b->colour);
            assert_string_not_equal(a->shape, b->shape);
        }
    }
    assert_string_equal(phi_grade_row(PHI_GRADE_REVIEW)->zh, "审核中");
    assert_string_equal(phi_grade_code((enum phi_grade)99), "grey");
}

static void unknown_codes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "GREEN", "gree", "greens", "blue", "未知"};
    enum phi_grade grade = PHI_GRADE_RED;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(phi_grade_from_code(phi_view_text(bad[i]), &grade), PHI_ERR_FIELD_VALUE);
    assert_int_equal(grade, PHI_GRADE_RED);
}

static void scopes(void **state)
{
    (void)state;
    enum phi_scope scope = PHI_SCOPE_PASS;
    assert_int_equal(phi_scope_parse(phi_view_text("medical"), &scope), PHI_OK);
    assert_int_equal(scope, PHI_SCOPE_MEDICAL);
    assert_int_equal(phi_scope_parse(phi_view_text("all"), &scope), PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_scope_parse(phi_view_text(""), &scope), PHI_ERR_FIELD_VALUE);
    assert_string_equal(phi_scope_name(PHI_SCOPE_SELF), "self");
    assert_string_equal(phi_scope_name((enum phi_scope)9), "pass");
    assert_int_equal(phi_scope_least(PHI_SCOPE_SELF, PHI_SCOPE_PASS), PHI_SCOPE_PASS);
    assert_int_equal(phi_scope_least(PHI_SCOPE_MEDICAL, PHI_SCOPE_SELF), PHI_SCOPE_MEDICAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_strictness),
        cmocka_unit_test(rows_differ_in_every_sign),
        cmocka_unit_test(unknown_codes_are_refused),
        cmocka_unit_test(scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
