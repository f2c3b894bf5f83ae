#include "crypto/envelope.h"

#include "crypto/sm2/backend.h"
#include "crypto/sm2/openssl_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <string.h>

enum phi_err phi_envelope_seal(const uint8_t xy[PHI_SM2_PUBLIC_LEN], struct phi_view plain,
                               uint8_t *out, size_t size, size_t *len)
{
    if (plain.len == 0 || plain.len > PHI_ENVELOPE_PLAIN_MAX)
        return PHI_ERR_FIELD_VALUE;
    enum phi_err err = PHI_ERR_CRYPTO;
    size_t room = size;
    EVP_PKEY *key = phi_sm2_openssl_key(NULL, xy);
    EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    if (!key)
        err = PHI_ERR_KEY;
    else if (context && EVP_PKEY_encrypt_init(context) == 1 &&
             EVP_PKEY_encrypt(context, out, &room, plain.data, plain.len) == 1) {
        *len = room;
        err = PHI_OK;
    }
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return err;
}

static enum phi_err open_with(EVP_PKEY_CTX *context, struct phi_view sealed, uint8_t *out,
                              size_t size, size_t *len)
{
    /* OpenSSL writes no more than the ciphertext's length, and asks for that much room */
    uint8_t plain[PHI_ENVELOPE_MAX];
    size_t room = sizeof(plain);
    enum phi_err err = PHI_ERR_DATA_BROKEN;
    if (EVP_PKEY_decrypt(context, plain, &room, sealed.data, sealed.len) == 1 && room <= size) {
        memcpy(out, plain, room);
        *len = room;
        err = PHI_OK;
    }
    phi_wipe(plain, sizeof(plain));
    return err;
}

enum phi_err phi_envelope_open(const struct phi_sm2_private *key, struct phi_view sealed,
                               uint8_t *out, size_t size, size_t *len)
{
    enum phi_err err = PHI_OK;
    uint8_t scalar[PHI_SM2_SCALAR_LEN];
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    EVP_PKEY *pair = NULL;
    EVP_PKEY_CTX *context = NULL;
    if (sealed.len == 0 || sealed.len > PHI_ENVELOPE_MAX)
        return PHI_ERR_DATA_BROKEN;
    PHI_GUARD(phi_sm2_private_scalar(key, scalar));
    phi_sm2_private_public(key, xy);
    pair = phi_sm2_openssl_key(scalar, xy);
    context = pair ? EVP_PKEY_CTX_new(pair, NULL) : NULL;
    PHI_GUARD(context && EVP_PKEY_decrypt_init(context) == 1 ? PHI_OK : PHI_ERR_CRYPTO);
    PHI_GUARD(open_with(context, sealed, out, size, len));
out:
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(pair);
    phi_wipe(scalar, sizeof(scalar));
    ERR_clear_error();
    return err;
}
