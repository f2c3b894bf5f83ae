#include "service/letter.h"

#include "bus/signed.h"
#include "crypto/envelope.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "crypto/sm3.h"

#include <stdio.h>
#include <string.h>

#define DATA_KEY_LEN 32

size_t phi_letter_keys(const struct phi_trust_platform *platform, enum phi_trust_holder holder,
                       int64_t now_us)
{
    const struct phi_trust_key *keys[PHI_LETTER_KEYS_MAX];
    return platform == NULL
               ? 0
               : phi_trust_encryption_keys(platform, holder, now_us, keys, PHI_LETTER_KEYS_MAX);
}

size_t phi_letter_pin(const struct phi_trust_platform *platform, enum phi_trust_use use,
                      int64_t now_us, struct phi_pinned_key *pinned)
{
    size_t count = 0;
    if (platform == NULL || platform->status != PHI_TRUST_ACTIVE)
        return 0;
    for (size_t i = 0; i < platform->key_count && count < PHI_LETTER_KEYS_MAX; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use != use || now_us < key->from_us || now_us >= key->to_us)
            continue;
        struct phi_pinned_key *pin = &pinned[count++];
        snprintf(pin->key_serial, sizeof(pin->key_serial), "%s", key->serial);
        pin->key = key->public_key;
    }
    return count;
}

/* --- sealing --- */

static enum phi_err to_base64(struct phi_view bytes, struct phi_arena *arena, const char **out)
{
    char *text = phi_arena_alloc(arena, PHI_BASE64_LEN(bytes.len) + 1);
    if (text == NULL)
        return PHI_ERR_MEMORY;
    phi_base64_encode(bytes, text);
    *out = text;
    return PHI_OK;
}

static enum phi_err seal_bytes(const struct phi_letter *letter, const uint8_t *data_key,
                               struct phi_view plain, struct phi_arena *arena, json_t *object)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    struct phi_seal_key *key = NULL;
    struct phi_view sealed;
    const char *text = NULL;
    PHI_GUARD(phi_seal_key_new(0, phi_view_of(data_key, DATA_KEY_LEN), &key));
    PHI_GUARD(phi_sm3(phi_view_text(letter->topic), digest));
    PHI_GUARD(phi_seal(key, letter->context, digest, plain, arena, &sealed));
    PHI_GUARD(to_base64(sealed, arena, &text));
    PHI_GUARD(json_object_set_new(object, letter->member, json_string(text)) == 0 ? PHI_OK
                                                                                  : PHI_ERR_MEMORY);
out:
    phi_seal_key_free(key);
    return err;
}

static enum phi_err seal_key(const struct phi_trust_key *to, const uint8_t *data_key,
                             struct phi_arena *arena, json_t *keys)
{
    enum phi_err err = PHI_OK;
    uint8_t envelope[PHI_ENVELOPE_MAX];
    size_t len = 0;
    const char *text = NULL;
    PHI_GUARD(phi_envelope_seal(to->xy, phi_view_of(data_key, DATA_KEY_LEN), envelope,
                                sizeof(envelope), &len));
    PHI_GUARD(to_base64(phi_view_of(envelope, len), arena, &text));
    json_t *one = json_pack("{s:s, s:s}", "serial", to->serial, "key", text);
    PHI_GUARD(json_array_append_new(keys, one) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    return err;
}

static enum phi_err seal_keys(const struct phi_letter *letter, const struct phi_trust_platform *to,
                              int64_t now_us, const uint8_t *data_key, struct phi_arena *arena,
                              json_t *object)
{
    enum phi_err err = PHI_OK;
    const struct phi_trust_key *own[PHI_LETTER_KEYS_MAX];
    size_t count = phi_trust_encryption_keys(to, letter->holder, now_us, own, PHI_LETTER_KEYS_MAX);
    json_t *keys = json_array();
    PHI_GUARD(json_object_set_new(object, "keys", keys) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(seal_key(own[i], data_key, arena, keys));
out:
    return err;
}

enum phi_err phi_letter_seal(const struct phi_letter *letter, const struct phi_trust_platform *to,
                             int64_t now_us, struct phi_view plain, struct phi_arena *arena,
                             json_t *object, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t data_key[DATA_KEY_LEN] = {0};
    if (phi_letter_keys(to, letter->holder, now_us) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "region", "no key to seal to");
    PHI_GUARD(phi_random_bytes(data_key, sizeof(data_key)));
    PHI_GUARD(seal_bytes(letter, data_key, plain, arena, object));
    PHI_GUARD(seal_keys(letter, to, now_us, data_key, arena, object));
out:
    phi_wipe(data_key, sizeof(data_key));
    return err;
}

/* --- opening --- */

static enum phi_err open_key(const struct phi_json_at *item, const struct phi_sm2_private *key,
                             struct phi_seal_key **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t envelope[PHI_ENVELOPE_MAX], plain[DATA_KEY_LEN] = {0};
    size_t envelope_len = 0, len = 0;
    PHI_GUARD(phi_json_base64(item, "key", 1, sizeof(envelope), envelope, &envelope_len, error));
    err = phi_envelope_open(key, phi_view_of(envelope, envelope_len), plain, sizeof(plain), &len);
    if (err == PHI_OK)
        err = phi_seal_key_new(0, phi_view_of(plain, len), out);
    if (err != PHI_OK && err != PHI_ERR_MEMORY)
        err =
            phi_json_refuse(item, "key", PHI_ERR_DATA_BROKEN, "not sealed to this program", error);
out:
    phi_wipe(plain, sizeof(plain));
    return err;
}

static enum phi_err open_own(const struct phi_json_at *object, const struct phi_sm2_private *key,
                             struct phi_seal_key **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"serial", "key"};
    char own[PHI_KEY_SERIAL_LEN + 1];
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_json_at keys;
    size_t count = 0;
    phi_sm2_private_public(key, xy);
    PHI_GUARD(phi_key_id_of(xy, own));
    PHI_GUARD(phi_json_array(object, "keys", 1, PHI_LETTER_KEYS_MAX, &keys, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&keys, i);
        const char *serial = NULL;
        PHI_GUARD(phi_json_only(&item, members, 2, error));
        PHI_GUARD(phi_json_word(&item, "serial", PHI_KEY_SERIAL_LEN, &serial, error));
        if (strcmp(serial, own) == 0)
            return open_key(&item, key, out, error);
    }
    err = phi_json_refuse(object, "keys", PHI_ERR_KEY, "not sealed to this program", error);
out:
    return err;
}

enum phi_err phi_letter_open(const struct phi_letter *letter, const struct phi_json_at *object,
                             const struct phi_sm2_private *key, struct phi_arena *arena,
                             struct phi_view *plain, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    size_t len = 0;
    struct phi_seal_key *data_key = NULL;
    uint8_t *sealed = phi_arena_alloc(arena, PHI_LETTER_BYTES_MAX);
    PHI_GUARD(sealed == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(open_own(object, key, &data_key, error));
    PHI_GUARD(phi_json_base64(object, letter->member, PHI_SEAL_OVERHEAD, PHI_LETTER_BYTES_MAX,
                              sealed, &len, error));
    PHI_GUARD(phi_sm3(phi_view_text(letter->topic), digest));
    err = phi_unseal(data_key, letter->context, digest, phi_view_of(sealed, len), arena, plain);
    if (err == PHI_ERR_DATA_BROKEN)
        err = phi_json_refuse(object, letter->member, err, "altered, or of another topic", error);
out:
    phi_seal_key_free(data_key);
    return err;
}
