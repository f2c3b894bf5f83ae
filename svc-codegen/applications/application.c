/* 健康码调用申请 (GB/T 38963 6.5, service type 1000): who wants codes, for whom, for which scene.
 */
#include "svc-codegen/applications/application.h"

#include "auth/mandate.h"
#include "base/text.h"
#include "codes/age.h"
#include "crypto/random.h"
#include "json/canonical.h"

#include <string.h>

#define FIRST_USE_US (5 * 60 * 1000000LL)

struct application {
    uint8_t id[APPLICATION_LEN];
    uint8_t challenge[CHALLENGE_LEN];
    uint8_t applicant[PHI_SUBJECT_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    const struct policy_scene *scene;
    int64_t paper_days;
    int64_t created_us;
    int64_t usable_until_us;
    int64_t term_until_us;
    bool is_on_behalf;
    struct phi_mandate mandate;
    struct phi_view behalf_sealed;
};

static enum phi_err parse_paper(const struct phi_json_at *body, struct application *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct policy_scene *scene = out->scene;
    PHI_GUARD(phi_json_int_opt(body, "paperDays", 1, POLICY_PAPER_MAX_DAYS,
                               scene->paper_default_days, &out->paper_days, error));
    if (scene->paper_min_days == 0 && out->paper_days != 0)
        return phi_json_refuse(body, "paperDays", PHI_ERR_RULE, "not a scene for paper", error);
    if (scene->paper_min_days != 0 &&
        (out->paper_days < scene->paper_min_days || out->paper_days > scene->paper_max_days))
        return phi_json_refuse(body, "paperDays", PHI_ERR_RULE, "not one of the days of this scene",
                               error);
out:
    return err;
}

static enum phi_err parse(struct phi_api_call *call, struct application *out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct phi_json_at behalf;
    const char *scene = NULL;
    int64_t term_s = 0;
    PHI_GUARD(phi_json_word(&body, "scene", POLICY_WORD_MAX, &scene, error));
    out->scene = policy_find(&codegen_of(call)->policy, scene);
    if (out->scene == NULL)
        return phi_json_refuse(&body, "scene", PHI_ERR_RULE, "no scene of this platform", error);
    PHI_GUARD(phi_json_int_opt(&body, "termSeconds", 1, out->scene->term_s, out->scene->term_s,
                               &term_s, error));
    PHI_GUARD(parse_paper(&body, out, error));
    PHI_GUARD(phi_json_object_opt(&body, "onBehalfOf", &behalf, error));
    out->is_on_behalf = behalf.value != NULL;
    if (out->is_on_behalf)
        PHI_GUARD(phi_mandate_read(&behalf, &out->mandate, error));
    out->created_us = phi_api_now_us(call);
    out->usable_until_us = out->created_us + FIRST_USE_US;
    out->term_until_us = out->created_us + term_s * 1000000;
out:
    return err;
}

/* A minor neither applies nor acts for others; the document tells the age, where it does. */
static enum phi_err check_age(struct phi_api_call *call, struct phi_error *error)
{
    int years = 0;
    int64_t bound = codegen_of(call)->policy.own_age_years;
    int64_t now_s = phi_api_now_us(call) / 1000000;
    if (!phi_age_in_years(&phi_api_who(call)->person, now_s, &years) || years >= bound)
        return PHI_OK;
    return phi_error_set(error, PHI_ERR_MINOR, "Phi-Identity",
                         "younger than %d years: a guardian applies on their behalf", (int)bound);
}

static enum phi_err check_mandate(struct phi_api_call *call, struct application *a,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_view *view = NULL;
    struct phi_service *service = phi_api_service(call);
    PHI_GUARD(phi_registry_hold(phi_service_registry(service), phi_api_arena(call), &view));
    const struct phi_mandate_ask ask = {.registry = view,
                                        .guardian = &phi_api_who(call)->person,
                                        .region = phi_service_region(service),
                                        .max_days = codegen_of(call)->policy.mandate_max_days,
                                        .now_us = a->created_us};
    PHI_GUARD(phi_mandate_check(&a->mandate, &ask, phi_api_arena(call), error));
    PHI_GUARD(phi_subject_index(codegen_of(call)->index_key, &a->mandate.ward, a->subject));
    if (phi_equal_secret(a->subject, a->applicant, PHI_SUBJECT_LEN))
        return phi_error_set(error, PHI_ERR_MANDATE, "$.onBehalfOf.ward", "nobody else");
    if (a->term_until_us > a->mandate.until_us)
        a->term_until_us = a->mandate.until_us;
out:
    return err;
}

/* What minting needs of the ward and the mandate, sealed until then. */
static enum phi_err seal_behalf(struct phi_api_call *call, struct application *a)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    const struct phi_mandate *m = &a->mandate;
    const struct phi_person *w = &m->ward;
    json_t *json =
        json_pack("{s:s%, s:s%, s:s%, s:s%, s:s, s:s, s:s}", "name", w->name.data, w->name.len,
                  "idType", w->id_type.data, w->id_type.len, "idNo", w->id_no.data, w->id_no.len,
                  "country", w->country.data, w->country.len, "mandateId", m->mandate_id, "issuer",
                  m->issuer, "relation", m->relation);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &plain));
    PHI_GUARD(phi_seal(codegen_of(call)->store_key, APPLICATION_BEHALF, a->subject, plain,
                       phi_api_arena(call), &a->behalf_sealed));
out:
    return err;
}

static enum phi_err keep(struct phi_api_call *call, const struct application *a)
{
    const struct phi_param none = PHI_NULL;
    const struct phi_param row[] = {
        PHI_BYTES_OF(a->id, APPLICATION_LEN),
        PHI_TEXT(phi_api_app(call)->app_id),
        PHI_BYTES_OF(a->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_TEXT(a->scene->scene),
        PHI_BYTES_OF(a->challenge, CHALLENGE_LEN),
        PHI_I64(a->created_us),
        PHI_I64(a->usable_until_us),
        PHI_I64(a->term_until_us),
        PHI_BYTES_OF(a->applicant, PHI_SUBJECT_LEN),
        PHI_I64(a->paper_days),
        a->is_on_behalf ? PHI_I64(a->mandate.until_us) : none,
        a->is_on_behalf ? PHI_BYTES(a->behalf_sealed) : none,
    };
    return phi_api_row(call, TABLE_APPLICATIONS, row, sizeof(row) / sizeof(row[0]));
}

static void tell(struct phi_api_call *call, const struct application *a)
{
    char id[2 * APPLICATION_LEN + 1], challenge[2 * CHALLENGE_LEN + 1];
    char usable[PHI_RFC3339_MAX], term[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(a->id, APPLICATION_LEN), id);
    phi_hex_encode(phi_view_of(a->challenge, CHALLENGE_LEN), challenge);
    phi_rfc3339_format(a->usable_until_us, usable);
    phi_rfc3339_format(a->term_until_us, term);
    phi_api_data(call, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "applicationId", id, "challenge",
                                 challenge, "scene", a->scene->scene, "usableUntil", usable,
                                 "termUntil", term, "onBehalf", a->is_on_behalf));
}

enum phi_err codegen_apply(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct application *a = phi_arena_alloc(phi_api_arena(call), sizeof(*a));
    PHI_GUARD(a == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(parse(call, a, error));
    PHI_GUARD(check_age(call, error));
    PHI_GUARD(codegen_subject(call, a->applicant));
    memcpy(a->subject, a->applicant, PHI_SUBJECT_LEN);
    if (a->is_on_behalf) {
        PHI_GUARD(check_mandate(call, a, error));
        PHI_GUARD(seal_behalf(call, a));
    }
    PHI_GUARD(phi_random_bytes(a->id, APPLICATION_LEN));
    PHI_GUARD(phi_random_bytes(a->challenge, CHALLENGE_LEN));
    PHI_GUARD(keep(call, a));
    tell(call, a);
out:
    return err;
}
