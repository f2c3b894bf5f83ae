#include "case.h"

#include "base/time.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#define SECOND_US ((int64_t)1000000)

static int64_t fixed_now_us(void *context)
{
    return *(int64_t *)context;
}

static void clocks(void **state)
{
    (void)state;
    int64_t given_us = 1234567890123456;
    struct phi_clock clock = {fixed_now_us, &given_us};
    assert_true(phi_clock_now_us(&clock) == given_us);
    int64_t before_s = (int64_t)time(NULL);
    int64_t now_us = phi_clock_now_us(NULL);
    assert_true(now_us / SECOND_US >= before_s - 1 && now_us / SECOND_US <= before_s + 60);
    assert_true(phi_clock_now_us(&phi_clock_system) >= now_us - 60 * SECOND_US);
    int64_t first_us = phi_monotonic_us();
    assert_true(phi_monotonic_us() >= first_us);
}

static void deadlines(void **state)
{
    (void)state;
    assert_true(phi_deadline_is_past(phi_deadline_in_ms(0)));
    assert_true(phi_deadline_is_past(phi_deadline_in_ms(-5)));
    assert_true(phi_deadline_is_past(phi_deadline_in_ms(INT64_MIN)));
    assert_true(phi_deadline_left_ms(phi_deadline_in_ms(-5)) == 0);
    struct phi_deadline minute = phi_deadline_in_ms(60000);
    assert_false(phi_deadline_is_past(minute));
    int64_t left_ms = phi_deadline_left_ms(minute);
    assert_true(left_ms > 50000 && left_ms <= 60000);
    struct phi_deadline never = phi_deadline_in_ms(INT64_MAX);
    assert_false(phi_deadline_is_past(never));
    assert_true(phi_deadline_left_ms(never) > 60000);
    assert_true(phi_deadline_min(minute, never).at_us == minute.at_us);
    assert_true(phi_deadline_min(never, minute).at_us == minute.at_us);
    /* rounded up */
    struct phi_deadline near = {phi_monotonic_us() + 900};
    assert_true(phi_deadline_left_ms(near) == 1 || phi_deadline_is_past(near));
    /* a wait of what is left always reaches the deadline */
    struct phi_deadline soon = phi_deadline_in_ms(3);
    poll(NULL, 0, (int)phi_deadline_left_ms(soon));
    assert_true(phi_deadline_is_past(soon));
}

static void time14_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int offset_min;
        int64_t time_s;
    } cases[] = {
        {"19700101000000", 0, 0},
        {"19700101080000", 480, 0},
        {"19700101000000", 480, -28800},
        {"20000229235959", 0, 951868799},
        {"20210930120000", 480, 1632974400},
        {"20261121080000", 0, 1795248000},
        {"20380119031408", 0, 2147483648},
        {"21000301000000", 0, 4107542400},
        {"99991231235959", 0, 253402300799},
        {"99991231235959", 480, 253402271999},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        char text[PHI_TIME14_LEN + 1];
        int64_t time_s = 1;
        phi_time14_format(cases[i].time_s, cases[i].offset_min, text);
        phi_check(cases[i].text, strcmp(text, cases[i].text) == 0);
        phi_check(cases[i].text, phi_time14_parse(phi_view_text(cases[i].text), cases[i].offset_min,
                                                  &time_s) == PHI_OK);
        phi_check(cases[i].text, time_s == cases[i].time_s);
    }
}

static void time14_is_clamped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int offset_min;
        int64_t time_s;
    } cases[] = {
        {"19700101000000", 0, -1},
        {"19700101000000", 480, -28801},
        {"19700101000000", 480, INT64_MIN},
        {"99991231235959", 0, 253402300800},
        {"99991231235959", 480, 253402272000},
        {"99991231235959", 480, INT64_MAX},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        char text[PHI_TIME14_LEN + 1];
        phi_time14_format(cases[i].time_s, cases[i].offset_min, text);
        phi_check(cases[i].text, strcmp(text, cases[i].text) == 0);
    }
}

static void time14_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"empty", ""},
        {"13 digits", "2021093012000"},
        {"15 digits", "202109301200000"},
        {"letter", "2021093012000a"},
        {"space", "20210930 20000"},
        {"sign", "-0210930120000"},
        {"before 1970", "19691231235959"},
        {"year 0", "00000101000000"},
        {"month 0", "20210030120000"},
        {"month 13", "20211330120000"},
        {"day 0", "20210900120000"},
        {"31 September", "20210931120000"},
        {"29 February of a common year", "20210229120000"},
        {"29 February 2100", "21000229120000"},
        {"hour 24", "20210930240000"},
        {"minute 60", "20210930126000"},
        {"leap second", "20210930235960"},
        {"full width", "２０２１09301200"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        int64_t time_s = 77;
        phi_check(cases[i].name, phi_time14_parse(phi_view_text(cases[i].text), 0, &time_s) ==
                                     PHI_ERR_FIELD_VALUE);
        phi_check(cases[i].name, time_s == 77);
    }
}

static void rfc3339_reads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_us;
        const char *written;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T08:00:00+08:00"},
        {"1970-01-01T08:00:00+08:00", 0, "1970-01-01T08:00:00+08:00"},
        {"2026-11-21T08:00:00.123456+08:00", 1795219200123456, "2026-11-21T08:00:00.123456+08:00"},
        {"2026-11-21T08:00:00.1+08:00", 1795219200100000, "2026-11-21T08:00:00.100000+08:00"},
        {"2026-11-21T08:00:00.000000+08:00", 1795219200000000, "2026-11-21T08:00:00+08:00"},
        {"2026-11-21T00:00:00-00:00", 1795219200000000, "2026-11-21T08:00:00+08:00"},
        {"2026-11-20T18:30:00-05:30", 1795219200000000, "2026-11-21T08:00:00+08:00"},
        {"2026-11-21T23:59:00+23:59", 1795219200000000, "2026-11-21T08:00:00+08:00"},
        {"1969-12-31T23:59:59.999999Z", -1, "1970-01-01T07:59:59.999999+08:00"},
        {"1900-03-01T00:00:00+08:00", -2203891200000000 - 28800000000, "1900-03-01T00:00:00+08:00"},
        {"0001-01-01T00:00:00+08:00", -62135596800000000 - 28800000000,
         "0001-01-01T00:00:00+08:00"},
        {"9999-12-31T23:59:59.999999+08:00", 253402271999999999,
         "9999-12-31T23:59:59.999999+08:00"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        int64_t time_us = 77;
        char text[PHI_RFC3339_MAX];
        phi_check(cases[i].text,
                  phi_rfc3339_parse(phi_view_text(cases[i].text), &time_us) == PHI_OK);
        phi_check(cases[i].text, time_us == cases[i].time_us);
        phi_rfc3339_format(time_us, text);
        phi_check(cases[i].text, strcmp(text, cases[i].written) == 0);
    }
}

static void rfc3339_refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026-11-21",
        "2026-11-21T08:00:00",
        "2026-11-21T08:00Z",
        "2026-11-21 08:00:00Z",
        "2026-11-21t08:00:00Z",
        "2026-11-21T08:00:00z",
        "2026-11-21T08:00:00Z ",
        " 2026-11-21T08:00:00Z",
        "2026-11-21T08:00:00ZZ",
        "2026-11-21T08:00:00.Z",
        "2026-11-21T08:00:00.1234567Z",
        "2026-11-21T08:00:00,5Z",
        "2026-11-21T08:00:00+0800",
        "2026-11-21T08:00:00+08",
        "2026-11-21T08:00:00+24:00",
        "2026-11-21T08:00:00+08:60",
        "2026-11-21T08:00:00 08:00",
        "2026-11-21T24:00:00Z",
        "2026-11-21T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-02-29T08:00:00Z",
        "2026-13-01T08:00:00Z",
        "2026-00-01T08:00:00Z",
        "2026-11-00T08:00:00Z",
        "2026-1-21T08:00:00Z",
        "26-11-21T08:00:00Z",
        "12026-11-21T08:00:00Z",
        "-026-11-21T08:00:00Z",
        "+026-11-21T08:00:00Z",
        "0000-11-21T08:00:00Z",
        "0001-01-01T00:00:00+09:00",
        "9999-12-31T23:59:59Z",
        "20261121T080000Z",
        "2026/11/21T08:00:00Z",
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        int64_t time_us = 77;
        phi_check(cases[i],
                  phi_rfc3339_parse(phi_view_text(cases[i]), &time_us) == PHI_ERR_FIELD_VALUE);
        phi_check(cases[i], time_us == 77);
    }
    int64_t time_us = 77;
    assert_int_equal(phi_rfc3339_parse(phi_view_of("2026-11-21T08:00:00Z\0", 21), &time_us),
                     PHI_ERR_FIELD_VALUE);
}

static void rfc3339_is_clamped(void **state)
{
    (void)state;
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00+08:00");
    phi_rfc3339_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999+08:00");
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int year, month, day; /* 0: refused */
    } cases[] = {
        {"2024-02-29", 2024, 2, 29},  {"2000-02-29", 2000, 2, 29},
        {"1949-10-01", 1949, 10, 1},  {"0001-01-01", 1, 1, 1},
        {"9999-12-31", 9999, 12, 31}, {"1900-02-29", 0, 0, 0},
        {"2023-02-29", 0, 0, 0},      {"2023-04-31", 0, 0, 0},
        {"0000-01-01", 0, 0, 0},      {"2023-4-30", 0, 0, 0},
        {"2023-04-30T", 0, 0, 0},     {"20230430", 0, 0, 0},
        {"2023/04/30", 0, 0, 0},      {"", 0, 0, 0},
        {"2023-04-3a", 0, 0, 0},      {"2023-04-3", 0, 0, 0},
        {"2023--4-30", 0, 0, 0},      {"2023-04--1", 0, 0, 0},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        int year = 0, month = 0, day = 0;
        enum phi_err err = phi_date_parse(phi_view_text(cases[i].text), &year, &month, &day);
        phi_check(cases[i].text, err == (cases[i].year > 0 ? PHI_OK : PHI_ERR_FIELD_VALUE));
        phi_check(cases[i].text, year == cases[i].year && month == cases[i].month);
        phi_check(cases[i].text, day == cases[i].day);
    }
    assert_false(phi_date_is_real(10000, 1, 1));
    assert_false(phi_date_is_real(2023, 1, -1));
    assert_false(phi_date_is_real(-1, 1, 1));
}

/* The C library's calendar is the witness, one moment a day over the years that matter. */
static void agrees_with_gmtime(void **state)
{
    (void)state;
    for (int64_t time_s = 0; time_s < 4133980800; time_s += 86400 + 997) {
        time_t moment = (time_t)time_s;
        struct tm parts;
        assert_non_null(gmtime_r(&moment, &parts));
        char expected[32], text[PHI_TIME14_LEN + 1];
        strftime(expected, sizeof(expected), "%Y%m%d%H%M%S", &parts);
        phi_time14_format(time_s, 0, text);
        assert_string_equal(text, expected);
        int64_t back_s = -1;
        assert_int_equal(phi_time14_parse(phi_view_text(text), 0, &back_s), PHI_OK);
        assert_true(back_s == time_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(time14_both_ways),
        cmocka_unit_test(time14_is_clamped),
        cmocka_unit_test(time14_refuses),
        cmocka_unit_test(rfc3339_reads),
        cmocka_unit_test(rfc3339_refuses),
        cmocka_unit_test(rfc3339_is_clamped),
        cmocka_unit_test(dates),
        cmocka_unit_test(agrees_with_gmtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
