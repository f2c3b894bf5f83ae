/* The citizen's consent to collection: which notice was shown, for what, when. Without one in force
 * nothing a citizen declares is taken. */
#include "svc-declare/declare.h"

#include "crypto/random.h"

#define VERSION_MAX 32

struct consent {
    uint8_t id[CONSENT_ID_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    const char *notice_version;
    const char *purpose;
};

static enum phi_err parse(struct phi_api_call *call, struct consent *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const purposes[] = {PURPOSE_CODE};
    struct phi_json_at body = phi_api_body(call);
    size_t purpose = 0;
    PHI_GUARD(phi_json_word(&body, "noticeVersion", VERSION_MAX, &out->notice_version, error));
    PHI_GUARD(phi_json_enum(&body, "purpose", purposes, 1, &purpose, error));
    out->purpose = purposes[purpose];
out:
    return err;
}

static enum phi_err keep(struct phi_api_call *call, const struct consent *consent)
{
    const struct phi_param row[] = {
        PHI_BYTES_OF(consent->id, CONSENT_ID_LEN),
        PHI_BYTES_OF(consent->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_TEXT(phi_api_app(call)->app_id),
        PHI_TEXT(consent->notice_version),
        PHI_TEXT(consent->purpose),
        PHI_I64(phi_api_now_us(call)),
    };
    return phi_api_row(call, TABLE_CONSENTS, row, sizeof(row) / sizeof(row[0]));
}

enum phi_err declare_consent(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct consent consent = {0};
    char id[2 * CONSENT_ID_LEN + 1], recorded[PHI_RFC3339_MAX];
    PHI_GUARD(parse(call, &consent, error));
    PHI_GUARD(phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person,
                                consent.subject));
    PHI_GUARD(phi_random_bytes(consent.id, CONSENT_ID_LEN));
    PHI_GUARD(keep(call, &consent));
    phi_hex_encode(phi_view_of(consent.id, CONSENT_ID_LEN), id);
    phi_rfc3339_format(phi_api_now_us(call), recorded);
    phi_api_data(call, json_pack("{s:s, s:s}", "consentId", id, "recordedAt", recorded));
out:
    return err;
}
