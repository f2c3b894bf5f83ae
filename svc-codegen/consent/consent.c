/* The consent record (授权记录, GB/T 38961 4.2) behind a code, for its holder; its SM3 stands in
 * the code. Auditors go another way: audit.c. */
#include "svc-codegen/consent/consent.h"

#include "base/mutant.h"

#include <string.h>

enum phi_err consent_code_parse(struct phi_api_call *call, struct consent_code *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    const char *text = NULL;
    size_t len = 0;
    PHI_GUARD(phi_json_text(&body, "code", 1, PHI_JKM1_TEXT_MAX, &text, error));
    bool is_code =
        phi_jkm1_text_decode(phi_view_text(text), out->bytes, sizeof(out->bytes), &len) == PHI_OK &&
        phi_jkm1_decode(phi_view_of(out->bytes, len), &out->code, NULL) == PHI_OK;
    if (!is_code || !phi_codeside_is_ours(codegen_of(call)->codeside, &out->code))
        return phi_json_refuse(&body, "code", PHI_ERR_NOT_FOUND, "not a code of this platform",
                               error);
    const struct phi_view serial = phi_view_of(out->code.serial, PHI_JKM1_SERIAL_LEN);
    PHI_GUARD(phi_hmac_sm3(codegen_of(call)->serial_key, &serial, 1, out->serial_hmac));
out:
    return err;
}

enum phi_err consent_open(struct phi_api_call *call, const struct consent_sealed *sealed,
                          struct phi_view *record)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    PHI_GUARD(phi_unseal(codegen_of(call)->store_key, MINT_CONSENT_CONTEXT, sealed->subject.data,
                         sealed->sealed, phi_api_arena(call), record));
    PHI_GUARD(phi_consent_digest(*record, digest));
    if (!phi_view_equal(sealed->digest, phi_view_of(digest, PHI_SM3_LEN)))
        err = PHI_ERR_DATA_BROKEN;
out:
    return err;
}

/* The holder, or who granted it on their behalf. */
static bool is_theirs(const struct phi_rows *rows, const uint8_t *who)
{
    const struct phi_view me = phi_view_of(who, PHI_SUBJECT_LEN);
    return phi_view_equal(phi_rows_bytes(rows, 0, 0), me) ||
           phi_view_equal(phi_rows_bytes(rows, 0, 3), me);
}

static enum phi_err open_own(struct phi_api_call *call, const struct phi_rows *rows,
                             struct phi_view *record, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t who[PHI_SUBJECT_LEN];
    PHI_GUARD(codegen_subject(call, who));
    if (phi_rows_count(rows) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "$.code", "no record of this code");
    if (!is_theirs(rows, who) && !PHI_MUTANT(consent_for_all))
        return phi_error_set(error, PHI_ERR_NOT_HOLDER, "$.code", "a code of another person");
    const struct consent_sealed sealed = {.subject = phi_rows_bytes(rows, 0, 0),
                                          .digest = phi_rows_bytes(rows, 0, 1),
                                          .sealed = phi_rows_bytes(rows, 0, 2)};
    PHI_GUARD(consent_open(call, &sealed, record));
out:
    return err;
}

static enum phi_err find(struct phi_api_call *call, const struct consent_code *code,
                         struct phi_view *record, json_t **looks, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param key = PHI_BYTES_OF(code->serial_hmac, PHI_SM3_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(
        conn, "consent_find",
        "SELECT subject, consent_digest, consent_sealed, grantor FROM codes WHERE serial_hmac = $1",
        &key, 1, &rows, error));
    PHI_GUARD(open_own(call, rows, record, error));
    PHI_GUARD(consent_looks_of(conn, code->serial_hmac, looks, error));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

enum phi_err codegen_consent(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct consent_code code;
    struct phi_view record = {0};
    json_t *looks = NULL;
    char digest[2 * PHI_SM3_LEN + 1];
    PHI_GUARD(consent_code_parse(call, &code, error));
    PHI_GUARD(find(call, &code, &record, &looks, error));
    phi_hex_encode(phi_view_of(code.code.consent_digest, PHI_SM3_LEN), digest);
    phi_api_data(call, json_pack("{s:s%, s:s, s:o}", "record", (const char *)record.data,
                                 record.len, "digest", digest, "looks", looks));
out:
    return err;
}
