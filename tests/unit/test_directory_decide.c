/* What a verdict does to an entry: version, since when, and when nothing is written. */
#include "case.h"

#include "json/json.h"
#include "svc-directory/grading/decide.h"

#include <string.h>

#define NOW  1795233600000000LL
#define MASK 0x1000u

static const struct rule red = {
    .id = "R", .version = 1, .grade = PHI_GRADE_RED, .reason = "red-reason"};
static const struct rule other = {
    .id = "S", .version = 1, .grade = PHI_GRADE_RED, .reason = "other-reason"};
#define RED_TEXT "[{\"reason\":\"red-reason\",\"rule\":\"R\",\"version\":1}]"

static void cases_of_decide(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct decide_state old;
        const char *old_reasons;
        const struct rule *fired;
        bool is_changed;
        int64_t version;
        int64_t from_us;
    } cases[] = {
        {"the first entry", {.version = 0}, "[]", &red, true, NOW, NOW},
        {"the first entry, nothing known", {.version = 0}, "[]", NULL, true, NOW, NOW},
        {"nothing new",
         {PHI_GRADE_RED, {0}, MASK, NOW - 9, NOW - 9},
         RED_TEXT,
         &red,
         false,
         NOW,
         NOW - 9},
        {"another reason, since as before",
         {PHI_GRADE_RED, {0}, MASK, NOW - 9, NOW - 99},
         RED_TEXT,
         &other,
         true,
         NOW,
         NOW - 99},
        {"other sources",
         {PHI_GRADE_RED, {0}, 1, NOW - 9, NOW - 99},
         RED_TEXT,
         &red,
         true,
         NOW,
         NOW - 99},
        {"another grade",
         {PHI_GRADE_GREEN, {0}, MASK, NOW - 9, NOW - 9},
         "[]",
         &red,
         true,
         NOW,
         NOW},
        {"all is gone",
         {PHI_GRADE_RED, {0}, MASK, NOW - 9, NOW - 9},
         RED_TEXT,
         NULL,
         true,
         NOW,
         NOW},
        {"a clock that went back",
         {PHI_GRADE_GREEN, {0}, MASK, NOW + 500, NOW + 500},
         "[]",
         &red,
         true,
         NOW + 501,
         NOW},
        {"twice in a microsecond",
         {PHI_GRADE_GREEN, {0}, MASK, NOW, NOW},
         "[]",
         &red,
         true,
         NOW + 1,
         NOW},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct decide_state old = cases[i].old, new = {0};
        struct rules_verdict verdict = {.grade = PHI_GRADE_GREY};
        bool is_changed = !cases[i].is_changed;
        old.reasons = phi_view_text(cases[i].old_reasons);
        if (cases[i].fired != NULL) {
            verdict.grade = cases[i].fired->grade;
            verdict.fired[verdict.count++] = cases[i].fired;
        }
        phi_check(cases[i].name,
                  decide(&old, &verdict, MASK, NOW, arena, &new, &is_changed) == PHI_OK);
        phi_check(cases[i].name, is_changed == cases[i].is_changed);
        phi_check(cases[i].name, new.version == cases[i].version &&new.from_us == cases[i].from_us);
        phi_check(cases[i].name, new.grade == verdict.grade &&new.sources_mask == MASK);
        phi_arena_free(arena);
    }
}

/* No more reasons than an entry holds. */
static void reasons_are_bounded(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct rules_verdict verdict = {.grade = PHI_GRADE_RED, .count = RULES_MAX};
    struct decide_state old = {0}, new;
    json_t *kept = NULL;
    bool is_changed = false;
    for (size_t i = 0; i < RULES_MAX; i++)
        verdict.fired[i] = &red;
    assert_int_equal(decide(&old, &verdict, MASK, NOW, arena, &new, &is_changed), PHI_OK);
    assert_int_equal(phi_json_parse(new.reasons, 4, &kept, NULL), PHI_OK);
    assert_int_equal(json_array_size(kept), PHI_ENTRY_REASONS_MAX);
    json_decref(kept);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_of_decide),
        cmocka_unit_test(reasons_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
