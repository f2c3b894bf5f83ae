/* 处理进度: every step of a case is kept, shown to the citizen, and an event. */
#include "svc-correction/correction.h"

#include "json/canonical.h"

#include <string.h>

enum phi_err case_seal(struct phi_api_call *call, const char *column, const uint8_t *subject,
                       const char *text, struct phi_view *sealed)
{
    *sealed = phi_view_of(NULL, 0);
    if (text == NULL)
        return PHI_OK;
    return phi_seal(correction_of(call)->health_key, column, subject, phi_view_text(text),
                    phi_api_arena(call), sealed);
}

static enum phi_err add_row(struct phi_api_call *call, const struct case_step *step)
{
    enum phi_err err = PHI_OK;
    struct phi_view note;
    PHI_GUARD(case_seal(call, "steps.note_sealed", step->subject, step->note, &note));
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

static enum phi_err add_event(struct phi_api_call *call, const struct case_step *step)
{
    enum phi_err err = PHI_OK;
    char id[2 * CASE_LEN + 1], at[PHI_RFC3339_MAX];
    struct phi_view value;
    phi_hex_encode(phi_view_of(step->case_id, CASE_LEN), id);
    phi_rfc3339_format(phi_api_now_us(call), at);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "caseId", id, "step", step->step, "state",
                  step->state, "at", at, "region", step->fact->region, "source", step->fact->source,
                  "reason", step->reason);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &value));
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "correction.step"),
                              .type = "cn.phi.correction.step",
                              .key = phi_view_of(step->subject, PHI_SUBJECT_LEN),
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
