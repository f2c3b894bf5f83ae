/* The SM4 block cipher (GB/T 32907) in counter mode, the only mode that sealing needs. No
 * allocation; constant time in key and data.
 *
 *   PHI_GUARD(phi_sm4_ctr(key, serial, plain, 17, sealed));
 *
 *   struct phi_sm4_key expanded;                          // the same, for a key used again
 *   phi_sm4_key_init(&expanded, key);
 *   phi_sm4_key_ctr(&expanded, serial, plain, 17, sealed);
 *   phi_wipe(&expanded, sizeof(expanded));
 */
#ifndef PHI_CRYPTO_SM4_H
#define PHI_CRYPTO_SM4_H

#include "base/bytes.h"

#define PHI_SM4_KEY_LEN   16
#define PHI_SM4_BLOCK_LEN 16
#define PHI_SM4_ROUNDS    32

/* The keys of the rounds, as secret as the key itself. */
struct phi_sm4_key {
    uint32_t round[PHI_SM4_ROUNDS];
};

/* The caller wipes both. Any thread; does not block. */
void phi_sm4_key_init(struct phi_sm4_key *key, const uint8_t bytes[PHI_SM4_KEY_LEN]);

/* Encrypts or decrypts (the same thing in this mode). The counter is all 128 bits of the block,
 * big-endian, and starts at `iv`. `in` and `out` are the same or don't overlap; len may be 0. Any
 * thread; does not block. */
void phi_sm4_key_ctr(const struct phi_sm4_key *key, const uint8_t iv[PHI_SM4_BLOCK_LEN],
                     const uint8_t *in, size_t len, uint8_t *out);

/* The same with a key used once. Gives PHI_OK: none of this can fail. */
enum phi_err phi_sm4_ctr(const uint8_t key[PHI_SM4_KEY_LEN], const uint8_t iv[PHI_SM4_BLOCK_LEN],
                         const uint8_t *in, size_t len, uint8_t *out) PHI_MUST_USE;

#endif
