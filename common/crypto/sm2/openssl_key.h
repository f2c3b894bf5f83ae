/* An SM2 key of OpenSSL's from bytes, for the openssl backend and for key files. Inside the crypto
 * room only.
 *
 *   EVP_PKEY *key = phi_sm2_openssl_key(NULL, xy);    // EVP_PKEY_free(key)
 */
#ifndef PHI_CRYPTO_SM2_OPENSSL_KEY_H
#define PHI_CRYPTO_SM2_OPENSSL_KEY_H

#include "crypto/sm2.h"

#include <openssl/evp.h>

/* A pair when `scalar` is given, else a public key. NULL when the point is not on the curve or
 * memory is short. */
EVP_PKEY *phi_sm2_openssl_key(const uint8_t *scalar, const uint8_t xy[PHI_SM2_PUBLIC_LEN]);

#endif
