/* Places and sources as published, and where facts say that people were. */
#include "case.h"

#include "svc-directory/facts/reference.h"
#include "svc-directory/facts/stays.h"

#include <stdio.h>
#include <string.h>

#define DAY  "2026-11-20T00:00:00+08:00"
#define LATE "2026-11-21T00:00:00+08:00"

/* What a source's fact says, as "place from-to" in seconds from DAY; "*" while it lasts. */
static void cases_of_stays(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *source;
        const char *content;
        const char *stays;
    } cases[] = {
        {"declared", "declare.health",
         "{\"riskStays\":[{\"region\":\"320102\",\"from\":\"" DAY "\",\"to\":\"" LATE "\"},"
         "{\"region\":\"330100\",\"from\":\"" DAY "\",\"to\":\"" DAY "\"}]}",
         "r320102 0-86400;r330100 0-0;"},
        {"none declared", "declare.health", "{\"riskStays\":[]}", ""},
        {"a trip is two moments", "declare.trip",
         "{\"fromRegion\":\"320100\",\"toRegion\":\"110000\",\"departedAt\":\"" DAY
         "\",\"arrivedAt\":\"" LATE "\"}",
         "r320100 0-0;r110000 86400-86400;"},
        {"a ticket", "source.travel",
         "{\"fromRegion\":\"320100\",\"toRegion\":\"110000\",\"departedAt\":\"" DAY
         "\",\"arrivedAt\":\"" LATE "\"}",
         "r320100 0-0;r110000 86400-86400;"},
        {"roaming", "source.roaming",
         "{\"region\":\"320102\",\"from\":\"" DAY "\",\"to\":\"" LATE "\"}", "r320102 0-86400;"},
        {"a venue, still there", "source.venues",
         "{\"region\":\"320102\",\"placeId\":\"v-1\",\"from\":\"" DAY "\"}",
         "r320102 0-*;pv-1 0-*;"},
        {"a checkpoint", "source.checkpoints",
         "{\"region\":\"320102\",\"placeId\":\"gate.7\",\"passedAt\":\"" LATE "\"}",
         "r320102 86400-86400;pgate.7 86400-86400;"},
        {"a contact somewhere", "source.contacts",
         "{\"region\":\"320102\",\"contactAt\":\"" DAY "\"}", "r320102 0-0;"},
        {"a contact nobody knows where", "source.contacts", "{\"contactAt\":\"" DAY "\"}", ""},
        {"a survey", "source.surveys",
         "{\"stays\":[{\"region\":\"320102\",\"from\":\"" DAY "\",\"to\":\"" LATE "\"}]}",
         "r320102 0-86400;"},
        {"the end before the beginning", "source.roaming",
         "{\"region\":\"320102\",\"from\":\"" LATE "\",\"to\":\"" DAY "\"}", ""},
        {"no time", "source.roaming", "{\"region\":\"320102\",\"from\":1,\"to\":2}", ""},
        {"no word", "source.venues",
         "{\"region\":\"32 \",\"placeId\":\"a b\",\"from\":\"" DAY "\"}", ""},
        {"a source without places", "source.tests", "{\"region\":\"320102\"}", ""},
    };
    int64_t day_us = 0;
    assert_int_equal(phi_rfc3339_parse(phi_view_text(DAY), &day_us), PHI_OK);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct stay stays[4];
        char told[2048] = "", end[24];
        json_t *content = NULL;
        assert_int_equal(phi_json_parse(phi_view_text(cases[i].content), 4, &content, NULL),
                         PHI_OK);
        size_t count = stays_of(cases[i].source, content, stays, PHI_COUNT(stays));
        for (size_t k = 0; k < count; k++) {
            snprintf(end, sizeof(end), "%lld", (long long)(stays[k].to_us - day_us) / 1000000);
            snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s %lld-%s;",
                     stays[k].place, (long long)(stays[k].from_us - day_us) / 1000000,
                     stays[k].to_us == INT64_MAX ? "*" : end);
        }
        phi_check(cases[i].name, strcmp(told, cases[i].stays) == 0);
        phi_check(cases[i].name, stays_of(cases[i].source, content, stays, 0) == 0);
        json_decref(content);
    }
}

#define PLACE(kind, where, risk, state, version)                                                   \
    "{\"kind\":\"" kind "\"," where ",\"risk\":\"" risk "\",\"from\":\"" DAY                       \
    "\",\"to\":null,\"state\":\"" state "\",\"version\":" version "}"

static void cases_of_places(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        enum phi_err err;
        const char *low;
        const char *high;
        int risk;
    } cases[] = {
        {"a province", PLACE("region", "\"region\":\"320000\"", "high", "in-force", "7"), PHI_OK,
         "r32", "r32~", 3},
        {"a city", PLACE("region", "\"region\":\"320100\"", "medium", "in-force", "7"), PHI_OK,
         "r3201", "r3201~", 2},
        {"a district", PLACE("region", "\"region\":\"320102\"", "low", "in-force", "7"), PHI_OK,
         "r320102", "r320102", 1},
        {"a venue",
         PLACE("venue", "\"region\":\"320102\",\"placeId\":\"v-1\"", "high", "in-force", "7"),
         PHI_OK, "pv-1", "pv-1", 3},
        {"withdrawn", PLACE("region", "\"region\":\"320102\"", "high", "withdrawn", "7"), PHI_OK,
         "r320102", "r320102", 0},
        {"a venue without id", PLACE("venue", "\"region\":\"320102\"", "high", "in-force", "7"),
         PHI_ERR_FIELD_MISSING, "", "", 0},
        {"no region", PLACE("region", "\"region\":\"990000\"", "high", "in-force", "7"),
         PHI_ERR_FIELD_VALUE, "", "", 0},
        {"no risk known", PLACE("region", "\"region\":\"320102\"", "some", "in-force", "7"),
         PHI_ERR_FIELD_VALUE, "", "", 0},
        {"another version", PLACE("region", "\"region\":\"320102\"", "high", "in-force", "8"),
         PHI_ERR_FIELD_VALUE, "", "", 0},
        {"no JSON", "{", PHI_ERR_JSON, "", "", 0},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        const struct phi_msg msg = {.key = phi_view_text("region/320000/1"),
                                    .value = phi_view_text(cases[i].value)};
        struct reference_place place = {.risk = 0};
        phi_check(cases[i].name,
                  reference_place_read(&msg, 7, arena, &place, NULL) == cases[i].err);
        phi_check(cases[i].name,
                  strcmp(place.low, cases[i].low) == 0 && strcmp(place.high, cases[i].high) == 0);
        phi_check(cases[i].name, place.risk == cases[i].risk);
        phi_check(cases[i].name,
                  cases[i].err != PHI_OK ||
                      (place.to_us == INT64_MAX && strcmp(place.entry, "region/320000/1") == 0));
        phi_arena_free(arena);
    }
}

static void cases_of_sources(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        enum phi_err err;
        bool is_ended;
    } cases[] = {
        {"heard",
         "{\"source\":\"source.tests\",\"state\":\"heard\",\"freshUntil\":\"" DAY
         "\",\"version\":7}",
         PHI_OK, false},
        {"ended",
         "{\"source\":\"source.tests\",\"state\":\"ended\",\"freshUntil\":\"" DAY
         "\",\"version\":7}",
         PHI_OK, true},
        {"no state", "{\"source\":\"source.tests\",\"freshUntil\":\"" DAY "\",\"version\":7}",
         PHI_ERR_FIELD_MISSING, false},
        {"no time", "{\"source\":\"source.tests\",\"state\":\"heard\",\"version\":7}",
         PHI_ERR_FIELD_MISSING, false},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        const struct phi_msg msg = {.key = phi_view_text("source.tests/lab"),
                                    .value = phi_view_text(cases[i].value)};
        struct reference_source source = {.is_ended = false};
        phi_check(cases[i].name,
                  reference_source_read(&msg, 7, arena, &source, NULL) == cases[i].err);
        phi_check(cases[i].name, source.is_ended == cases[i].is_ended);
        phi_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_of_stays),
        cmocka_unit_test(cases_of_places),
        cmocka_unit_test(cases_of_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
