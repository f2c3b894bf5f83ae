/* The technical test report (GB/T 38961 6.3): what a registered testing institution signs about a
 * run of the conformance checker. The signature is over canonical JSON of the statement without it.
 */
#include "svc-platform/members/members.h"

#include "base/text.h"
#include "json/canonical.h"

#include <string.h>

#define REPORT_TYPE "phi-test-report-1"
#define REPORT_ROLE "testing"
#define AGE_MAX_US  (366 * INT64_C(86400) * 1000000)

struct statement {
    const char *institution;
    const char *key_serial;
    const char *tested_at;
    int64_t tested_us;
    uint8_t digest[PHI_SM3_LEN];
    int64_t passed;
    int64_t failed;
    int64_t skipped;
    uint8_t signature[PHI_SM2_SIG_LEN];
};

static enum phi_err read_signature(const struct phi_json_at *at, uint8_t out[PHI_SM2_SIG_LEN],
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    size_t len = 0;
    PHI_GUARD(phi_json_text(at, "signature", PHI_BASE64_LEN(PHI_SM2_SIG_LEN),
                            PHI_BASE64_LEN(PHI_SM2_SIG_LEN), &text, error));
    if (phi_base64_decode(phi_view_text(text), out, PHI_SM2_SIG_LEN, &len) != PHI_OK ||
        len != PHI_SM2_SIG_LEN)
        err = phi_json_refuse(at, "signature", PHI_ERR_FIELD_VALUE, "not r and s in base64", error);
out:
    return err;
}

static enum phi_err read_statement(const struct phi_json_at *at, struct statement *out,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"institution", "keySerial", "testedAt", "reportDigest",
                                          "passed",      "failed",    "skipped",  "signature"};
    PHI_GUARD(phi_json_only(at, members, 8, error));
    PHI_GUARD(phi_json_word(at, "institution", PHI_APP_ID_MAX, &out->institution, error));
    PHI_GUARD(phi_json_word(at, "keySerial", PHI_KEY_SERIAL_LEN, &out->key_serial, error));
    PHI_GUARD(phi_json_text(at, "testedAt", 20, 40, &out->tested_at, error));
    PHI_GUARD(phi_json_time(at, "testedAt", &out->tested_us, error));
    PHI_GUARD(phi_json_hex(at, "reportDigest", out->digest, sizeof(out->digest), error));
    PHI_GUARD(phi_json_int(at, "passed", 1, INT32_MAX, &out->passed, error));
    PHI_GUARD(phi_json_int(at, "failed", 0, INT32_MAX, &out->failed, error));
    PHI_GUARD(phi_json_int(at, "skipped", 0, INT32_MAX, &out->skipped, error));
    PHI_GUARD(read_signature(at, out->signature, error));
out:
    return err;
}

static enum phi_err signed_bytes(const struct statement *s, const char *region,
                                 struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    char digest[2 * PHI_SM3_LEN + 1];
    phi_hex_encode(phi_view_of(s->digest, sizeof(s->digest)), digest);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "type", REPORT_TYPE, "region",
                  region, "institution", s->institution, "keySerial", s->key_serial, "testedAt",
                  s->tested_at, "reportDigest", digest, "passed", (json_int_t)s->passed, "failed",
                  (json_int_t)s->failed, "skipped", (json_int_t)s->skipped);
    PHI_GUARD(json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(json, arena, out));
out:
    json_decref(json);
    return err;
}

static const struct phi_registry_key *key_of(const struct phi_registry_view *registry,
                                             const struct statement *s, int64_t now_us)
{
    const struct phi_registry_app *app = phi_registry_app(registry, s->institution);
    if (app == NULL || app->suspended || !phi_words_has(&app->roles, REPORT_ROLE))
        return NULL;
    return phi_registry_app_key(app, s->key_serial, now_us);
}

static enum phi_err refuse(const struct phi_json_at *at, const char *member, const char *why,
                           struct phi_error *error)
{
    return phi_json_refuse(at, member, PHI_ERR_RULE, why, error);
}

enum phi_err member_report_check(struct phi_api_call *call, const struct phi_json_at *at,
                                 const char *region, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct statement s = {.institution = NULL};
    struct phi_view bytes;
    const struct phi_registry_view *registry = NULL;
    int64_t now_us = phi_api_now_us(call);
    struct phi_arena *arena = phi_api_arena(call);
    PHI_GUARD(read_statement(at, &s, error));
    PHI_GUARD(phi_registry_hold(phi_service_registry(phi_api_service(call)), arena, &registry));
    const struct phi_registry_key *key = key_of(registry, &s, now_us);
    if (key == NULL)
        return refuse(at, "institution", "no testing institution with this key in force", error);
    if (strcmp(phi_api_app(call)->app_id, s.institution) == 0)
        return refuse(at, "institution", "nobody tests themselves", error);
    PHI_GUARD(signed_bytes(&s, region, arena, &bytes));
    if (phi_sm2_verify(key->public_key, bytes, s.signature) != PHI_OK)
        return refuse(at, "signature", "not the institution's for this region and report", error);
    if (s.failed > 0)
        return refuse(at, "failed", "checks failed", error);
    if (s.tested_us > now_us || now_us - s.tested_us > AGE_MAX_US)
        return refuse(at, "testedAt", "of the future, or older than a year", error);
out:
    return err;
}
