/* 信息申报 of health (GB/T 38963 6.2): the first time with the person's basic information. */
#include "svc-declare/people/basic.h"

#include "base/metrics.h"

#define HEALTH_PATH "/v1/declarations/health"

/* Where the person lives, from now or before: an addition of ours, so after the digest of what was
 * declared. */
static enum phi_err add_region(struct declaration *d, const struct form_health *form,
                               struct phi_error *error)
{
    if (form->basic == NULL && !d->has_basic)
        return phi_error_set(error, PHI_ERR_NO_BASIC, "$.basic",
                             "the first declaration carries it");
    return form_put_text(form->content, "basicRegion",
                         form->basic == NULL ? d->basic_region : form->basic_region);
}

static void count(struct phi_api_call *call, void *counter)
{
    (void)call;
    phi_counter_add(counter, 1);
}

enum phi_err declare_health(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct form_health form;
    struct declaration d;
    char id[2 * PHI_FACT_ID_LEN + 1];
    PHI_GUARD(form_health_read(&body, phi_api_now_us(call), phi_api_arena(call), &form, error));
    PHI_GUARD(declaration_begin(call, "declare.health", &d, error));
    PHI_GUARD(form.basic == NULL ? PHI_OK : basic_check(&d.acting.person, form.basic, error));
    PHI_GUARD(declaration_add(&d, HEALTH_PATH, form.observed_us, form.content, form.personal));
    PHI_GUARD(declaration_check(&d, error));
    PHI_GUARD(add_region(&d, &form, error));
    PHI_GUARD(declaration_find_key(&d, error));
    PHI_GUARD(declaration_keep(&d));
    if (form.basic != NULL && !d.is_kept[0])
        PHI_GUARD(basic_keep(&d, form.basic, form.basic_region));
    phi_hex_encode(phi_view_of(d.facts[0].id, PHI_FACT_ID_LEN), id);
    phi_api_data(call, json_pack("{s:s, s:b}", "factId", id, "accepted", 1));
    phi_api_after_commit(call, count, declare_of(call)->health);
out:
    return err;
}
