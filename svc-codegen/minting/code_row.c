/* A minted code as its row. */
#include "svc-codegen/minting/mint.h"

#include "crypto/random.h"

#include <string.h>

const char codegen_codes_insert[] =
    "INSERT INTO codes (serial_hmac, application_id, subject, subject_key, key_set, scene, "
    "deadline_s, consent_digest, consent_sealed, minted_us, app_id, grantor, flags, code_sealed) "
    "SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], "
    "$6::text[], $7::bigint[], $8::bytea[], $9::bytea[], $10::bigint[], $11::text[], $12::bytea[], "
    "$13::bigint[], $14::bytea[]) ON CONFLICT (serial_hmac) DO NOTHING";

/* Grants on one's own behalf are found by the subject alone. */
static struct phi_param grantor_of(const struct recent_entry *code)
{
    const struct phi_param none = PHI_NULL;
    bool is_own = memcmp(code->applicant, code->subject, PHI_SUBJECT_LEN) == 0;
    return is_own ? none : PHI_BYTES_OF(code->applicant, PHI_SUBJECT_LEN);
}

static struct phi_param application_of(const struct recent_entry *code)
{
    static const uint8_t no_application[APPLICATION_LEN];
    const struct phi_param none = PHI_NULL;
    bool is_none = memcmp(code->application_id, no_application, APPLICATION_LEN) == 0;
    return is_none ? none : PHI_BYTES_OF(code->application_id, APPLICATION_LEN);
}

void mint_code_row(const struct recent_entry *code, struct phi_param row[CODE_COLUMNS])
{
    size_t n = 0;
    row[n++] = PHI_BYTES_OF(code->serial_hmac, PHI_SM3_LEN);
    row[n++] = application_of(code);
    row[n++] = PHI_BYTES_OF(code->subject, PHI_SUBJECT_LEN);
    row[n++] = PHI_I64(PHI_SUBJECT_KEY_VERSION);
    row[n++] = PHI_I64(code->key_set);
    row[n++] = PHI_TEXT(code->scene->scene);
    row[n++] = PHI_I64(code->deadline_s);
    row[n++] = PHI_BYTES_OF(code->consent_digest, PHI_SM3_LEN);
    row[n++] = PHI_BYTES(code->consent_sealed);
    row[n++] = PHI_I64(code->minted_us);
    row[n++] = PHI_TEXT(code->app_id);
    row[n++] = grantor_of(code);
    row[n++] = PHI_I64(code->flags);
    row[n++] = PHI_BYTES(code->code_sealed);
}

enum phi_err mint_code_take(const struct codegen *codegen, const struct phi_minted *minted,
                            struct phi_arena *arena, struct recent_entry *code)
{
    enum phi_err err = PHI_OK;
    const struct phi_view serial = phi_view_of(minted->serial, PHI_JKM1_SERIAL_LEN);
    PHI_GUARD(phi_hmac_sm3(codegen->serial_key, &serial, 1, code->serial_hmac));
    PHI_GUARD(phi_uuid7(code->minted_us, code->event_id));
    code->key_set = minted->key_set;
    memcpy(code->text, minted->text, sizeof(code->text));
    PHI_GUARD(phi_seal(codegen->store_key, MINT_CODE_CONTEXT, code->subject,
                       phi_view_text(code->text), arena, &code->code_sealed));
out:
    return err;
}
