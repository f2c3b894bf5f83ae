#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S         ((int64_t)86400)
#define SECOND_US     ((int64_t)1000000)
#define CHINA_MIN     480
#define LAST_DAY_9999 ((int64_t)2932896)
#define FIRST_DAY_1   ((int64_t)-719162)

struct moment {
    int year, month, day, hour, minute, second;
};

static int64_t clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

static int64_t system_now_us(void *context)
{
    (void)context;
    return clock_us(CLOCK_REALTIME);
}

const struct phi_clock phi_clock_system = {system_now_us, NULL};

int64_t phi_clock_now_us(const struct phi_clock *clock)
{
    return clock != NULL ? clock->now_us(clock->context) : system_now_us(NULL);
}

int64_t phi_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

struct phi_deadline phi_deadline_in_ms(int64_t ms)
{
    int64_t now_us = phi_monotonic_us();
    int64_t most_ms = (INT64_MAX - now_us) / 1000;
    if (ms <= 0)
        return (struct phi_deadline){now_us};
    return (struct phi_deadline){now_us + (ms < most_ms ? ms : most_ms) * 1000};
}

/* Rounded up: a poll of that many milliseconds doesn't wake before the deadline. */
int64_t phi_deadline_left_ms(struct phi_deadline deadline)
{
    int64_t left_us = deadline.at_us - phi_monotonic_us();
    return left_us > 0 ? (left_us - 1) / 1000 + 1 : 0;
}

bool phi_deadline_is_past(struct phi_deadline deadline)
{
    return phi_monotonic_us() >= deadline.at_us;
}

struct phi_deadline phi_deadline_min(struct phi_deadline a, struct phi_deadline b)
{
    return a.at_us < b.at_us ? a : b;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool phi_date_is_real(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01 in the Gregorian calendar; the year is taken to begin in March, so that the
 * leap day comes last, and 400 years are 146,097 days. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_of_days(int64_t days, struct moment *out)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    out->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    out->month = (int)(month < 10 ? month + 3 : month - 9);
    out->year = (int)(year_of_era + era * 400 + (out->month <= 2));
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    if (value < least)
        return least;
    return value > most ? most : value;
}

static struct moment moment_of(int64_t local_s)
{
    int64_t days = local_s / DAY_S - (local_s % DAY_S < 0);
    int second = (int)(local_s - days * DAY_S);
    struct moment out = {.hour = second / 3600, .minute = second / 60 % 60, .second = second % 60};
    date_of_days(days, &out);
    return out;
}

static int64_t seconds_of(const struct moment *at)
{
    return days_of_date(at->year, at->month, at->day) * DAY_S + at->hour * 3600 + at->minute * 60 +
           at->second;
}

static bool moment_is_real(const struct moment *at)
{
    return phi_date_is_real(at->year, at->month, at->day) && at->hour < 24 && at->minute < 60 &&
           at->second < 60;
}

/* `count` digits; -1 (which makes any date unreal) and a failed reader when they are not digits. */
static int read_digits(struct phi_reader *in, size_t count)
{
    int value = 0;
    struct phi_view digits = phi_read_view(in, count);
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            in->failed = true;
            return -1;
        }
        value = value * 10 + (digits.data[i] - '0');
    }
    return value;
}

static void expect(struct phi_reader *in, char c)
{
    if (phi_read_u8(in) != (uint8_t)c)
        in->failed = true;
}

/* Every event and answer carries a time, so printf's ways are too long. */
static char *put_digits(char *at, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

static char *put_part(char *at, char sign, int value)
{
    *at = sign;
    return put_digits(at + 1, value, 2);
}

void phi_time14_format(int64_t time_s, int offset_min, char out[PHI_TIME14_LEN + 1])
{
    int64_t most_s = (LAST_DAY_9999 + 1) * DAY_S - 1;
    int64_t local_s = clamp(time_s, -DAY_S, most_s) + (int64_t)offset_min * 60;
    struct moment at = moment_of(clamp(local_s, 0, most_s));
    char text[64];
    snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02d", at.year, at.month, at.day, at.hour,
             at.minute, at.second);
    snprintf(out, PHI_TIME14_LEN + 1, "%.*s", PHI_TIME14_LEN, text);
}

enum phi_err phi_time14_parse(struct phi_view text, int offset_min, int64_t *time_s)
{
    struct phi_reader in = phi_reader_of(text);
    struct moment at = {.year = read_digits(&in, 4), .month = read_digits(&in, 2)};
    at.day = read_digits(&in, 2);
    at.hour = read_digits(&in, 2);
    at.minute = read_digits(&in, 2);
    at.second = read_digits(&in, 2);
    if (!phi_reader_done(&in) || !moment_is_real(&at) || at.year < 1970)
        return PHI_ERR_FIELD_VALUE;
    *time_s = seconds_of(&at) - (int64_t)offset_min * 60;
    return PHI_OK;
}

void phi_rfc3339_format(int64_t time_us, char out[PHI_RFC3339_MAX])
{
    int64_t offset_us = CHINA_MIN * 60 * SECOND_US;
    int64_t least_us = FIRST_DAY_1 * DAY_S * SECOND_US;
    int64_t most_us = (LAST_DAY_9999 + 1) * DAY_S * SECOND_US - 1;
    int64_t local_us = clamp(time_us, least_us - offset_us, most_us - offset_us) + offset_us;
    int64_t local_s = local_us / SECOND_US - (local_us % SECOND_US < 0);
    struct moment at = moment_of(local_s);
    int fraction = (int)(local_us - local_s * SECOND_US);
    char *to = put_digits(out, at.year, 4);
    to = put_part(to, '-', at.month);
    to = put_part(to, '-', at.day);
    to = put_part(to, 'T', at.hour);
    to = put_part(to, ':', at.minute);
    to = put_part(to, ':', at.second);
    if (fraction != 0) {
        *to = '.';
        to = put_digits(to + 1, fraction, 6);
    }
    memcpy(to, "+08:00", sizeof("+08:00"));
}

static void read_date(struct phi_reader *in, struct moment *at)
{
    at->year = read_digits(in, 4);
    expect(in, '-');
    at->month = read_digits(in, 2);
    expect(in, '-');
    at->day = read_digits(in, 2);
}

/* Consumes ".123" when it is there; the value in µs. */
static int read_fraction(struct phi_reader *in)
{
    int value = 0;
    int unit = 100000;
    if (phi_reader_left(in) == 0 || *in->at != '.')
        return 0;
    phi_read_u8(in);
    do {
        value += unit * read_digits(in, 1);
        unit /= 10;
    } while (unit > 0 && phi_reader_left(in) > 0 && *in->at >= '0' && *in->at <= '9');
    return value;
}

static int64_t read_offset_s(struct phi_reader *in)
{
    uint8_t sign = phi_read_u8(in);
    if (sign == 'Z')
        return 0;
    int hour = read_digits(in, 2);
    expect(in, ':');
    int minute = read_digits(in, 2);
    if ((sign != '+' && sign != '-') || hour > 23 || minute > 59)
        in->failed = true;
    int64_t offset_s = hour * 3600 + minute * 60;
    return sign == '-' ? -offset_s : offset_s;
}

/* What is read can always be written again: in UTC+8 the year is 0001 to 9999. */
static bool can_be_written(int64_t time_s)
{
    int64_t local_s = time_s + (int64_t)CHINA_MIN * 60;
    return local_s >= FIRST_DAY_1 * DAY_S && local_s < (LAST_DAY_9999 + 1) * DAY_S;
}

enum phi_err phi_rfc3339_parse(struct phi_view text, int64_t *time_us)
{
    struct phi_reader in = phi_reader_of(text);
    struct moment at = {0};
    read_date(&in, &at);
    expect(&in, 'T');
    at.hour = read_digits(&in, 2);
    expect(&in, ':');
    at.minute = read_digits(&in, 2);
    expect(&in, ':');
    at.second = read_digits(&in, 2);
    int fraction_us = read_fraction(&in);
    int64_t offset_s = read_offset_s(&in);
    if (!phi_reader_done(&in) || !moment_is_real(&at))
        return PHI_ERR_FIELD_VALUE;
    int64_t time_s = seconds_of(&at) - offset_s;
    if (!can_be_written(time_s))
        return PHI_ERR_FIELD_VALUE;
    *time_us = time_s * SECOND_US + fraction_us;
    return PHI_OK;
}

enum phi_err phi_date_parse(struct phi_view text, int *year, int *month, int *day)
{
    struct phi_reader in = phi_reader_of(text);
    struct moment at = {0};
    read_date(&in, &at);
    if (!phi_reader_done(&in) || !phi_date_is_real(at.year, at.month, at.day))
        return PHI_ERR_FIELD_VALUE;
    *year = at.year;
    *month = at.month;
    *day = at.day;
    return PHI_OK;
}
