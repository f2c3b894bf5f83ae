/* SM2 signatures (GB/T 32918.2, curve of GB/T 32918.5, OID 1.2.156.10197.1.501): SM3 with Z, user
 * id "1234567812345678", signatures as raw r‖s.
 *
 *   struct phi_sm2_private *key = NULL;
 *   PHI_GUARD(phi_sm2_private_generate(&key));
 *   PHI_GUARD(phi_sm2_sign(key, message, sig));
 *   phi_sm2_private_free(key);
 *
 * Keys are immutable once made: any number of threads may use one. Nothing here blocks.
 */
#ifndef PHI_CRYPTO_SM2_H
#define PHI_CRYPTO_SM2_H

#include "base/bytes.h"

#define PHI_SM2_SIG_LEN    64 /* r‖s, 32 bytes each, big-endian */
#define PHI_SM2_PUBLIC_LEN 64 /* x‖y, 32 bytes each, big-endian */
#define PHI_SM2_SCALAR_LEN 32
#define PHI_SM2_USER_ID    "1234567812345678"

struct phi_sm2_private; /* opaque; wiped when freed */
struct phi_sm2_public;  /* opaque */

/* A new random key pair; the caller frees it. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_sm2_private_generate(struct phi_sm2_private **out) PHI_MUST_USE;

/* A key pair from its scalar d, big-endian, 1 ≤ d ≤ n−2; the caller frees it and wipes `scalar`.
 * Errors: PHI_ERR_KEY (out of range), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_sm2_private_new(const uint8_t scalar[PHI_SM2_SCALAR_LEN],
                                 struct phi_sm2_private **out) PHI_MUST_USE;
void phi_sm2_private_free(struct phi_sm2_private *key); /* NULL is fine */

/* The public half of a pair. */
void phi_sm2_private_public(const struct phi_sm2_private *key, uint8_t xy[PHI_SM2_PUBLIC_LEN]);

/* Counts every signature made with the key from now on; before other threads have it. */
struct phi_counter;
void phi_sm2_private_count(struct phi_sm2_private *key, struct phi_counter *uses);

/* A public key; the point must be on the curve. The caller frees it.
 * Errors: PHI_ERR_KEY (not a point of the curve), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_sm2_public_new(const uint8_t xy[PHI_SM2_PUBLIC_LEN],
                                struct phi_sm2_public **out) PHI_MUST_USE;
void phi_sm2_public_free(struct phi_sm2_public *key); /* NULL is fine */
void phi_sm2_public_get(const struct phi_sm2_public *key, uint8_t xy[PHI_SM2_PUBLIC_LEN]);

/* Says that this key will verify very much, as a platform's that issues codes does: what makes it
 * fast is prepared now (1 ms) instead of little by little. Keys with the same point share it. */
void phi_sm2_public_announce(const struct phi_sm2_public *key);

/* Signs `message`. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY, PHI_ERR_KEY_DEVICE (a crypto machine's).
 */
enum phi_err phi_sm2_sign(const struct phi_sm2_private *key, struct phi_view message,
                          uint8_t sig[PHI_SM2_SIG_LEN]) PHI_MUST_USE;

/* PHI_OK when `sig` is a signature of `message` by `key` with r and s in [1, n−1].
 * Errors: PHI_ERR_SIGNATURE (not so), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_sm2_verify(const struct phi_sm2_public *key, struct phi_view message,
                            const uint8_t sig[PHI_SM2_SIG_LEN]) PHI_MUST_USE;

/* One row of a batch; all pointers are borrowed until the call returns. */
struct phi_sm2_job {
    const struct phi_sm2_private *private_key; /* for signing */
    const struct phi_sm2_public *public_key;   /* for verifying */
    struct phi_view message;
    uint8_t sig[PHI_SM2_SIG_LEN]; /* written by signing, read by verifying */
    enum phi_err result;          /* as the single call's */
};

/* Many at once: a backend may share work between rows; each row has its own result. */
void phi_sm2_sign_batch(struct phi_sm2_job *jobs, size_t count);
void phi_sm2_verify_batch(struct phi_sm2_job *jobs, size_t count);

/* The backend that keys made *from now on* use: "native", which is the default, or "openssl". Call
 * at start, before other threads exist. Errors: PHI_ERR_CONFIG (no such backend). */
enum phi_err phi_sm2_backend_use(const char *name) PHI_MUST_USE;

#endif
