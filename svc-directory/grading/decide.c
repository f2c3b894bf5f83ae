#include "svc-directory/grading/decide.h"

static bool says_the_same(const struct judgement *a, const struct judgement *b)
{
    return a->grade == b->grade && a->then == b->then && a->until_us == b->until_us &&
           a->sources_mask == b->sources_mask && a->is_withdrawn == b->is_withdrawn &&
           phi_view_equal(a->reasons, b->reasons);
}

static int64_t next_version(const struct decide_state *old, const struct entry_decision *decision,
                            int64_t now_us)
{
    int64_t least = old->version + 1 + decision->is_lapsed;
    return least > now_us ? least : now_us;
}

void decide(const struct decide_state *old, const struct judgement *judgement, int64_t now_us,
            struct entry_decision *out)
{
    bool is_first = old->version == 0;
    bool is_over = !is_first && now_us > old->is.until_us;
    enum phi_grade shown = is_over ? old->is.then : old->is.grade;
    bool goes_on = !is_first && shown == judgement->grade;
    int64_t shown_from_us =
        is_over && old->is.then != old->is.grade ? old->is.until_us + 1 : old->from_us;
    *out = (struct entry_decision){
        .new = {.is = *judgement, .from_us = goes_on ? shown_from_us : now_us},
        .is_changed = is_first || !says_the_same(&old->is, judgement),
        .is_period = is_first || old->is.grade != judgement->grade ||
                     !phi_view_equal(old->is.reasons, judgement->reasons),
        .is_lapsed = is_over && !goes_on && old->is.then != old->is.grade,
    };
    out->is_period |= out->is_lapsed;
    out->new.version = next_version(old, out, now_us);
}
