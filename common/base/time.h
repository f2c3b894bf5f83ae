/* Time: an injected wall clock in µs since 1970 UTC, monotonic deadlines, and the formats in use.
 *
 *   int64_t now_us = phi_clock_now_us(clock);
 *   struct phi_deadline until = phi_deadline_in_ms(500);
 *   while (!phi_deadline_is_past(until)) …
 */
#ifndef PHI_BASE_TIME_H
#define PHI_BASE_TIME_H

#include "base/bytes.h"

struct phi_clock {
    int64_t (*now_us)(void *context);
    void *context;
};

extern const struct phi_clock phi_clock_system;
int64_t phi_clock_now_us(const struct phi_clock *clock); /* NULL means the system's */

/* A point on the monotonic clock; every wait in the suite has one. */
struct phi_deadline {
    int64_t at_us;
};
int64_t phi_monotonic_us(void);
struct phi_deadline phi_deadline_in_ms(int64_t ms);
int64_t phi_deadline_left_ms(struct phi_deadline deadline); /* 0 when past */
bool phi_deadline_is_past(struct phi_deadline deadline);
struct phi_deadline phi_deadline_min(struct phi_deadline a, struct phi_deadline b);

#define PHI_TIME14_LEN  14 /* YYYYMMDDHHMMSS */
#define PHI_RFC3339_MAX 40

/* The parsers give PHI_ERR_FIELD_VALUE and write nothing when the text is wrong; the writers bring
 * a time that has no such form to the nearest that has one. Nothing here blocks; any thread.
 * `offset_min` is 0 for a code's deadline (UTC), 480 for the consent record (UTC+8). Years
 * 1970..9999. */
void phi_time14_format(int64_t time_s, int offset_min, char out[PHI_TIME14_LEN + 1]);
enum phi_err phi_time14_parse(struct phi_view text, int offset_min, int64_t *time_s) PHI_MUST_USE;

/* "2026-11-21T08:00:00.123456+08:00": reading takes any offset or Z, up to 6 digits of fraction, no
 * leap seconds, real dates only; writing gives UTC+8 (the fraction only when it is not zero). */
void phi_rfc3339_format(int64_t time_us, char out[PHI_RFC3339_MAX]);
enum phi_err phi_rfc3339_parse(struct phi_view text, int64_t *time_us) PHI_MUST_USE;
enum phi_err phi_date_parse(struct phi_view text, int *year, int *month,
                            int *day) PHI_MUST_USE; /* YYYY-MM-DD */
bool phi_date_is_real(int year, int month, int day);

#endif
