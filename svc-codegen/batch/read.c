/* One line of a batch: its form and its rules. */
#include "svc-codegen/batch/batch.h"

#include "auth/mandate.h"
#include "codes/age.h"
#include "json/canonical.h"

#include <stdio.h>
#include <string.h>

#define SERIAL_MAX 64

static enum phi_err read_scene(struct batch *batch, const struct phi_json_at *at,
                               struct batch_line *out)
{
    enum phi_err err = PHI_OK;
    struct phi_error *error = &out->error;
    const char *name = NULL;
    PHI_GUARD(phi_json_word(at, "scene", POLICY_WORD_MAX, &name, error));
    const struct policy_scene *scene = policy_find(&codegen_of(batch->call)->policy, name);
    if (scene == NULL || scene->paper_min_days == 0)
        return phi_json_refuse(at, "scene", PHI_ERR_RULE, "no scene for paper", error);
    PHI_GUARD(phi_json_int_opt(at, "paperDays", scene->paper_min_days, scene->paper_max_days,
                               scene->paper_default_days, &out->paper_days, error));
    out->code.scene = scene;
out:
    return err;
}

static enum phi_err check_person(struct batch *batch, struct batch_line *out)
{
    int years = 0;
    const struct codegen *codegen = codegen_of(batch->call);
    int64_t now_s = phi_api_now_us(batch->call) / 1000000;
    if (phi_age_in_years(&out->person, now_s, &years) && years < codegen->policy.own_age_years)
        return phi_error_set(&out->error, PHI_ERR_MINOR, "$.person.idNo", "%s",
                             phi_err_text_en(PHI_ERR_MINOR));
    return phi_subject_index(codegen->index_key, &out->person, out->code.subject);
}

static enum phi_err read_line(struct batch *batch, struct phi_view line, struct batch_line *out)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"serial", "person", "scene", "paperDays", "consentRef"};
    struct phi_json_at root, person;
    struct phi_view canonical;
    struct phi_error *error = &out->error;
    if (line.len > BATCH_LINE_MAX_BYTES)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "$", "longer than %d bytes",
                             BATCH_LINE_MAX_BYTES);
    PHI_GUARD(phi_json_read(line, 3, batch->arena, &root, error));
    PHI_GUARD(phi_json_only(&root, members, 5, error));
    PHI_GUARD(phi_json_word(&root, "serial", SERIAL_MAX, &out->serial, error));
    PHI_GUARD(phi_json_word(&root, "consentRef", SERIAL_MAX, &out->consent_ref, error));
    PHI_GUARD(phi_json_object(&root, "person", &person, error));
    PHI_GUARD(phi_mandate_read_person(&person, &out->person, error));
    PHI_GUARD(read_scene(batch, &root, out));
    PHI_GUARD(check_person(batch, out));
    PHI_GUARD(phi_json_canonical(root.value, batch->arena, &canonical));
    PHI_GUARD(phi_sm3(canonical, out->digest));
out:
    return err;
}

/* The later of two lines of one number in one chunk is rejected. */
static enum phi_err check_unique(const struct batch *batch, struct batch_line *out)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->lines[i].serial != NULL && strcmp(batch->lines[i].serial, out->serial) == 0)
            return phi_error_set(&out->error, PHI_ERR_CONFLICT, "$.serial", "twice in a row");
    return PHI_OK;
}

enum phi_err batch_read(struct batch *batch, struct phi_view line)
{
    if (batch->count == BATCH_LINES_MAX)
        return PHI_ERR_INTERNAL;
    struct batch_line *out = &batch->lines[batch->count];
    enum phi_err err = read_line(batch, line, out);
    if (err == PHI_OK)
        err = check_unique(batch, out);
    if (phi_err_http_status(err) >= 500)
        return err;
    out->result = err == PHI_OK ? BATCH_MINTED : BATCH_REJECTED;
    batch->count++;
    return PHI_OK;
}
