/* PKCS#8 under a password: PBES2 with PBKDF2 (HMAC-SHA256, 100,000 rounds, 16-byte salt) and
 * SM4-CBC. Inside the crypto room only.
 *
 *   PHI_GUARD(phi_pkcs8_wrap(PHI_PKCS8_SM2, password, scalar_and_point, pem, sizeof(pem), &len));
 *   PHI_GUARD(phi_pkcs8_unwrap(PHI_PKCS8_SECRET, password, pem, secret, sizeof(secret), &len));
 */
#ifndef PHI_CRYPTO_KEYS_PKCS8_H
#define PHI_CRYPTO_KEYS_PKCS8_H

#include "base/bytes.h"

/* The algorithm id of a bare symmetric key: an arc of our own under 2.25 (UUIDs). */
#define PHI_OID_SECRET "2.25.55131956973586271904048566995862828277"

enum phi_pkcs8_kind {
    PHI_PKCS8_SM2,    /* content: d (32 bytes) ‖ x ‖ y when writing, d alone when reading */
    PHI_PKCS8_SECRET, /* content: the key's bytes */
};

/* Errors: PHI_ERR_KEY (empty password, content of a wrong length), PHI_ERR_CRYPTO, PHI_ERR_MEMORY.
 */
enum phi_err phi_pkcs8_wrap(enum phi_pkcs8_kind kind, const char *password, struct phi_view content,
                            uint8_t *pem, size_t size, size_t *len) PHI_MUST_USE;

/* `why` gets a static sentence on PHI_ERR_KEY (not PEM, wrong password, other kind, too long). The
 * caller wipes `out`. Errors: PHI_ERR_KEY, PHI_ERR_MEMORY. */
enum phi_err phi_pkcs8_unwrap(enum phi_pkcs8_kind kind, const char *password, struct phi_view pem,
                              uint8_t *out, size_t size, size_t *len,
                              const char **why) PHI_MUST_USE;

/* SubjectPublicKeyInfo in PEM. Errors: PHI_ERR_KEY, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_spki_write(const uint8_t xy[64], uint8_t *pem, size_t size,
                            size_t *len) PHI_MUST_USE;
enum phi_err phi_spki_read(struct phi_view pem, uint8_t xy[64]) PHI_MUST_USE;

#endif
