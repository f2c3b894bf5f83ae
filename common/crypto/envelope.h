/* A few bytes for one recipient: SM2 public key encryption (GB/T 32918.4, ciphertext as the DER of
 * GM/T 0009). It is how a private or symmetric key travels (密钥分发).
 *
 *   PHI_GUARD(phi_envelope_seal(recipient_xy, phi_view_of(key, len), out, sizeof(out), &out_len));
 *   PHI_GUARD(phi_envelope_open(private_key, phi_view_of(out, out_len), plain, size, &len));
 *
 * Any thread; nothing blocks. It says nothing about who sealed it.
 */
#ifndef PHI_CRYPTO_ENVELOPE_H
#define PHI_CRYPTO_ENVELOPE_H

#include "crypto/sm2.h"

#define PHI_ENVELOPE_PLAIN_MAX 1024
#define PHI_ENVELOPE_MAX       (PHI_ENVELOPE_PLAIN_MAX + 160)

/* 1 to PHI_ENVELOPE_PLAIN_MAX bytes. Errors: PHI_ERR_KEY (not a point of the curve),
 * PHI_ERR_FIELD_VALUE (length), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_envelope_seal(const uint8_t xy[PHI_SM2_PUBLIC_LEN], struct phi_view plain,
                               uint8_t *out, size_t size, size_t *len) PHI_MUST_USE;

/* The caller wipes `out`. Errors: PHI_ERR_DATA_BROKEN (altered, or for another key), PHI_ERR_KEY (a
 * key that can't leave its device), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_envelope_open(const struct phi_sm2_private *key, struct phi_view sealed,
                               uint8_t *out, size_t size, size_t *len) PHI_MUST_USE;

#endif
