/* Grading people, without the database: from a person's facts as rows have them to grade, reasons,
 * until and then. 320000's rules, four kinds of people, one to three facts each.
 *
 * regrade.eval is what both regrade.same and regrade.all spend in our process beside reading and
 * writing rows; its peer is parsing the same facts with jansson alone, without any rule. */
#include "tests/bench/bench.h"
#include "svc-directory/rules/rules.h"

#include <jansson.h>

#define PEOPLE     256
#define FACTS_MAX  3
#define PERSON_MAX (64 * 1024 * 1024)
#define NOW_US     1795233600000000
#define DAY_US     86400000000

struct person {
    struct rules_fact facts[FACTS_MAX];
    size_t count;
};

struct bench {
    const struct rules *rules;
    struct person people[PEOPLE];
    int64_t grades;
};

static const char *const contents[] = {
    "{\"basicRegion\":\"320102\",\"contact\":\"none\",\"isolation\":\"none\",\"riskStays\":[],"
    "\"symptoms\":[],\"temperature\":36.5,\"vaccinationDoses\":3}",
    "{\"method\":\"nucleic-acid\",\"result\":\"negative\",\"sampledAt\":\"2026-11-20T08:00:00+08:"
    "00\"}",
    "{\"contactAt\":\"2026-11-15T08:00:00+08:00\",\"distance\":\"secondary\",\"region\":"
    "\"320102\"}",
    "{\"method\":\"nucleic-acid\",\"result\":\"positive\",\"sampledAt\":\"2026-11-12T08:00:00+08:"
    "00\"}",
};
static const char *const sources[] = {"declare.health", "source.tests", "source.contacts",
                                      "source.tests"};

static void make_people(struct bench *bench)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        struct person *person = &bench->people[i];
        person->count = 1 + i % FACTS_MAX;
        for (size_t j = 0; j < person->count; j++) {
            /* one in eight has a second contact, one in sixteen a positive test */
            size_t kind = j == 2 && i % 16 == 5 ? 3 : j == 1 && i % 8 == 1 ? 2 : j == 0 ? 0 : 1;
            person->facts[j] =
                (struct rules_fact){.source = phi_view_text(sources[kind]),
                                    .institution = phi_view_text("cdc-320102"),
                                    .content = phi_view_text(contents[kind]),
                                    .observed_us = NOW_US - (int64_t)(j + 1) * DAY_US};
        }
    }
}

static size_t grade_all(void *context)
{
    struct bench *bench = context;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct rules_outcome outcome;
        struct rules_input *input = NULL;
        struct phi_arena *arena = phi_arena_new(PERSON_MAX);
        if (arena == NULL || rules_input_new(arena, bench->people[i].facts, bench->people[i].count,
                                             NOW_US, &input) != PHI_OK)
            exit(1);
        rules_outcome(bench->rules, input, NOW_US, &outcome);
        bench->grades += outcome.verdict.grade;
        phi_arena_free(arena);
    }
    return PEOPLE;
}

static size_t parse_all(void *context)
{
    struct bench *bench = context;
    for (size_t i = 0; i < PEOPLE; i++)
        for (size_t j = 0; j < bench->people[i].count; j++) {
            struct phi_view text = bench->people[i].facts[j].content;
            json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
            if (json == NULL)
                exit(1);
            json_decref(json);
        }
    return PEOPLE;
}

int main(void)
{
    static struct bench bench;
    struct phi_error error = {.code = PHI_OK};
    struct rules *rules = NULL;
    struct bench_series ours = {{0}, 0}, peer = {{0}, 0};
    const struct bench_options options = bench_options_get();
    if (rules_read(BENCH_RULES, "320000", &rules, &error) != PHI_OK) {
        (void)fprintf(stderr, "%s: %s\n", error.place, error.text);
        return 1;
    }
    bench.rules = rules;
    make_people(&bench);
    for (size_t i = 0; i < options.rounds; i++) {
        bench_series_add(&ours, bench_rate(grade_all, &bench, options.ms));
        bench_series_add(&peer, bench_rate(parse_all, &bench, options.ms));
    }
    bench_print("regrade.eval", "people/s", &ours, "jansson, the facts alone", &peer, 1);
    rules_free(rules);
    return bench.grades == 0;
}
