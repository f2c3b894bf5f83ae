/* What a verdict does to a person's entry: nothing when grade, reasons and sources are as they
 * were; else a new version. Late facts change the grade from now on.
 *
 *   PHI_GUARD(decide(&old, &verdict, mask, now_us, arena, &new, &is_changed));
 *
 * Pure; any thread.
 */
#ifndef SVC_DIRECTORY_DECIDE_H
#define SVC_DIRECTORY_DECIDE_H

#include "svc-directory/rules/rules.h"

struct decide_state {
    enum phi_grade grade;
    struct phi_view reasons; /* canonical JSON of rules_reasons */
    uint32_t sources_mask;
    int64_t version; /* 0: there was none */
    int64_t from_us; /* since when this grade */
};

/* The new version is max(last + 1, now in µs); `new` is written in both cases, its text the
 * arena's. PHI_ERR_MEMORY. */
enum phi_err decide(const struct decide_state *old, const struct rules_verdict *verdict,
                    uint32_t sources_mask, int64_t now_us, struct phi_arena *arena,
                    struct decide_state *new, bool *is_changed) PHI_MUST_USE;

#endif
