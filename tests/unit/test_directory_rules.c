/* tests/vectors/rules/grades.json against the province's rules; and what a rule file must not be.
 */
#include "case.h"
#include "vector_file.h"

#include "svc-directory/directory.h"

#include <unistd.h>

static int64_t time_of(const json_t *object, const char *name)
{
    int64_t time_us = 0;
    assert_int_equal(phi_rfc3339_parse(vector_view(object, name), &time_us), PHI_OK);
    return time_us;
}

static json_t *input_of(const json_t *c, int64_t now_us)
{
    json_t *facts = json_array();
    for (size_t i = 0; i < json_array_size(json_object_get(c, "facts")); i++) {
        const json_t *fact = json_array_get(json_object_get(c, "facts"), i);
        json_t *content = json_deep_copy(json_object_get(fact, "content"));
        json_array_append_new(facts, input_fact(vector_text(fact, "source"),
                                                vector_text(fact, "institution"),
                                                time_of(fact, "observedAt"), content, now_us));
    }
    return input_document(facts, now_us);
}

static void check_grade(const struct rules *rules, const json_t *c)
{
    struct rules_verdict verdict;
    json_t *reasons = NULL, *words = json_array();
    int64_t now_us = time_of(c, "now");
    json_t *input = input_of(c, now_us);
    rules_grade(rules, input, now_us, &verdict);
    assert_int_equal(rules_reasons(&verdict, &reasons), PHI_OK);
    for (size_t i = 0; i < json_array_size(reasons); i++)
        json_array_append(words, json_object_get(json_array_get(reasons, i), "reason"));
    phi_check(vector_text(c, "name"),
              strcmp(phi_grade_code(verdict.grade), vector_text(c, "grade")) == 0);
    phi_check(vector_text(c, "name"), json_equal(words, json_object_get(c, "reasons")));
    phi_check(vector_text(c, "name"), verdict.error_count == 0);
    json_decref(reasons);
    json_decref(words);
    json_decref(input);
}

static void grades(void **state)
{
    (void)state;
    struct rules *rules = NULL;
    struct phi_error error = {0};
    if (rules_read(RULES_FOLDER "/320000.json", "320000", &rules, &error) != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    json_t *file = vector_open("rules/grades.json");
    VECTOR_EACH(file, "cases", c) check_grade(rules, c);
    vector_close(file);
    rules_free(rules);
}

static struct rules *read_text(const char *text, const char *place)
{
    char path[] = "/tmp/phi-rules-XXXXXX";
    struct rules *rules = NULL;
    struct phi_error error = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum phi_err err = rules_read(path, "320000", &rules, &error);
    unlink(path);
    if (place == NULL) {
        if (err != PHI_OK)
            fail_msg("%s: %s", error.place, error.text);
        return rules;
    }
    if (err != PHI_ERR_CONFIG || strcmp(error.place, place) != 0)
        fail_msg("%d at %s, not at %s: %s", err, error.place, place, error.text);
    return NULL;
}

#define WORDS  "\"description\":{\"zh\":\"一\",\"en\":\"one\"}"
#define FROM   "\"validFrom\":\"2020-01-01T00:00:00+08:00\""
#define ALWAYS "\"logic\":{\"!\":[false]}"
#define RULE(id, logic, grade, more)                                                               \
    "{\"id\":\"" id "\",\"version\":1," WORDS "," logic ",\"grade\":\"" grade                      \
    "\",\"reason\":\"" id "\"," FROM more "}"
#define FILE_OF(rules) "{\"region\":\"320000\",\"version\":1,\"rules\":[" rules "]}"

static void refused_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *place;
    } cases[] = {
        {"", "$"},
        {"[]", "$"},
        {"{\"region\":\"310000\",\"version\":1,\"rules\":[" RULE("a", ALWAYS, "red", "") "]}",
         "$.region"},
        {"{\"region\":\"320000\",\"version\":0,\"rules\":[" RULE("a", ALWAYS, "red", "") "]}",
         "$.version"},
        {FILE_OF(""), "$.rules"},
        {FILE_OF(RULE("a", ALWAYS, "blue", "")), "$.rules[0].grade"},
        {FILE_OF(RULE("a b", ALWAYS, "red", "")), "$.rules[0].id"},
        {FILE_OF(RULE("a", "\"logic\":true", "red", "")), "$.rules[0].logic"},
        {FILE_OF(RULE("a", ALWAYS, "red", ",\"validTo\":\"2020-01-01T00:00:00+08:00\"")),
         "$.rules[0].validTo"},
        {FILE_OF(RULE("a", ALWAYS, "red", ",\"more\":1")), "$.rules[0].more"},
        {FILE_OF(RULE("a", ALWAYS, "red", "") "," RULE("a", ALWAYS, "red", "")), "$.rules[1].id"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        assert_null(read_text(cases[i].text, cases[i].place));
    struct rules *rules = NULL;
    assert_int_equal(rules_read("/nowhere/rules.json", "320000", &rules, NULL), PHI_ERR_CONFIG);
}

#define ERRS "\"logic\":{\"<\":[\"x\",1]}"

/* What erred is skipped and shown; it never reads as green, and takes nothing from what is
 * stricter. */
static void erring_rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        enum phi_grade grade;
        size_t fired;
        size_t erred;
        const char *first_reason;
    } cases[] = {
        {"green and an error",
         FILE_OF(RULE("base", ALWAYS, "green", "") "," RULE("bad", ERRS, "red", "")),
         PHI_GRADE_GREY, 1, 1, "base"},
        {"yellow and an error",
         FILE_OF(RULE("bad", ERRS, "red", "") "," RULE("mid", ALWAYS, "yellow", "")),
         PHI_GRADE_YELLOW, 1, 1, "mid"},
        {"nothing but an error", FILE_OF(RULE("bad", ERRS, "red", "")), PHI_GRADE_GREY, 0, 1,
         "rule-error"},
        {"not valid yet",
         FILE_OF("{\"id\":\"a\",\"version\":1," WORDS "," ALWAYS
                 ",\"grade\":\"red\",\"reason\":\"a\","
                 "\"validFrom\":\"2030-01-01T00:00:00Z\"}," RULE("base", ALWAYS, "green", "")),
         PHI_GRADE_GREEN, 1, 0, "base"},
        {"valid no longer",
         FILE_OF(RULE("a", ALWAYS, "red", ",\"validTo\":\"2021-01-01T00:00:00Z\"") "," RULE(
             "base", ALWAYS, "green", "")),
         PHI_GRADE_GREEN, 1, 0, "base"},
        {"the strictest first",
         FILE_OF(RULE("base", ALWAYS, "green", "") "," RULE("mid", ALWAYS, "yellow",
                                                            "") "," RULE("top", ALWAYS, "red", "")),
         PHI_GRADE_RED, 2, 0, "top"},
    };
    int64_t now_us = 1795233600000000; /* 2026-11-21 */
    json_t *input = input_document(json_array(), now_us);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct rules_verdict verdict;
        json_t *reasons = NULL;
        struct rules *rules = read_text(cases[i].text, NULL);
        rules_grade(rules, input, now_us, &verdict);
        phi_check(cases[i].name, verdict.grade == cases[i].grade);
        phi_check(cases[i].name,
                  verdict.count == cases[i].fired && verdict.error_count == cases[i].erred);
        assert_int_equal(rules_reasons(&verdict, &reasons), PHI_OK);
        phi_check(cases[i].name, strcmp(vector_text(json_array_get(reasons, 0), "reason"),
                                        cases[i].first_reason) == 0);
        json_decref(reasons);
        rules_free(rules);
    }
    json_decref(input);
}

static void source_bits(void **state)
{
    (void)state;
    assert_int_equal(input_source_bit("source.contacts"), 1u << 1);
    assert_int_equal(input_source_bit("source.tests"), 1u << 2);
    assert_int_equal(input_source_bit("declare.health"), 1u << 12);
    assert_int_equal(input_source_bit("source.other"), 1u << 13);
    assert_int_equal(input_source_bit("source.rumours"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grades),
        cmocka_unit_test(refused_files),
        cmocka_unit_test(erring_rules),
        cmocka_unit_test(source_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
