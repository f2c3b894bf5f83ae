/* The states of a case as one table, and its deadlines on the working days of China. */
#include "case.h"
#include "svc-correction/steps/steps.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t at(const char *text)
{
    int64_t time_us = 0;
    assert_int_equal(phi_rfc3339_parse(phi_view_text(text), &time_us), PHI_OK);
    return time_us;
}

static struct calendar *shipped(void)
{
    char text[16384];
    struct calendar *calendar = NULL;
    struct phi_error error = {.code = PHI_OK};
    FILE *file = fopen(CALENDAR_FILE, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    assert_int_equal(calendar_read(phi_view_of((const uint8_t *)text, len), &calendar, &error),
                     PHI_OK);
    return calendar;
}

/* --- the calendar --- */

static const struct {
    const char *name;
    const char *json;
    enum phi_err err;
    const char *place;
} file_cases[] = {
    {"weekends only", "{\"source\":\"s\",\"years\":[2027],\"off\":[],\"worked\":[]}", PHI_OK, NULL},
    {"no source", "{\"years\":[2027],\"off\":[],\"worked\":[]}", PHI_ERR_FIELD_MISSING, "$.source"},
    {"no year", "{\"source\":\"s\",\"years\":[],\"off\":[],\"worked\":[]}", PHI_ERR_FIELD_VALUE,
     "$.years"},
    {"no day", "{\"source\":\"s\",\"years\":[2026],\"off\":[\"2026-02-30\"],\"worked\":[]}",
     PHI_ERR_FIELD_VALUE, "$.off[0]"},
    {"another year", "{\"source\":\"s\",\"years\":[2026],\"off\":[\"2027-01-01\"],\"worked\":[]}",
     PHI_ERR_FIELD_VALUE, "$.off[0]"},
    {"a weekend off", "{\"source\":\"s\",\"years\":[2026],\"off\":[\"2026-01-03\"],\"worked\":[]}",
     PHI_ERR_FIELD_VALUE, "$.off[0]"},
    {"a Monday worked",
     "{\"source\":\"s\",\"years\":[2026],\"off\":[],\"worked\":[\"2026-01-05\"]}",
     PHI_ERR_FIELD_VALUE, "$.worked[0]"},
    {"twice",
     "{\"source\":\"s\",\"years\":[2026],\"off\":[\"2026-01-01\",\"2026-01-01\"],\"worked\":[]}",
     PHI_ERR_FIELD_VALUE, "$.off[1]"},
    {"unknown member", "{\"source\":\"s\",\"years\":[2026],\"off\":[],\"worked\":[],\"x\":1}",
     PHI_ERR_FIELD_UNKNOWN, "$.x"},
    {"cut", "{\"source\":", PHI_ERR_JSON, "$"},
};

static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(file_cases); i++) {
        struct calendar *calendar = NULL;
        struct phi_error error = {.code = PHI_OK};
        enum phi_err err = calendar_read(phi_view_text(file_cases[i].json), &calendar, &error);
        phi_check(file_cases[i].name, err == file_cases[i].err);
        phi_check(file_cases[i].name,
                  err == PHI_OK || strcmp(error.place, file_cases[i].place) == 0);
        phi_check(file_cases[i].name, (calendar != NULL) == (err == PHI_OK));
        calendar_free(calendar);
    }
}

/* "days" counted from the moment: until the end of that working day. */
static const struct {
    const char *name;
    const char *from;
    int days;
    const char *due;
} due_cases[] = {
    {"tomorrow", "2026-11-17T09:00:00+08:00", 1, "2026-11-18T23:59:59.999999+08:00"},
    {"over a weekend", "2026-11-20T09:00:00+08:00", 1, "2026-11-23T23:59:59.999999+08:00"},
    {"today", "2026-11-20T09:00:00+08:00", 0, "2026-11-20T23:59:59.999999+08:00"},
    {"on a Sunday", "2026-11-22T09:00:00+08:00", 0, "2026-11-23T23:59:59.999999+08:00"},
    {"Spring Festival, from the worked Saturday", "2026-02-14T09:00:00+08:00", 1,
     "2026-02-24T23:59:59.999999+08:00"},
    {"to the worked Saturday after it", "2026-02-23T09:00:00+08:00", 5,
     "2026-02-28T23:59:59.999999+08:00"},
    {"National Day", "2026-09-30T23:59:59+08:00", 3, "2026-10-10T23:59:59.999999+08:00"},
    {"China's midnight, not UTC's", "2026-11-17T00:00:00+08:00", 1,
     "2026-11-18T23:59:59.999999+08:00"},
    {"a year not named has its weekends", "2027-10-01T09:00:00+08:00", 1,
     "2027-10-04T23:59:59.999999+08:00"},
};

static void deadlines(void **state)
{
    (void)state;
    struct calendar *calendar = shipped();
    for (size_t i = 0; i < PHI_COUNT(due_cases); i++)
        phi_check(due_cases[i].name, calendar_due(calendar, at(due_cases[i].from),
                                                  due_cases[i].days) == at(due_cases[i].due));
    assert_true(calendar_knows(calendar, at("2026-01-01T00:00:00+08:00")));
    assert_false(calendar_knows(calendar, at("2026-12-31T16:00:00Z")));
    assert_false(calendar_is_worked(calendar, at("2026-10-01T00:00:00+08:00")));
    assert_true(calendar_is_worked(calendar, at("2026-10-10T00:00:00+08:00")));
    calendar_free(calendar);
}

/* --- the table --- */

static void every_state_can_be_reached_and_none_holds_a_case_for_ever(void **state)
{
    (void)state;
    bool reached[STATE_COUNT] = {[STATE_RECEIVED] = true};
    for (int round = 0; round < STATE_COUNT; round++)
        for (int from = 0; from < STATE_COUNT; from++)
            for (int act = 0; act < ACT_COUNT; act++) {
                const struct step_row *row = step_find((enum step_state)from, (enum step_act)act);
                if (row != NULL && reached[from])
                    reached[row->to] = true;
            }
    for (int from = 0; from < STATE_COUNT; from++) {
        bool moves_by_itself = step_find((enum step_state)from, ACT_ESCALATE) != NULL ||
                               step_find((enum step_state)from, ACT_WAITED) != NULL;
        phi_check(step_state_name((enum step_state)from), reached[from]);
        phi_check(step_state_name((enum step_state)from),
                  moves_by_itself != step_is_over((enum step_state)from));
    }
}

/* Who decides is the second officer, and only about what was proposed. */
static void nobody_decides_what_was_not_proposed(void **state)
{
    (void)state;
    static const enum step_act acts[] = {ACT_DECIDE, ACT_REFUSE, ACT_RETURN};
    for (int from = 0; from < STATE_COUNT; from++)
        for (size_t i = 0; i < PHI_COUNT(acts); i++) {
            const struct step_row *row = step_find((enum step_state)from, acts[i]);
            assert_true((row != NULL) == (from == STATE_PROPOSED));
            assert_true(row == NULL || row->who == ACTOR_SECOND);
        }
    assert_null(step_find(STATE_REFUSED, ACT_PROPOSE));
    assert_null(step_find(STATE_CLOSED, ACT_APPEAL));
    assert_int_equal(step_find(STATE_REFUSED, ACT_APPEAL)->to, STATE_APPEALED);
    assert_int_equal(step_find(STATE_APPEALED, ACT_OVERTURN)->who, ACTOR_PLATFORM);
}

static void names_are_found_again(void **state)
{
    (void)state;
    enum step_state found;
    for (int i = 0; i < STATE_COUNT; i++) {
        assert_true(step_state_of(phi_view_text(step_state_name((enum step_state)i)), &found));
        assert_int_equal(found, i);
        assert_true(strlen(step_state_zh((enum step_state)i)) > 0);
    }
    assert_false(step_state_of(phi_view_text("lost"), &found));
    for (int i = 0; i < ACT_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(step_act_name((enum step_act)i),
                                    step_act_name((enum step_act)j));
}

static void states_end_by_the_clock_or_the_calendar(void **state)
{
    (void)state;
    struct calendar *calendar = shipped();
    int64_t now_us = at("2026-11-20T17:00:00+08:00");
    assert_true(step_due(STATE_PROPOSED, calendar, now_us) == at("2026-11-20T21:00:00+08:00"));
    assert_true(step_due(STATE_EVIDENCE_ASKED, calendar, now_us) ==
                at("2026-11-25T23:59:59.999999+08:00"));
    assert_true(step_due(STATE_TOLD, calendar, now_us) == INT64_MAX);
    calendar_free(calendar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(every_state_can_be_reached_and_none_holds_a_case_for_ever),
        cmocka_unit_test(nobody_decides_what_was_not_proposed),
        cmocka_unit_test(names_are_found_again),
        cmocka_unit_test(states_end_by_the_clock_or_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
