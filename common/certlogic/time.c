#include "certlogic/time.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS     86400000LL
#define HOUR_MS    3600000LL
#define MINUTE_MS  60000LL
#define RANGE_MS   8640000000000000LL /* a Date is at most this far from 1970 */
#define AMOUNT_MAX 1e10

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

/* A text under the eyes of the parser. */
struct reader {
    const char *at;
    const char *end;
};

static bool is_digit(const struct reader *r, size_t i)
{
    return (size_t)(r->end - r->at) > i && r->at[i] >= '0' && r->at[i] <= '9';
}

/* Exactly `count` digits; moves on. */
static bool take_number(struct reader *r, int count, int64_t *out)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit(r, (size_t)i))
            return false;
        value = value * 10 + (r->at[i] - '0');
    }
    r->at += count;
    *out = value;
    return true;
}

static bool is_at_end(const struct reader *r)
{
    return r->at == r->end;
}

static bool take(struct reader *r, char wanted)
{
    if (is_at_end(r) || *r->at != wanted)
        return false;
    r->at++;
    return true;
}

/* What is finer than a millisecond is dropped. */
static bool take_fraction(struct reader *r, int64_t *ms)
{
    int64_t unit = 100;
    *ms = 0;
    if (!take(r, '.'))
        return true;
    if (!is_digit(r, 0))
        return false;
    for (; is_digit(r, 0); r->at++, unit /= 10)
        *ms += (*r->at - '0') * unit;
    return true;
}

struct offset {
    int64_t sign;
    int64_t hours;
    int64_t minutes;
};

/* Nothing, Z, ±h, ±hh, ±hmm, ±hhmm, ±h:mm or ±hh:mm; the colon may stand alone */
static bool take_offset(struct reader *r, struct offset *out)
{
    if (is_at_end(r) || take(r, 'Z'))
        return true;
    out->sign = *r->at == '-' ? -1 : 1;
    if (!take(r, '+') && !take(r, '-'))
        return false;
    size_t digits = 0;
    while (is_digit(r, digits))
        digits++;
    int of_hours = digits == 1 || digits == 3 ? 1 : 2;
    if (!take_number(r, of_hours, &out->hours))
        return false;
    bool has_minutes = take(r, ':') ? !is_at_end(r) : digits > 2;
    return !has_minutes || take_number(r, 2, &out->minutes);
}

struct clock {
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t ms;
    struct offset offset;
};

static bool take_clock(struct reader *r, struct clock *out)
{
    return take(r, 'T') && take_number(r, 2, &out->hour) && take(r, ':') &&
           take_number(r, 2, &out->minute) && take(r, ':') && take_number(r, 2, &out->second) &&
           take_fraction(r, &out->ms) && take_offset(r, &out->offset);
}

/* 24:00:00 is the midnight that ends the day. */
static bool is_clock(const struct clock *c)
{
    bool is_midnight = c->hour == 24 && c->minute == 0 && c->second == 0 && c->ms == 0;
    return (c->hour < 24 || is_midnight) && c->minute < 60 && c->second < 60 &&
           c->offset.hours < 24 && c->offset.minutes < 60;
}

static int64_t clock_ms(const struct clock *c)
{
    return (c->hour - c->offset.sign * c->offset.hours) * HOUR_MS +
           (c->minute - c->offset.sign * c->offset.minutes) * MINUTE_MS + c->second * 1000 + c->ms;
}

static enum phi_certlogic_when read_full(struct phi_view text, bool date_only, int64_t *ms)
{
    struct civil civil = {0};
    struct clock clock = {0};
    struct reader r = {(const char *)text.data, (const char *)text.data + text.len};
    bool is_date = take_number(&r, 4, &civil.year) && take(&r, '-') &&
                   take_number(&r, 2, &civil.month) && take(&r, '-') &&
                   take_number(&r, 2, &civil.day);
    if (!is_date || (date_only && !is_at_end(&r)))
        return PHI_CERTLOGIC_WHEN_NONE;
    if (!is_at_end(&r) && (!take_clock(&r, &clock) || !is_at_end(&r)))
        return PHI_CERTLOGIC_WHEN_NONE;
    if (civil.month < 1 || civil.month > 12 || civil.day < 1 || civil.day > 31 || !is_clock(&clock))
        return PHI_CERTLOGIC_WHEN_INVALID;
    *ms = days_of(civil) * DAY_MS + clock_ms(&clock);
    return PHI_CERTLOGIC_WHEN_MS;
}

/* "2021" and "2021-02" are their last day. */
static enum phi_certlogic_when read_partial(struct phi_view text, int64_t *ms)
{
    struct civil civil = {.month = 12, .day = 1};
    struct reader r = {(const char *)text.data, (const char *)text.data + text.len};
    if (!take_number(&r, 4, &civil.year))
        return PHI_CERTLOGIC_WHEN_NONE;
    if (!is_at_end(&r) && (!take(&r, '-') || !take_number(&r, 2, &civil.month) || !is_at_end(&r)))
        return PHI_CERTLOGIC_WHEN_NONE;
    if (civil.month < 1 || civil.month > 12)
        return PHI_CERTLOGIC_WHEN_INVALID;
    struct civil next = {
        .year = civil.year + (civil.month == 12), .month = civil.month % 12 + 1, .day = 1};
    *ms = (days_of(next) - 1) * DAY_MS;
    return PHI_CERTLOGIC_WHEN_MS;
}

enum phi_certlogic_when phi_certlogic_time_parse(struct phi_view text, bool partial, int64_t *ms)
{
    bool is_short = text.len < sizeof("2021-02-28") - 1;
    return is_short && partial ? read_partial(text, ms) : read_full(text, false, ms);
}

enum phi_certlogic_when phi_certlogic_birth_parse(struct phi_view text, int64_t *ms)
{
    bool is_short = text.len < sizeof("2021-02-28") - 1;
    return is_short ? read_partial(text, ms) : read_full(text, true, ms);
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

bool phi_certlogic_time_plus(int64_t ms, double amount, enum phi_certlogic_unit unit, int64_t *out)
{
    static const int64_t months[] = {[PHI_CERTLOGIC_YEAR] = 12, [PHI_CERTLOGIC_MONTH] = 1};
    static const int64_t lengths_ms[] = {
        [PHI_CERTLOGIC_DAY] = DAY_MS, [PHI_CERTLOGIC_HOUR] = HOUR_MS};
    if (fabs(amount) > (unit == PHI_CERTLOGIC_HOUR ? AMOUNT_MAX : AMOUNT_MAX / 24))
        return false;
    bool is_linear = unit == PHI_CERTLOGIC_DAY || unit == PHI_CERTLOGIC_HOUR;
    *out = is_linear ? ms + (int64_t)amount * lengths_ms[unit]
                     : plus_months(ms, (int64_t)amount * months[unit]);
    return *out >= -RANGE_MS && *out <= RANGE_MS;
}

int64_t phi_certlogic_time_next_day(int64_t ms)
{
    return (floor_days(ms) + 1) * DAY_MS;
}

/* Years that have no four digits get six and a sign. */
void phi_certlogic_time_format(int64_t ms, char out[PHI_CERTLOGIC_TIME_MAX])
{
    int64_t days = floor_days(ms);
    struct civil civil = civil_of(days);
    int64_t rest = ms - days * DAY_MS;
    char year[16];
    bool is_plain = civil.year >= 0 && civil.year <= 9999;
    snprintf(year, sizeof(year), is_plain ? "%04d" : "%+07d", (int)civil.year);
    snprintf(out, PHI_CERTLOGIC_TIME_MAX, "%s-%02d-%02dT%02d:%02d:%02d.%03dZ", year,
             (int)civil.month, (int)civil.day, (int)(rest / HOUR_MS), (int)(rest / MINUTE_MS % 60),
             (int)(rest / 1000 % 60), (int)(rest % 1000));
}
