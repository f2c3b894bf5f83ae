/* tests/vectors/rules/certlogic.json: each operation, its corners, and what it refuses. */
#include "case.h"
#include "vector_file.h"

#include "certlogic/certlogic.h"

#define ARENA_MAX ((size_t)512 * 1024 * 1024)

/* As JSON has it, but an integer equals itself with a fraction of nothing. */
static bool is_equal(const json_t *found, const json_t *expected)
{
    if (json_is_number(found) && json_is_number(expected))
        return json_number_value(found) == json_number_value(expected);
    return json_equal(found, expected) == 1;
}

struct run {
    struct phi_arena *arena;
    const struct phi_certlogic_rule *rule;
    const struct phi_certlogic_value *data;
    struct phi_certlogic_outcome outcome;
    struct phi_error error;
};

static void open_run(struct run *run, const json_t *logic, const json_t *data)
{
    *run = (struct run){.arena = phi_arena_new(ARENA_MAX)};
    assert_non_null(run->arena);
    assert_int_equal(phi_certlogic_compile(logic, run->arena, &run->rule), PHI_OK);
    assert_int_equal(phi_certlogic_value_import(run->arena, data, &run->data), PHI_OK);
}

static enum phi_err evaluate(struct run *run)
{
    return phi_certlogic_evaluate(run->rule, run->data, NULL, run->arena, &run->outcome,
                                  &run->error);
}

static void check_case(const json_t *c)
{
    json_t *found = NULL;
    struct run run;
    const char *name = vector_text(c, "name");
    open_run(&run, json_object_get(c, "logic"), json_object_get(c, "data"));
    enum phi_err err = evaluate(&run);
    if (json_is_true(json_object_get(c, "error"))) {
        phi_check(name, err == PHI_ERR_RULE && run.error.code == PHI_ERR_RULE &&
                            run.error.text[0] != '\0');
    } else {
        phi_check(name, err == PHI_OK);
        phi_check(name, phi_certlogic_value_export(run.outcome.value, &found) == PHI_OK);
        phi_check(name, is_equal(found, json_object_get(c, "result")));
    }
    json_decref(found);
    phi_arena_free(run.arena);
}

static void vectors(void **state)
{
    (void)state;
    json_t *file = vector_open("rules/certlogic.json");
    VECTOR_EACH(file, "cases", c) check_case(c);
    vector_close(file);
}

static json_t *numbers(int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_integer(i));
    return array;
}

/* A rule that would never end is stopped by its steps, and soon. */
static void steps_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *logic;
        int count;
        enum phi_err expected;
    } cases[] = {
        {"one pass", "{\"reduce\":[{\"var\":\"a\"},{\"var\":\"current\"},0]}", 500, PHI_OK},
        {"a pass in a pass",
         "{\"reduce\":[{\"var\":\"a\"},{\"reduce\":[{\"var\":\"accumulator\"},{\"+\":[1,2]},0]},"
         "{\"var\":\"a\"}]}",
         500, PHI_ERR_RULE},
        {"too many for one pass", "{\"reduce\":[{\"var\":\"a\"},{\"var\":\"current\"},0]}", 1000000,
         PHI_ERR_RULE},
        {"a pass in a pass over a million",
         "{\"reduce\":[{\"var\":\"a\"},{\"reduce\":[{\"var\":\"current\"},0,0]},0]}", 1000000,
         PHI_ERR_RULE},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct run run;
        json_t *logic = json_loads(cases[i].logic, 0, NULL);
        json_t *data = json_pack("{s:o}", "a", numbers(cases[i].count));
        open_run(&run, logic, data);
        phi_check(cases[i].name, evaluate(&run) == cases[i].expected);
        phi_arena_free(run.arena);
        json_decref(logic);
        json_decref(data);
    }
}

/* What a rule file is refused for, and where. */
static void checked(void **state)
{
    (void)state;
    json_t *file = vector_open("rules/check.json");
    VECTOR_EACH(file, "cases", c)
    {
        struct run run;
        const char *name = vector_text(c, "name");
        const char *place = json_string_value(json_object_get(c, "place"));
        open_run(&run, json_object_get(c, "logic"), json_null());
        enum phi_err err = phi_certlogic_check(run.rule, &run.error);
        phi_check(name, err == (place == NULL ? PHI_OK : PHI_ERR_RULE));
        if (place != NULL && strcmp(place, run.error.place) != 0)
            fail_msg("%s: at %s (%s), not at %s", name, run.error.place, run.error.text, place);
        phi_arena_free(run.arena);
    }
    vector_close(file);
}

static void truth_of_a_result(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *logic;
        enum phi_err expected;
        bool holds;
    } cases[] = {
        {"true", "true", PHI_OK, true},
        {"an empty text", "\"\"", PHI_OK, false},
        {"a time", "{\"plusTime\":[\"2021-01-01\",0,\"day\"]}", PHI_ERR_RULE, false},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct run run;
        bool holds = false;
        json_t *logic = json_loads(cases[i].logic, JSON_DECODE_ANY, NULL);
        open_run(&run, logic, json_null());
        assert_int_equal(evaluate(&run), PHI_OK);
        phi_check(cases[i].name,
                  phi_certlogic_truth(run.outcome.value, &holds, NULL) == cases[i].expected);
        phi_check(cases[i].name, holds == cases[i].holds);
        phi_arena_free(run.arena);
        json_decref(logic);
    }
}

/* JSON read at once and by way of jansson is the same; what isn't JSON is refused. */
static void reading(void **state)
{
    (void)state;
    static const char *const right[] = {"null",
                                        "true",
                                        "\"\"",
                                        "\"a\\u4e2d\\ud83d\\ude00\\n\\/\"",
                                        "-0",
                                        "-12.5e3",
                                        "123456789012345678",
                                        "[]",
                                        "[1, [2,\t{}] ]",
                                        "{\"a\":{\"b\":[true,null,\"中\"]},\"c\":0.1}"};
    static const char *const wrong[] = {
        "",       "nul",      "[1,]",      "[1",          "{\"a\"}",     "{\"a\":1,}",
        "{a:1}",  "01",       "1.",        "-",           "1e",          ".5",
        "\"a",    "\"\\x\"",  "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\u0000\"",
        "\"\n\"", "\"\xff\"", "1 2",       "[[[[[1]]]]]", "+1",          "NaN"};
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    const struct phi_certlogic_value *value = NULL;
    for (size_t i = 0; i < PHI_COUNT(right); i++) {
        json_t *found = NULL, *expected = json_loads(right[i], JSON_DECODE_ANY, NULL);
        phi_check(right[i],
                  phi_certlogic_value_read(arena, phi_view_text(right[i]), 4, &value) == PHI_OK);
        phi_check(right[i], phi_certlogic_value_export(value, &found) == PHI_OK);
        phi_check(right[i], json_is_number(expected) ? is_equal(found, expected)
                                                     : json_equal(found, expected) == 1);
        json_decref(found);
        json_decref(expected);
    }
    for (size_t i = 0; i < PHI_COUNT(wrong); i++)
        phi_check(wrong[i], phi_certlogic_value_read(arena, phi_view_text(wrong[i]), 4, &value) ==
                                PHI_ERR_JSON);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors), cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(checked), cmocka_unit_test(truth_of_a_result),
        cmocka_unit_test(reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
