/* When a source is silent, and when others must hear of it. */
#include "case.h"
#include "svc-declare/sources/rhythm.h"

#include <string.h>

#define HOUR 3600000000LL

static const struct {
    const char *name;
    const char *json;
    enum phi_err err;
    const char *place;
} file_cases[] = {
    {"none", "[]", PHI_OK, NULL},
    {"one", "[{\"source\":\"source.tests\",\"institution\":\"a\",\"everySeconds\":60}]", PHI_OK,
     NULL},
    {"of citizens", "[{\"source\":\"declare.health\",\"institution\":\"a\",\"everySeconds\":60}]",
     PHI_OK, NULL},
    {"no array", "{}", PHI_ERR_FIELD_TYPE, "$"},
    {"cut", "[", PHI_ERR_JSON, "$"},
    {"no source", "[{\"source\":\"source.rumours\",\"institution\":\"a\",\"everySeconds\":60}]",
     PHI_ERR_FIELD_VALUE, "$[0].source"},
    {"no institution", "[{\"source\":\"source.tests\",\"everySeconds\":60}]", PHI_ERR_FIELD_MISSING,
     "$[0].institution"},
    {"no id", "[{\"source\":\"source.tests\",\"institution\":\"a b\",\"everySeconds\":60}]",
     PHI_ERR_FIELD_VALUE, "$[0].institution"},
    {"at once", "[{\"source\":\"source.tests\",\"institution\":\"a\",\"everySeconds\":0}]",
     PHI_ERR_FIELD_VALUE, "$[0].everySeconds"},
    {"twice",
     "[{\"source\":\"source.tests\",\"institution\":\"a\",\"everySeconds\":60},"
     "{\"source\":\"source.tests\",\"institution\":\"a\",\"everySeconds\":70}]",
     PHI_ERR_FIELD_VALUE, "$[1]"},
    {"unknown member",
     "[{\"source\":\"source.tests\",\"institution\":\"a\",\"everySeconds\":60,\"why\":1}]",
     PHI_ERR_FIELD_UNKNOWN, "$[0].why"},
};

static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(file_cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct phi_error error = {0};
        struct rhythms rhythms;
        enum phi_err err = rhythms_read(phi_view_text(file_cases[i].json), arena, &rhythms, &error);
        if (err != file_cases[i].err ||
            (err != PHI_OK && strcmp(error.place, file_cases[i].place) != 0))
            fail_msg("case \"%s\": %s at %s", file_cases[i].name, phi_err_name(err), error.place);
        phi_arena_free(arena);
    }
}

static const struct {
    const char *name;
    int64_t last_us, since_us, now_us;
    bool is_silent;
    int64_t fresh_until_us;
} judge_cases[] = {
    {"just begun, never heard", 0, 100 * HOUR, 100 * HOUR, false, 105 * HOUR},
    {"never heard in time", 0, 100 * HOUR, 105 * HOUR + 1, true, 105 * HOUR},
    {"heard", 102 * HOUR, 100 * HOUR, 104 * HOUR, false, 107 * HOUR},
    {"late, within a quarter", 102 * HOUR, 100 * HOUR, 107 * HOUR, false, 107 * HOUR},
    {"silent", 102 * HOUR, 100 * HOUR, 107 * HOUR + 1, true, 107 * HOUR},
    {"heard before it was watched", 90 * HOUR, 100 * HOUR, 104 * HOUR, false, 105 * HOUR},
};

static void silence(void **state)
{
    (void)state;
    const struct rhythm rhythm = {"source.tests", "a", 4 * HOUR};
    for (size_t i = 0; i < PHI_COUNT(judge_cases); i++) {
        struct rhythm_state found = rhythm_judge(&rhythm, judge_cases[i].last_us,
                                                 judge_cases[i].since_us, judge_cases[i].now_us);
        phi_check(judge_cases[i].name, found.is_silent == judge_cases[i].is_silent);
        phi_check(judge_cases[i].name, found.fresh_until_us == judge_cases[i].fresh_until_us);
        phi_check(judge_cases[i].name, found.last_us == judge_cases[i].last_us);
    }
}

static void news(void **state)
{
    (void)state;
    const struct rhythm_state heard = {10 * HOUR, 15 * HOUR, false};
    const struct rhythm_state silent = {10 * HOUR, 15 * HOUR, true};
    const struct rhythm_state little = {11 * HOUR, 16 * HOUR, false};
    const struct rhythm_state more = {11 * HOUR + 1, 16 * HOUR + 1, false};
    assert_false(rhythm_is_news(&heard, &heard, 4 * HOUR));
    assert_false(rhythm_is_news(&heard, &little, 4 * HOUR));
    assert_true(rhythm_is_news(&heard, &more, 4 * HOUR));
    assert_true(rhythm_is_news(&heard, &silent, 4 * HOUR));
    assert_true(rhythm_is_news(&silent, &heard, 4 * HOUR));
    assert_true(rhythm_is_news(&little, &heard, 4 * HOUR));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(silence),
        cmocka_unit_test(news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
