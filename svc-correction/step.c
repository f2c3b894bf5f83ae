/* 处理进度: every step of a case is kept, shown to the citizen, and an event. */
#include "svc-correction/texts.h"

#include "json/canonical.h"

#include <string.h>

static enum phi_err add_row(struct phi_api_call *call, const struct case_step *step)
{
    enum phi_err err = PHI_OK;
    struct phi_view note;
    PHI_GUARD(case_seal(call, step->key, CASE_NOTE, step->note, &note));
    const struct phi_param row[] = {PHI_BYTES_OF(step->case_id, CASE_LEN),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_TEXT(step->step),
                                    PHI_TEXT(step->state),
                                    PHI_TEXT(step->reason),
                                    note.len == 0 ? PHI_NULL : PHI_BYTES(note)};
    PHI_GUARD(phi_api_row(call, TABLE_STEPS, row, sizeof(row) / sizeof(row[0])));
out:
    return err;
}

/* Only under the person's own key: what is on a topic can't be emptied later. */
static enum phi_err seal_told(struct phi_api_call *call, const struct case_step *step,
                              const char **out)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    *out = NULL;
    if (step->told == NULL || !phi_person_key_is_kept(step->key))
        return PHI_OK;
    PHI_GUARD(case_seal(call, step->key, CASE_STEP, step->told, &sealed));
    char *text = phi_arena_alloc(phi_api_arena(call), PHI_BASE64_LEN(sealed.len) + 1);
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(sealed, text);
    *out = text;
out:
    return err;
}

static enum phi_err add_event(struct phi_api_call *call, const struct case_step *step)
{
    enum phi_err err = PHI_OK;
    char id[2 * CASE_LEN + 1], at[PHI_RFC3339_MAX];
    struct phi_view value;
    const char *told = NULL;
    PHI_GUARD(seal_told(call, step, &told));
    phi_hex_encode(phi_view_of(step->case_id, CASE_LEN), id);
    phi_rfc3339_format(phi_api_now_us(call), at);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s*}", "caseId", id, "step", step->step,
                  "state", step->state, "at", at, "region", step->fact->region, "source",
                  step->fact->source, "reason", step->reason, "sealed", told);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &value));
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "correction.step"),
                              .type = "cn.phi.correction.step",
                              .key = phi_view_of(step->key->subject, PHI_SUBJECT_LEN),
                              .value = value};
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

enum phi_err case_step_add(struct phi_api_call *call, const struct case_step *step)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(add_row(call, step));
    PHI_GUARD(add_event(call, step));
out:
    return err;
}
