#include "svc-correction/steps/calendar.h"

#include "base/time.h"

#include <stdlib.h>

#define DEPTH_MAX 3
#define DAY_US    (86400 * 1000000LL)
#define CHINA_US  (8 * 3600 * 1000000LL)
#define MONDAY    4 /* 1970-01-05, in days */

struct calendar {
    int years[CALENDAR_YEARS_MAX];
    size_t year_count;
    struct {
        int64_t day; /* since 1970-01-01 */
        bool is_worked;
    } named[CALENDAR_DAYS_MAX];
    size_t named_count;
};

/* --- days --- */

static int64_t day_of(int64_t at_us)
{
    int64_t local_us = at_us + CHINA_US;
    return local_us / DAY_US - (local_us % DAY_US < 0);
}

static bool is_weekend(int64_t day)
{
    int64_t since = (day - MONDAY) % 7;
    return (since < 0 ? since + 7 : since) >= 5;
}

static int year_of(int64_t day)
{
    int year = 0;
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(day * DAY_US - CHINA_US, text);
    for (size_t i = 0; i < 4; i++)
        year = 10 * year + (text[i] - '0');
    return year;
}

static bool has_year(const struct calendar *calendar, int year)
{
    for (size_t i = 0; i < calendar->year_count; i++)
        if (calendar->years[i] == year)
            return true;
    return false;
}

static bool is_worked_day(const struct calendar *calendar, int64_t day)
{
    for (size_t i = 0; i < calendar->named_count; i++)
        if (calendar->named[i].day == day)
            return calendar->named[i].is_worked;
    return !is_weekend(day);
}

/* --- reading --- */

static enum phi_err read_years(const struct phi_json_at *root, struct calendar *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at years;
    size_t count = 0;
    PHI_GUARD(phi_json_array(root, "years", 1, CALENDAR_YEARS_MAX, &years, &count, error));
    for (size_t i = 0; i < count; i++) {
        int64_t year = 0;
        struct phi_json_at item = phi_json_item(&years, i);
        PHI_GUARD(phi_json_as_int(&item, 2020, 2199, &year, error));
        out->years[out->year_count++] = (int)year;
    }
out:
    return err;
}

static enum phi_err read_day(const struct phi_json_at *at, int64_t *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_date date;
    char text[PHI_TIME14_LEN + 1];
    int64_t at_s = 0;
    PHI_GUARD(phi_json_as_date(at, &date, error));
    snprintf(text, sizeof(text), "%04d%02d%02d000000", date.year, date.month, date.day);
    PHI_GUARD(phi_time14_parse(phi_view_text(text), 0, &at_s));
    *out = at_s / 86400;
out:
    return err;
}

static enum phi_err add_day(const struct phi_json_at *at, bool is_worked, struct calendar *out,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t day = 0;
    PHI_GUARD(read_day(at, &day, error));
    if (!has_year(out, year_of(day)))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, at->path, "of a year not in `years`");
    if (is_weekend(day) != is_worked)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, at->path,
                             is_worked ? "no weekend" : "a weekend");
    for (size_t i = 0; i < out->named_count; i++)
        if (out->named[i].day == day)
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, at->path, "named twice");
    out->named[out->named_count].day = day;
    out->named[out->named_count++].is_worked = is_worked;
out:
    return err;
}

static enum phi_err read_days(const struct phi_json_at *root, const char *field, bool is_worked,
                              struct calendar *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at days;
    size_t count = 0;
    PHI_GUARD(phi_json_array(root, field, 0, CALENDAR_DAYS_MAX / 2, &days, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&days, i);
        PHI_GUARD(add_day(&item, is_worked, out, error));
    }
out:
    return err;
}

static enum phi_err read_all(const struct phi_json_at *root, struct calendar *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"source", "years", "off", "worked"};
    const char *source = NULL;
    PHI_GUARD(phi_json_only(root, members, 4, error));
    PHI_GUARD(phi_json_text(root, "source", 1, 1000, &source, error));
    PHI_GUARD(read_years(root, out, error));
    PHI_GUARD(read_days(root, "off", false, out, error));
    PHI_GUARD(read_days(root, "worked", true, out, error));
out:
    return err;
}

enum phi_err calendar_read(struct phi_view bytes, struct calendar **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *json = NULL;
    struct calendar *calendar = calloc(1, sizeof(*calendar));
    PHI_GUARD(calendar == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_parse(bytes, DEPTH_MAX, &json, error));
    struct phi_json_at root = phi_json_root(json);
    PHI_GUARD(read_all(&root, calendar, error));
    *out = calendar;
    calendar = NULL;
out:
    json_decref(json);
    free(calendar);
    return err;
}

void calendar_free(struct calendar *calendar)
{
    free(calendar);
}

/* --- asking --- */

bool calendar_is_worked(const struct calendar *calendar, int64_t at_us)
{
    return is_worked_day(calendar, day_of(at_us));
}

bool calendar_knows(const struct calendar *calendar, int64_t at_us)
{
    return has_year(calendar, year_of(day_of(at_us)));
}

int64_t calendar_due(const struct calendar *calendar, int64_t from_us, int days)
{
    int64_t day = day_of(from_us);
    while (days == 0 && !is_worked_day(calendar, day))
        day++;
    for (; days > 0; days--)
        do
            day++;
        while (!is_worked_day(calendar, day));
    return (day + 1) * DAY_US - CHINA_US - 1;
}
