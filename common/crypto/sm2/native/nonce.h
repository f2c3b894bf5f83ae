/* Nonces of SM2 signatures: HMAC-SM3 under the private key over the digest to be signed and fresh
 * random bytes. With good randomness a nonce is random; with broken randomness, or after a fork or
 * a restored snapshot that repeats it, a nonce is still a secret function of key and digest that no
 * two digests share. Inside sm2/native only.
 *
 *   phi_sm2_nonce_key_init(&nonce_key, scalar);
 *   PHI_GUARD(phi_sm2_nonce(&nonce_key, digest, &k));       // 0 < k < n; the caller wipes k
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_NONCE_H
#define PHI_CRYPTO_SM2_NATIVE_NONCE_H

#include "crypto/sm2/native/limbs.h"
#include "crypto/sm3/compress.h"

struct phi_sm2_nonce_key {
    uint32_t inner[8];
    uint32_t outer[8];
};

/* The caller wipes `key`. */
void phi_sm2_nonce_key_init(struct phi_sm2_nonce_key *key, const uint8_t scalar[32]);

/* Any thread. Errors: PHI_ERR_CRYPTO (no randomness). */
enum phi_err phi_sm2_nonce(const struct phi_sm2_nonce_key *key, const uint8_t digest[PHI_SM3_LEN],
                           struct phi_u256 *k) PHI_MUST_USE;

/* For a digest that isn't known yet: over a counter of the process and fresh random bytes. Any
 * thread. Errors: PHI_ERR_CRYPTO (no randomness). */
enum phi_err phi_sm2_nonce_ahead(const struct phi_sm2_nonce_key *key,
                                 struct phi_u256 *k) PHI_MUST_USE;

#endif
