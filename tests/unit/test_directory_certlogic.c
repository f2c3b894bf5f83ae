/* tests/vectors/rules/certlogic.json: each operation, its corners, and what it refuses. */
#include "case.h"
#include "vector_file.h"

#include "certlogic/certlogic.h"

/* As JSON has it, but an integer equals itself with a fraction of nothing. */
static bool is_equal(const json_t *found, const json_t *expected)
{
    if (json_is_number(found) && json_is_number(expected))
        return json_number_value(found) == json_number_value(expected);
    return json_equal(found, expected) == 1;
}

static void check_case(const json_t *c)
{
    json_t *found = NULL;
    struct phi_error error = {0};
    const char *name = vector_text(c, "name");
    enum phi_err err =
        certlogic_evaluate(json_object_get(c, "logic"), json_object_get(c, "data"), &found, &error);
    if (json_is_true(json_object_get(c, "error"))) {
        phi_check(name, err == PHI_ERR_RULE && error.code == PHI_ERR_RULE && error.text[0] != '\0');
        return;
    }
    phi_check(name, err == PHI_OK);
    phi_check(name, is_equal(found, json_object_get(c, "result")));
    json_decref(found);
}

static void vectors(void **state)
{
    (void)state;
    json_t *file = vector_open("rules/certlogic.json");
    VECTOR_EACH(file, "cases", c) check_case(c);
    vector_close(file);
}

/* A rule that would never end is stopped by its steps. */
static void steps_are_bounded(void **state)
{
    (void)state;
    json_t *found = NULL;
    json_t *many = json_array();
    for (int i = 0; i < 500; i++)
        json_array_append_new(many, json_integer(i));
    json_t *data = json_pack("{s:o}", "a", many);
    json_t *logic = json_loads("{\"reduce\":[{\"var\":\"a\"},{\"var\":\"current\"},0]}", 0, NULL);
    assert_int_equal(certlogic_evaluate(logic, data, &found, NULL), PHI_OK);
    json_decref(found);
    json_t *fat = json_array();
    for (int i = 0; i < 500; i++)
        json_array_append_new(fat, json_integer(i));
    json_array_set_new(json_object_get(logic, "reduce"), 1, fat);
    assert_int_equal(certlogic_evaluate(logic, data, &found, NULL), PHI_ERR_RULE);
    json_decref(logic);
    json_decref(data);
}

static void test_is_truth(void **state)
{
    (void)state;
    bool holds = false;
    json_t *yes = json_true(), *empty = json_string(""), *data = json_object();
    json_t *time = json_loads("{\"plusTime\":[\"2021-01-01\",0,\"day\"]}", 0, NULL);
    assert_int_equal(certlogic_test(yes, data, &holds, NULL), PHI_OK);
    assert_true(holds);
    assert_int_equal(certlogic_test(empty, data, &holds, NULL), PHI_OK);
    assert_false(holds);
    assert_int_equal(certlogic_test(time, data, &holds, NULL), PHI_ERR_RULE);
    json_decref(empty);
    json_decref(time);
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(test_is_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
