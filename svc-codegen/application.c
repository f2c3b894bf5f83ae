/* 健康码调用申请 (GB/T 38963 6.5, service type 1000): who wants codes, for whom, for which scene.
 */
#include "svc-codegen/codegen.h"

#include "base/text.h"
#include "crypto/random.h"

#define FIRST_USE_US (5 * 60 * 1000000LL)

struct application {
    uint8_t id[APPLICATION_LEN];
    uint8_t challenge[CHALLENGE_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    const struct policy_scene *scene;
    int64_t created_us;
    int64_t usable_until_us;
    int64_t term_until_us;
};

static enum phi_err parse(struct phi_api_call *call, struct application *out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    const char *scene = NULL;
    int64_t term_s = 0;
    PHI_GUARD(phi_json_word(&body, "scene", POLICY_WORD_MAX, &scene, error));
    out->scene = policy_find(&codegen_of(call)->policy, scene);
    if (out->scene == NULL)
        return phi_json_refuse(&body, "scene", PHI_ERR_RULE, "no scene of this platform", error);
    PHI_GUARD(phi_json_int_opt(&body, "termSeconds", 1, out->scene->term_s, out->scene->term_s,
                               &term_s, error));
    out->created_us = phi_api_now_us(call);
    out->usable_until_us = out->created_us + FIRST_USE_US;
    out->term_until_us = out->created_us + term_s * 1000000;
out:
    return err;
}

static enum phi_err keep(struct phi_api_call *call, const struct application *a)
{
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
    phi_api_data(call,
                 json_pack("{s:s, s:s, s:s, s:s, s:s}", "applicationId", id, "challenge", challenge,
                           "scene", a->scene->scene, "usableUntil", usable, "termUntil", term));
}

enum phi_err codegen_apply(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct application application;
    PHI_GUARD(parse(call, &application, error));
    PHI_GUARD(codegen_subject(call, application.subject));
    PHI_GUARD(phi_random_bytes(application.id, APPLICATION_LEN));
    PHI_GUARD(phi_random_bytes(application.challenge, CHALLENGE_LEN));
    PHI_GUARD(keep(call, &application));
    tell(call, &application);
out:
    return err;
}
