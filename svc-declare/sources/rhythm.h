/* How often a source is expected to be heard of, per institution, as data (PHI_RHYTHMS_FILE), and
 * what follows from when it was last heard. A source past its rhythm is silent; the limit is a
 * quarter more than the interval, so that a report that comes on time is never late.
 *
 *   [{"source": "source.tests", "institution": "cdc-320102", "everySeconds": 3600}]
 *
 *   PHI_GUARD(rhythms_read(bytes, arena, &rhythms, error));
 *   struct rhythm_state now = rhythm_judge(&rhythms.items[0], last_us, since_us, now_us);
 *   if (rhythm_is_news(&before, &now, every)) …   // to be published
 *
 * Pure; any thread.
 */
#ifndef SVC_DECLARE_RHYTHM_H
#define SVC_DECLARE_RHYTHM_H

#include "json/json.h"

#define RHYTHMS_MAX 2000

struct rhythm {
    const char *source;      /* "source.tests" */
    const char *institution; /* a word */
    int64_t every_us;
};

struct rhythms {
    struct rhythm *items; /* the arena's */
    size_t count;
};

/* PHI_ERR_JSON, PHI_ERR_FIELD_*: no source of B.2, a bad institution, an interval under a second or
 * over a month, the same twice; PHI_ERR_MEMORY. */
enum phi_err rhythms_read(struct phi_view bytes, struct phi_arena *arena, struct rhythms *out,
                          struct phi_error *error) PHI_MUST_USE;

struct rhythm_state {
    int64_t last_us; /* when it was last heard, 0: never */
    int64_t fresh_until_us;
    bool is_silent;
};

/* `since_us`: when this rhythm began to be watched; a source that was never heard counts from then.
 */
struct rhythm_state rhythm_judge(const struct rhythm *rhythm, int64_t last_us, int64_t since_us,
                                 int64_t now_us);

/* Whether others must hear: the state changed, or freshness moved by a quarter of the interval. */
bool rhythm_is_news(const struct rhythm_state *before, const struct rhythm_state *now,
                    int64_t every_us);

#endif
