#include "svc-correction/texts.h"

#include "person/replay.h"

enum phi_err case_key_find(struct phi_api_call *call, struct phi_conn *conn, const uint8_t *subject,
                           struct phi_person_key *out, struct phi_error *error)
{
    if (!phi_person_replay_is_done(correction_of(call)->replay))
        return phi_error_set(error, PHI_ERR_BUS, "person.key", "not read to its end yet");
    return phi_person_keys_find(conn, subject, phi_api_arena(call), out, error);
}

enum phi_err text_seal(const struct phi_seal_key *health, const struct phi_person_key *key,
                       const char *column, const char *text, struct phi_arena *arena,
                       struct phi_view *sealed)
{
    *sealed = phi_view_of(NULL, 0);
    if (text == NULL)
        return PHI_OK;
    if (phi_person_key_is_kept(key))
        return phi_person_seal(health, key, column, phi_view_text(text), arena, sealed);
    return phi_seal(health, column, key->subject, phi_view_text(text), arena, sealed);
}

enum phi_err case_seal(struct phi_api_call *call, const struct phi_person_key *key,
                       const char *column, const char *text, struct phi_view *sealed)
{
    return text_seal(correction_of(call)->health_key, key, column, text, phi_api_arena(call),
                     sealed);
}

enum phi_err case_seal_told(struct phi_api_call *call, const struct phi_person_key *key,
                            const char *text, const char **out)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    *out = NULL;
    if (text == NULL || !phi_person_key_is_kept(key))
        return PHI_OK;
    PHI_GUARD(case_seal(call, key, CASE_STEP, text, &sealed));
    char *base64 = phi_arena_alloc(phi_api_arena(call), PHI_BASE64_LEN(sealed.len) + 1);
    PHI_GUARD(base64 == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(sealed, base64);
    *out = base64;
out:
    return err;
}

/* What stands under the health key was written after the last erasure: that emptied the others. */
const char *case_open(struct phi_api_call *call, const struct phi_person_key *key,
                      const char *column, struct phi_view sealed)
{
    const struct phi_seal_key *health = correction_of(call)->health_key;
    struct phi_arena *arena = phi_api_arena(call);
    struct phi_view plain;
    uint32_t id = 0;
    if (sealed.data == NULL)
        return NULL;
    bool is_healths = phi_sealed_key_id(sealed, &id) == PHI_OK && phi_seal_key_has(health, id);
    enum phi_err err = is_healths ? phi_unseal(health, column, key->subject, sealed, arena, &plain)
                                  : phi_person_unseal(health, key, column, sealed, arena, &plain);
    if (err == PHI_ERR_ERASED)
        return PHI_PERSON_ERASED_ZH;
    return err == PHI_OK ? phi_arena_text(arena, plain) : NULL;
}
