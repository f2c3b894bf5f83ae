/* Control periods (管控期), as data of the province (PHI_CONTROL_FILE): where and when people are to
 * declare their health again after so many hours.
 *
 *   [{"region": "3201", "from": "2026-11-01T00:00:00+08:00", "to": "2026-12-01T00:00:00+08:00",
 *     "everyHours": 24}]
 *
 * A region is a prefix of two, four or six digits; of several periods the shortest interval counts.
 *
 *   PHI_GUARD(control_read(bytes, arena, &control, error));
 *   const struct control_period *period = control_find(&control, "320102", now_us);
 *   struct control_due due = control_judge(period, last_us, now_us);
 *
 * Pure; any thread.
 */
#ifndef SVC_DECLARE_CONTROL_H
#define SVC_DECLARE_CONTROL_H

#include "json/json.h"

#define CONTROL_PERIODS_MAX 200

struct control_period {
    const char *region;
    int64_t from_us;
    int64_t to_us; /* not included */
    int64_t every_us;
};

struct control {
    struct control_period *items; /* the arena's, as the texts */
    size_t count;
};

/* PHI_ERR_JSON, PHI_ERR_FIELD_*, PHI_ERR_RULE (an end that is not after the beginning, digits that
 * begin no region), PHI_ERR_MEMORY. */
enum phi_err control_read(struct phi_view bytes, struct phi_arena *arena, struct control *out,
                          struct phi_error *error) PHI_MUST_USE;

/* The strictest that is in force there now, NULL without one. */
const struct control_period *control_find(const struct control *control, const char *region,
                                          int64_t now_us);

struct control_due {
    bool is_due;
    int64_t at_us; /* since when, or when next; 0: not within the period */
};

/* Who never declared (`last_us` 0) is due since the period began; a declaration of before it counts
 * until its hours are over. */
struct control_due control_judge(const struct control_period *period, int64_t last_us,
                                 int64_t now_us);

#endif
