/* What a judgement does to a person's entry: nothing when it says what the entry says already; else
 * a new version, and a period of history where grade or reasons are others. Late facts change the
 * grade from now on; the clock changed it when `until` was past.
 *
 *   decide(&old, &judgement, now_us, &decision);
 *
 * Pure; any thread.
 */
#ifndef SVC_DIRECTORY_DECIDE_H
#define SVC_DIRECTORY_DECIDE_H

#include "codes/entry.h"

/* What the rules say now, and what they will say next if nothing comes. */
struct judgement {
    enum phi_grade grade;
    enum phi_grade then;
    int64_t until_us;        /* the last moment of `grade`; PHI_ENTRY_NEVER_US */
    struct phi_view reasons; /* codes */
    uint32_t sources_mask;
    bool is_withdrawn; /* nothing stands here about the person any more */
};

struct decide_state {
    struct judgement is;
    int64_t version; /* 0: there was none */
    int64_t from_us; /* since when this grade */
};

struct entry_decision {
    struct decide_state new; /* only where is_changed */
    bool is_changed;
    bool is_period; /* history gets it */
    bool is_lapsed; /* between the old grade and the new one the old `then` was in force */
};

/* The new version is max(last + 1, now in µs), or one more where a lapsed period stands between. */
void decide(const struct decide_state *old, const struct judgement *judgement, int64_t now_us,
            struct entry_decision *out);

#endif
