/* Working days (工作日) of China, as data: the deadlines of a case run on them.
 *
 *   PHI_GUARD(calendar_read(bytes, &calendar, error));
 *   int64_t due_us = calendar_due(calendar, now_us, 3);    // the third working day's end
 *   calendar_free(calendar);
 *
 * The file is what the State Council announces each year: days off that are no weekends, and
 * weekends that are worked. A year that it does not name has weekends only, which
 * calendar_knows tells.
 *
 *   {"source": "…", "years": [2026], "off": ["2026-01-01", …], "worked": ["2026-01-04", …]}
 *
 * Pure; any thread once read.
 */
#ifndef SVC_CORRECTION_CALENDAR_H
#define SVC_CORRECTION_CALENDAR_H

#include "json/json.h"

#define CALENDAR_BYTES_MAX 65536
#define CALENDAR_YEARS_MAX 16
#define CALENDAR_DAYS_MAX  800 /* named days */
#define CALENDAR_DUE_MAX   366

struct calendar;

/* PHI_ERR_JSON, PHI_ERR_FIELD_*: no date, a day of a year that is not named, named twice, a weekend
 * off or a working day worked; PHI_ERR_MEMORY. */
enum phi_err calendar_read(struct phi_view bytes, struct calendar **out,
                           struct phi_error *error) PHI_MUST_USE;
void calendar_free(struct calendar *calendar); /* NULL is fine */

bool calendar_is_worked(const struct calendar *calendar, int64_t at_us);
bool calendar_knows(const struct calendar *calendar, int64_t at_us); /* the year */

/* The last moment of the `days`th working day after that of `from_us`, by the clock of China;
 * 0 days: of this day, or of the next working one. `days` up to CALENDAR_DUE_MAX. */
int64_t calendar_due(const struct calendar *calendar, int64_t from_us, int days);

#endif
