/* tests/vectors/rules/grades.json against the province's rules; and what a rule file must not be.
 */
#include "case.h"
#include "vector_file.h"

#include "svc-directory/grading/grading.h"

#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX (64 * 1024 * 1024)

static int64_t time_of(const json_t *object, const char *name)
{
    int64_t time_us = 0;
    assert_int_equal(phi_rfc3339_parse(vector_view(object, name), &time_us), PHI_OK);
    return time_us;
}

static int newest_first(const void *a, const void *b)
{
    int64_t left = ((const struct rules_fact *)a)->observed_us;
    int64_t right = ((const struct rules_fact *)b)->observed_us;
    return (left < right) - (left > right);
}

static struct rules_input *input_of(struct phi_arena *arena, const json_t *c, int64_t now_us)
{
    struct rules_input *input = NULL;
    size_t count = json_array_size(json_object_get(c, "facts"));
    struct rules_fact *facts = phi_arena_alloc(arena, count * sizeof(*facts));
    for (size_t i = 0; i < count; i++) {
        const json_t *fact = json_array_get(json_object_get(c, "facts"), i);
        char *content = json_dumps(json_object_get(fact, "content"), JSON_COMPACT);
        facts[i] = (struct rules_fact){
            .source = vector_view(fact, "source"),
            .institution = vector_view(fact, "institution"),
            .content = phi_view_text(phi_arena_text(arena, phi_view_text(content))),
            .observed_us = time_of(fact, "observedAt")};
        free(content);
    }
    qsort(facts, count, sizeof(*facts), newest_first);
    assert_int_equal(rules_input_new(arena, facts, count, now_us, &input), PHI_OK);
    return input;
}

static void check_grade(const struct rules *rules, const json_t *c)
{
    struct rules_verdict verdict;
    json_t *reasons = NULL, *words = json_array();
    int64_t now_us = time_of(c, "now");
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    rules_grade(rules, input_of(arena, c, now_us), now_us, &verdict);
    assert_int_equal(rules_reasons(&verdict, &reasons), PHI_OK);
    for (size_t i = 0; i < json_array_size(reasons); i++)
        json_array_append(words, json_object_get(json_array_get(reasons, i), "reason"));
    phi_check(vector_text(c, "name"),
              strcmp(phi_grade_code(verdict.grade), vector_text(c, "grade")) == 0);
    phi_check(vector_text(c, "name"), json_equal(words, json_object_get(c, "reasons")));
    phi_check(vector_text(c, "name"), verdict.error_count == 0);
    json_decref(reasons);
    json_decref(words);
    phi_arena_free(arena);
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
        {FILE_OF(RULE("a", "\"logic\":{\"and\":[true,{\"or\":[true,false]}]}", "red", "")),
         "$.rules[0].logic.and[1]"},
        {FILE_OF(RULE("a", "\"logic\":{\"<\":[\"x\",1]}", "red", "")), "$.rules[0].logic.<[0]"},
        {FILE_OF(RULE("a", ALWAYS, "red", "") "," RULE("a", ALWAYS, "red", "")), "$.rules[1].id"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        assert_null(read_text(cases[i].text, cases[i].place));
    struct rules *rules = NULL;
    assert_int_equal(rules_read("/nowhere/rules.json", "320000", &rules, NULL), PHI_ERR_CONFIG);
}

#define ERRS "\"logic\":{\"<\":[{\"var\":\"facts\"},1]}"

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
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    struct rules_input *input = NULL;
    assert_int_equal(rules_input_new(arena, NULL, 0, now_us, &input), PHI_OK);
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
    phi_arena_free(arena);
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

/* --- until and then, against brute force over time --- */

#define DAY_US 86400000000LL
#define CASES  400
#define LOOKS  24
#define FACTS  4
#define NEAR(op, path, days, unit)                                                                 \
    "\"logic\":{\"reduce\":[{\"var\":\"facts\"},{\"if\":[{\"var\":\"accumulator\"},true,{\"" op    \
    "\":[{\"plusTime\":[{\"var\":\"current." path "\"}," days ",\"" unit                           \
    "\"]},{\"plusTime\":[{\"var\":\"current.now\"},0,\"day\"]}]}]},false]}"
#define MONTHS                                                                                     \
    "\"logic\":{\"reduce\":[{\"var\":\"facts\"},{\"if\":[{\"var\":\"accumulator\"},true,{"         \
    "\"after\":["                                                                                  \
    "{\"plusTime\":[{\"var\":\"current.observedAt\"},1,\"month\"]},"                               \
    "{\"plusTime\":[{\"var\":\"current.now\"},1,\"month\"]},"                                      \
    "{\"plusTime\":[{\"var\":\"current.observedAt\"},-30,\"day\"]}]}]},false]}"

static uint64_t seed;

static uint64_t next_random(uint64_t below)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 33) % below;
}

static void random_fact(struct phi_arena *arena, int64_t now_us, struct rules_fact *out)
{
    static const char *const contents[] = {
        ("{\"contact\":\"close\",\"isolation\":\"none\",\"symptoms\":[],\"temperature\":36.5}"),
        ("{\"contact\":\"secondary\",\"isolation\":\"home\",\"symptoms\":[\"cough\"],"
         "\"temperature\":38.1}"),
        ("{\"contact\":\"none\",\"isolation\":\"central\",\"symptoms\":[],\"temperature\":37.3}"),
        ("{\"contact\":\"none\",\"isolation\":\"none\",\"symptoms\":[],\"temperature\":36.0}")};
    char at[PHI_RFC3339_MAX];
    int64_t ago_us = (int64_t)next_random(40 * 86400) * 1000000 + (int64_t)next_random(1000000);
    *out = (struct rules_fact){.observed_us = now_us + 2 * DAY_US - ago_us,
                               .institution = phi_view_text("a")};
    phi_rfc3339_format(out->observed_us, at);
    uint64_t kind = next_random(3);
    out->source = phi_view_text(kind == 0   ? "source.tests"
                                : kind == 1 ? "source.contacts"
                                            : "declare.health");
    out->content = phi_view_text(contents[next_random(PHI_COUNT(contents))]);
    if (kind == 0)
        out->content = phi_view_text(phi_arena_printf(
            arena, "{\"method\":\"nucleic-acid\",\"result\":\"%s\",\"sampledAt\":\"%s\"}",
            next_random(2) == 0 ? "positive" : "negative", at));
    if (kind == 1)
        out->content =
            phi_view_text(phi_arena_printf(arena, "{\"contactAt\":\"%s\",\"distance\":\"%s\"}", at,
                                           next_random(2) == 0 ? "close" : "secondary"));
}

static bool is_verdict(const struct rules *rules, struct rules_input *input, int64_t at_us,
                       const struct rules_verdict *expected)
{
    struct rules_verdict found;
    json_t *a = NULL, *b = NULL;
    rules_grade(rules, input, at_us, &found);
    assert_int_equal(rules_reasons(&found, &a), PHI_OK);
    assert_int_equal(rules_reasons(expected, &b), PHI_OK);
    bool is_same = found.grade == expected->grade && json_equal(a, b) == 1;
    json_decref(a);
    json_decref(b);
    return is_same;
}

/* At no moment before `until` is the verdict another one; at it, it is. */
static bool check_until(const struct rules *rules, struct rules_input *input, int64_t now_us)
{
    struct rules_outcome outcome;
    struct rules_verdict then;
    rules_outcome(rules, input, now_us, &outcome);
    bool is_never = outcome.until_us == RULES_NEVER;
    int64_t end_us = is_never ? now_us + 800 * DAY_US : outcome.until_us;
    assert_true(end_us > now_us);
    assert_true(is_verdict(rules, input, now_us, &outcome.verdict));
    assert_true(is_verdict(rules, input, end_us - 1, &outcome.verdict));
    for (int i = 0; i < LOOKS; i++) {
        int64_t at_us = now_us + (int64_t)next_random((uint64_t)(end_us - now_us));
        assert_true(is_verdict(rules, input, at_us, &outcome.verdict));
    }
    if (is_never)
        return false;
    rules_grade(rules, input, outcome.until_us, &then);
    assert_int_equal(then.grade, outcome.then);
    assert_false(is_verdict(rules, input, outcome.until_us, &outcome.verdict));
    return true;
}

static void until_of(const struct rules *rules, int expected_min)
{
    int turns = 0;
    seed = 20261121;
    for (int i = 0; i < CASES; i++) {
        struct phi_arena *arena = phi_arena_new(ARENA_MAX);
        struct rules_fact facts[FACTS] = {0};
        struct rules_input *input = NULL;
        int64_t now_us = 1795233600000000 + (int64_t)next_random(400 * 86400) * 1000000 +
                         (int64_t)next_random(1000000);
        size_t count = next_random(FACTS + 1);
        for (size_t j = 0; j < count; j++)
            random_fact(arena, now_us, &facts[j]);
        qsort(facts, count, sizeof(facts[0]), newest_first);
        assert_int_equal(rules_input_new(arena, facts, count, now_us, &input), PHI_OK);
        turns += check_until(rules, input, now_us);
        phi_arena_free(arena);
    }
    assert_true(turns > expected_min);
}

static void until_is_tight(void **state)
{
    (void)state;
    struct rules *rules = NULL;
    assert_int_equal(rules_read(RULES_FOLDER "/320000.json", "320000", &rules, NULL), PHI_OK);
    until_of(rules, CASES / 2);
    rules_free(rules);
    rules = read_text(
        FILE_OF(RULE("before", NEAR("before", "observedAt", "9", "day"), "yellow", "") "," RULE(
            "after", NEAR("after", "observedAt", "1", "month"), "green",
            "") "," RULE("not-after", NEAR("not-after", "observedAt", "100", "hour"), "red",
                         "") "," RULE("month", MONTHS, "red",
                                      ",\"validTo\":\"2027-06-01T00:00:00Z\"") "," RULE("base",
                                                                                        ALWAYS,
                                                                                        "grey",
                                                                                        "")),
        NULL);
    until_of(rules, CASES / 2);
    rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grades),       cmocka_unit_test(refused_files),
        cmocka_unit_test(erring_rules), cmocka_unit_test(until_is_tight),
        cmocka_unit_test(source_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
