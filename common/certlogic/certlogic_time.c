#include "certlogic/certlogic.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS     86400000LL
#define HOUR_MS    3600000LL
#define MINUTE_MS  60000LL
#define AMOUNT_MAX 1000000

struct civil {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;
};

/* Days since 1970-01-01 of the proleptic Gregorian calendar; a day past its month's end runs on. */
static int64_t days_of(struct civil civil)
{
    int64_t year = civil.year - (civil.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month = (civil.month + 9) % 12;
    int64_t day_of_year = (153 * month + 2) / 5 + civil.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct civil civil_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){.year = yoe + era * 400 + (month <= 2),
                          .month = month,
                          .day = doy - (153 * mp + 2) / 5 + 1};
}

static int64_t floor_days(int64_t ms)
{
    return (ms >= 0 ? ms : ms - DAY_MS + 1) / DAY_MS;
}

/* Exactly `count` digits within bounds; moves on. */
static bool take_number(const char **at, int count, int64_t min, int64_t max, int64_t *out)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9')
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += count;
    *out = value;
    return value >= min && value <= max;
}

static bool take(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

/* What is finer than a millisecond is dropped. */
static bool take_fraction(const char **at, int64_t *ms)
{
    int64_t unit = 100;
    *ms = 0;
    if (!take(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        *ms += (**at - '0') * unit;
    return true;
}

/* Z, ±hh, ±hhmm or ±hh:mm */
static bool take_offset(const char **at, int64_t *ms)
{
    int64_t hours = 0, minutes = 0;
    *ms = 0;
    if (take(at, 'Z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (!take(at, '+') && !take(at, '-'))
        return false;
    if (!take_number(at, 2, 0, 23, &hours))
        return false;
    bool has_colon = take(at, ':');
    if ((has_colon || **at != '\0') && !take_number(at, 2, 0, 59, &minutes))
        return false;
    *ms = sign * (hours * HOUR_MS + minutes * MINUTE_MS);
    return true;
}

static bool take_clock(const char **at, int64_t *ms)
{
    int64_t hour = 0, minute = 0, second = 0, fraction = 0, offset = 0;
    bool is_there = take(at, 'T') && take_number(at, 2, 0, 23, &hour) && take(at, ':') &&
                    take_number(at, 2, 0, 59, &minute) && take(at, ':') &&
                    take_number(at, 2, 0, 59, &second) && take_fraction(at, &fraction) &&
                    take_offset(at, &offset);
    *ms = hour * HOUR_MS + minute * MINUTE_MS + second * 1000 + fraction - offset;
    return is_there;
}

enum phi_err certlogic_time_parse(const char *text, int64_t *ms)
{
    struct civil civil;
    int64_t clock_ms = 0;
    const char *at = text;
    bool is_date = take_number(&at, 4, 0, 9999, &civil.year) && take(&at, '-') &&
                   take_number(&at, 2, 1, 12, &civil.month) && take(&at, '-') &&
                   take_number(&at, 2, 1, 31, &civil.day);
    if (!is_date || (*at != '\0' && !take_clock(&at, &clock_ms)) || *at != '\0')
        return PHI_ERR_RULE;
    *ms = days_of(civil) * DAY_MS + clock_ms;
    return PHI_OK;
}

static int64_t plus_months(int64_t ms, int64_t months)
{
    int64_t days = floor_days(ms);
    struct civil civil = civil_of(days);
    int64_t month = civil.year * 12 + civil.month - 1 + months;
    int64_t year = (month >= 0 ? month : month - 11) / 12;
    struct civil moved = {.year = year, .month = month - year * 12 + 1, .day = civil.day};
    return days_of(moved) * DAY_MS + (ms - days * DAY_MS);
}

enum phi_err certlogic_time_plus(int64_t ms, int64_t amount, const char *unit, int64_t *out)
{
    if (amount < -AMOUNT_MAX || amount > AMOUNT_MAX)
        return PHI_ERR_RULE;
    if (strcmp(unit, "hour") == 0)
        *out = ms + amount * HOUR_MS;
    else if (strcmp(unit, "day") == 0)
        *out = ms + amount * DAY_MS;
    else if (strcmp(unit, "month") == 0)
        *out = plus_months(ms, amount);
    else if (strcmp(unit, "year") == 0)
        *out = plus_months(ms, amount * 12);
    else
        return PHI_ERR_RULE;
    return PHI_OK;
}

void certlogic_time_format(int64_t ms, char out[CERTLOGIC_TIME_MAX])
{
    int64_t days = floor_days(ms);
    struct civil civil = civil_of(days);
    int64_t rest = ms - days * DAY_MS;
    snprintf(out, CERTLOGIC_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)civil.year,
             (int)civil.month, (int)civil.day, (int)(rest / HOUR_MS), (int)(rest / MINUTE_MS % 60),
             (int)(rest / 1000 % 60), (int)(rest % 1000));
}
