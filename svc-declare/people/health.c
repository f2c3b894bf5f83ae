/* 信息申报 of health (GB/T 38963 6.2): the first time with the person's basic information. */
#include "svc-declare/people/declaration.h"
#include "svc-declare/forms/form.h"

#include "base/metrics.h"
#include "json/canonical.h"

#define HEALTH_PATH "/v1/declarations/health"

/* One row a person, the latest: sealed but for the region, which rules may ask for. */
static enum phi_err keep_basic(struct declaration *d, const struct form_health *form)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(d->call);
    struct phi_view plain, sealed;
    json_t *personal = json_copy(d->identity);
    PHI_GUARD(phi_json_keep(arena, personal));
    PHI_GUARD(json_object_update(personal, form->basic) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_json_canonical(personal, arena, &plain));
    PHI_GUARD(phi_person_seal(declare_of(d->call)->keys.health, &d->key, "basic.sealed", plain,
                              arena, &sealed));
    const struct phi_param row[] = {
        PHI_BYTES_OF(d->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_TEXT(phi_api_app(d->call)->app_id),
        PHI_TEXT(form->basic_region),
        PHI_BYTES(sealed),
        PHI_I64(phi_api_now_us(d->call)),
    };
    PHI_GUARD(phi_api_row(d->call, TABLE_BASIC, row, sizeof(row) / sizeof(row[0])));
out:
    return err;
}

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
    PHI_GUARD(declaration_add(&d, HEALTH_PATH, form.observed_us, form.content, form.personal));
    PHI_GUARD(declaration_check(&d, error));
    PHI_GUARD(add_region(&d, &form, error));
    PHI_GUARD(declaration_keep(&d));
    if (form.basic != NULL && !d.is_kept[0])
        PHI_GUARD(keep_basic(&d, &form));
    phi_hex_encode(phi_view_of(d.facts[0].id, PHI_FACT_ID_LEN), id);
    phi_api_data(call, json_pack("{s:s, s:b}", "factId", id, "accepted", 1));
    phi_api_after_commit(call, count, declare_of(call)->health);
out:
    return err;
}
