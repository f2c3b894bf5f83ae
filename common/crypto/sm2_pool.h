/* Signing with nonces prepared in idle time: what is left to do for a signature is a digest and one
 * product modulo n. A bounded number of them waits for one key.
 *
 *   PHI_GUARD(phi_sm2_pool_new(key, 1024, &pool));
 *   (void)phi_sm2_pool_fill(pool, 64);                       // whenever there is nothing to do
 *   PHI_GUARD(phi_sm2_pool_sign(pool, message, sig));        // whether or not a nonce is ready
 *   phi_sm2_pool_free(pool);
 *
 * A prepared nonce is HMAC-SM3 under the private key over a counter of the process and fresh random
 * bytes; it is taken out and wiped before the signature that it makes is given out, so none is used
 * twice. A forked child finds the pool empty for good (its memory is zeros there) and signs
 * without. A prepared nonce doesn't depend on the message, so unlike phi_sm2_sign's it must not go
 * into the snapshot of a running machine that may be resumed twice: call phi_sm2_pool_empty before,
 * or have no pool there.
 *
 * Any number of threads may use one pool; a lock is held for a copy of 64 bytes, or of 4 KB when
 * filling. Backends without prepared nonces sign as ever.
 */
#ifndef PHI_CRYPTO_SM2_POOL_H
#define PHI_CRYPTO_SM2_POOL_H

#include "crypto/sm2.h"

#define PHI_SM2_POOL_MAX 4096

struct phi_sm2_pool; /* opaque; wiped when freed */

/* An empty pool for 1 to PHI_SM2_POOL_MAX nonces, 64 bytes each; the caller frees it, and the
 * `key` after it. Errors: PHI_ERR_CONFIG (capacity), PHI_ERR_MEMORY. */
enum phi_err phi_sm2_pool_new(const struct phi_sm2_private *key, size_t capacity,
                              struct phi_sm2_pool **out) PHI_MUST_USE;
void phi_sm2_pool_free(struct phi_sm2_pool *pool); /* NULL is fine */

/* Prepares `most` nonces or as many as there is room for, 64 at a time (3 to 20 µs each); returns
 * how many came in. 0: full, a forked child, a backend that has none, or no randomness. */
size_t phi_sm2_pool_fill(struct phi_sm2_pool *pool, size_t most);

/* How many are ready now. */
size_t phi_sm2_pool_count(struct phi_sm2_pool *pool);

/* Wipes those that are ready. */
void phi_sm2_pool_empty(struct phi_sm2_pool *pool);

/* As phi_sm2_sign with the pool's key. */
enum phi_err phi_sm2_pool_sign(struct phi_sm2_pool *pool, struct phi_view message,
                               uint8_t sig[PHI_SM2_SIG_LEN]) PHI_MUST_USE;

/* As phi_sm2_sign_batch with the pool's key, whatever key the jobs name: the first ones with what
 * is ready, the rest together. */
void phi_sm2_pool_sign_batch(struct phi_sm2_pool *pool, struct phi_sm2_job *jobs, size_t count);

#endif
