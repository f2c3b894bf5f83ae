/* When a comparison of times that holds now will hold no longer, or the other way round. A time
 * made of now moves with it: by hours and days evenly, by months and years evenly within a day of
 * UTC. */
#include "certlogic/rule.h"
#include "certlogic/time.h"

#define DAYS_AHEAD 400 /* of months and years no further than that; then one asks again */

bool certlogic_holds(enum certlogic_relation relation, double a, double b)
{
    switch (relation) {
    case CERTLOGIC_IS_LESS:
        return a < b;
    case CERTLOGIC_IS_GREATER:
        return a > b;
    case CERTLOGIC_IS_LESS_EQUAL:
        return a <= b;
    default:
        return a >= b;
    }
}

/* Where the time stands when the clock stands at `at_ms`; out of range it stays at its end. */
static int64_t place_of(const struct phi_certlogic_value *time, int64_t at_ms)
{
    int64_t ms = 0;
    if (!time->is_now)
        return time->ms;
    bool is_in = phi_certlogic_time_plus(at_ms, (double)time->of.amount,
                                         (enum phi_certlogic_unit)time->unit, &ms);
    return is_in ? ms : time->ms;
}

static bool holds_at(const struct phi_certlogic_value *a, enum certlogic_relation relation,
                     const struct phi_certlogic_value *b, int64_t at_ms)
{
    return certlogic_holds(relation, (double)place_of(a, at_ms), (double)place_of(b, at_ms));
}

/* Both move evenly from `at_ms` on: the moment after it when the relation turns, or NEVER. */
static int64_t turn_after(const struct phi_certlogic_value *a, enum certlogic_relation relation,
                          const struct phi_certlogic_value *b, int64_t at_ms)
{
    bool holds = holds_at(a, relation, b, at_ms);
    bool is_less = relation == CERTLOGIC_IS_LESS || relation == CERTLOGIC_IS_LESS_EQUAL;
    bool is_strict = relation == CERTLOGIC_IS_LESS || relation == CERTLOGIC_IS_GREATER;
    int64_t apart = place_of(b, at_ms) - place_of(a, at_ms);
    if (a->is_now == b->is_now)
        return PHI_CERTLOGIC_NEVER;
    /* the moving one only grows: a "less" on its left can only cease to hold, one on its right only
     * begin to */
    if (holds != (is_less == a->is_now))
        return PHI_CERTLOGIC_NEVER;
    if (!a->is_now)
        apart = -apart;
    return at_ms + apart + (holds == is_strict ? 0 : 1);
}

static bool is_even(const struct phi_certlogic_value *time)
{
    return !time->is_now || time->unit == PHI_CERTLOGIC_DAY || time->unit == PHI_CERTLOGIC_HOUR;
}

/* Day by day, since each has its own distance. */
static int64_t turn_by_days(const struct phi_certlogic_value *a, enum certlogic_relation relation,
                            const struct phi_certlogic_value *b, int64_t now_ms)
{
    bool holds = holds_at(a, relation, b, now_ms);
    int64_t at_ms = now_ms;
    for (int day = 0; day < DAYS_AHEAD; day++) {
        int64_t next_ms = phi_certlogic_time_next_day(at_ms);
        int64_t turn_ms = turn_after(a, relation, b, at_ms);
        if (turn_ms < next_ms)
            return turn_ms;
        if (holds_at(a, relation, b, next_ms) != holds)
            return next_ms;
        at_ms = next_ms;
    }
    return at_ms;
}

bool certlogic_compare_times(const struct phi_certlogic_value *a, enum certlogic_relation relation,
                             const struct phi_certlogic_value *b, int64_t now_ms, int64_t *until_ms)
{
    if (a->is_now || b->is_now) {
        int64_t turn_ms = is_even(a) && is_even(b) ? turn_after(a, relation, b, now_ms)
                                                   : turn_by_days(a, relation, b, now_ms);
        if (turn_ms < *until_ms)
            *until_ms = turn_ms;
    }
    return certlogic_holds(relation, (double)a->ms, (double)b->ms);
}
