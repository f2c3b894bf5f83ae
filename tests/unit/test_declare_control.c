/* Control periods as data, which of them holds for a person, and what is due by it. */
#include "case.h"
#include "svc-declare/people/control.h"

#include <string.h>

#define HOUR (3600 * 1000000LL)
#define DAY  (24 * HOUR)
#define PERIOD(region, from, to, hours)                                                            \
    "{\"region\":\"" region "\",\"from\":\"" from "\",\"to\":\"" to "\",\"everyHours\":" hours "}"
#define NOVEMBER "2026-11-01T00:00:00+08:00"
#define DECEMBER "2026-12-01T00:00:00+08:00"

static enum phi_err read(const char *text, struct phi_arena *arena, struct control *out,
                         struct phi_error *error)
{
    return control_read(phi_view_text(text), arena, out, error);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        enum phi_err err;
        const char *place;
    } cases[] = {
        {"no JSON", "[", PHI_ERR_JSON, "$"},
        {"no list", "{}", PHI_ERR_FIELD_TYPE, "$"},
        {"none", "[]", PHI_OK, NULL},
        {"a province", "[" PERIOD("32", NOVEMBER, DECEMBER, "24") "]", PHI_OK, NULL},
        {"three digits", "[" PERIOD("320", NOVEMBER, DECEMBER, "24") "]", PHI_ERR_RULE,
         "$[0].region"},
        {"no province", "[" PERIOD("99", NOVEMBER, DECEMBER, "24") "]", PHI_ERR_RULE,
         "$[0].region"},
        {"letters", "[" PERIOD("ab", NOVEMBER, DECEMBER, "24") "]", PHI_ERR_RULE, "$[0].region"},
        {"backwards", "[" PERIOD("32", DECEMBER, NOVEMBER, "24") "]", PHI_ERR_RULE, "$[0].to"},
        {"empty", "[" PERIOD("32", NOVEMBER, NOVEMBER, "24") "]", PHI_ERR_RULE, "$[0].to"},
        {"never", "[" PERIOD("32", NOVEMBER, DECEMBER, "0") "]", PHI_ERR_FIELD_VALUE,
         "$[0].everyHours"},
        {"too seldom", "[" PERIOD("32", NOVEMBER, DECEMBER, "745") "]", PHI_ERR_FIELD_VALUE,
         "$[0].everyHours"},
        {"no interval", "[{\"region\":\"32\",\"from\":\"" NOVEMBER "\",\"to\":\"" DECEMBER "\"}]",
         PHI_ERR_FIELD_MISSING, "$[0].everyHours"},
        {"unknown member", "[{\"why\":1}]", PHI_ERR_FIELD_UNKNOWN, "$[0].why"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct control control = {0};
        struct phi_error error = {.code = PHI_OK};
        enum phi_err err = read(cases[i].text, arena, &control, &error);
        bool is_place = cases[i].place == NULL || strcmp(error.place, cases[i].place) == 0;
        phi_check(cases[i].name, err == cases[i].err && is_place);
        phi_arena_free(arena);
    }
}

static void the_strictest_in_force_counts(void **state)
{
    (void)state;
    struct control_period items[] = {{"32", 10 * DAY, 20 * DAY, 48 * HOUR},
                                     {"3205", 12 * DAY, 15 * DAY, 24 * HOUR},
                                     {"320583", 12 * DAY, 13 * DAY, 72 * HOUR}};
    const struct control control = {items, PHI_COUNT(items)};
    assert_null(control_find(&control, "320583", 10 * DAY - 1));
    assert_ptr_equal(control_find(&control, "320583", 10 * DAY), &items[0]);
    assert_ptr_equal(control_find(&control, "320583", 12 * DAY), &items[1]);
    assert_ptr_equal(control_find(&control, "320102", 12 * DAY), &items[0]);
    assert_ptr_equal(control_find(&control, "320583", 15 * DAY), &items[0]);
    assert_null(control_find(&control, "320583", 20 * DAY));
    assert_null(control_find(&control, "330106", 12 * DAY));
}

static void who_is_due_when(void **state)
{
    (void)state;
    const struct control_period period = {"32", 10 * DAY, 20 * DAY, DAY};
    static const struct {
        const char *name;
        int64_t last_us, now_us;
        bool is_due;
        int64_t at_us;
    } cases[] = {
        {"never declared", 0, 11 * DAY, true, 10 * DAY},
        {"long before the period", 2 * DAY, 10 * DAY, true, 10 * DAY},
        {"just before the period", 10 * DAY - HOUR, 10 * DAY, false, 11 * DAY - HOUR},
        {"within a day", 12 * DAY, 13 * DAY - 1, false, 13 * DAY},
        {"a day ago", 12 * DAY, 13 * DAY, true, 13 * DAY},
        {"over before it is due again", 20 * DAY - HOUR, 20 * DAY - 1, false, 0},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct control_due due = control_judge(&period, cases[i].last_us, cases[i].now_us);
        phi_check(cases[i].name, due.is_due == cases[i].is_due && due.at_us == cases[i].at_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(the_strictest_in_force_counts),
        cmocka_unit_test(who_is_due_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
