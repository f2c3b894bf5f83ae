#include "svc-directory/grading/decide.h"

#include "json/canonical.h"

enum phi_err decide(const struct decide_state *old, const struct rules_verdict *verdict,
                    uint32_t sources_mask, int64_t now_us, struct phi_arena *arena,
                    struct decide_state *new, bool *is_changed)
{
    enum phi_err err = PHI_OK;
    struct phi_view reasons;
    json_t *json = NULL;
    PHI_GUARD(rules_reasons(verdict, &json));
    PHI_GUARD(phi_json_canonical(json, arena, &reasons));
    bool is_first = old->version == 0;
    bool is_same_grade = !is_first && old->grade == verdict->grade;
    *is_changed = !is_same_grade || old->sources_mask != sources_mask ||
                  !phi_view_equal(old->reasons, reasons);
    *new = (struct decide_state){
        .grade = verdict->grade,
        .reasons = reasons,
        .sources_mask = sources_mask,
        .version = old->version + 1 > now_us ? old->version + 1 : now_us,
        .from_us = is_same_grade ? old->from_us : now_us,
    };
out:
    json_decref(json);
    return err;
}
