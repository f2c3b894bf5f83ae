/* The SM3 digest (GB/T 32905, OID 1.2.156.10197.1.401) and HMAC over it (GB/T 15852.2).
 *
 *   struct phi_hmac_key *key = NULL;
 *   PHI_GUARD(phi_hmac_key_new(phi_view_of(secret, 32), &key));
 *   PHI_GUARD(phi_hmac_sm3(key, parts, 3, mac));
 *   phi_hmac_key_free(key);
 *
 * Everything here may be called by any thread and never blocks; keys are immutable once made.
 */
#ifndef PHI_CRYPTO_SM3_H
#define PHI_CRYPTO_SM3_H

#include "base/bytes.h"

#define PHI_SM3_LEN 32

/* The digest of one run of bytes. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_sm3(struct phi_view data, uint8_t out[PHI_SM3_LEN]) PHI_MUST_USE;

/* The digest of the parts one after the other, without copying them. Errors: as phi_sm3. */
enum phi_err phi_sm3_parts(const struct phi_view *parts, size_t count,
                           uint8_t out[PHI_SM3_LEN]) PHI_MUST_USE;

/* A MAC key with both pads already digested; opaque. */
struct phi_hmac_key;

/* Copies what it needs of `key` (1..4,096 bytes); the caller frees the result.
 * Errors: PHI_ERR_KEY (empty or too long), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_hmac_key_new(struct phi_view key, struct phi_hmac_key **out) PHI_MUST_USE;
/* Counts every MAC made with the key from now on; before other threads have it. */
struct phi_counter;
void phi_hmac_key_count(struct phi_hmac_key *key, struct phi_counter *uses);
void phi_hmac_key_free(struct phi_hmac_key *key); /* wipes; NULL is fine */

/* HMAC-SM3 over the parts one after the other. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_hmac_sm3(const struct phi_hmac_key *key, const struct phi_view *parts,
                          size_t count, uint8_t out[PHI_SM3_LEN]) PHI_MUST_USE;

#endif
