/* The SM4 block cipher (GB/T 32907) in counter mode, the only mode that sealing needs.
 *
 *   PHI_GUARD(phi_sm4_ctr(key, serial, plain, 17, sealed));
 */
#ifndef PHI_CRYPTO_SM4_H
#define PHI_CRYPTO_SM4_H

#include "base/bytes.h"

#define PHI_SM4_KEY_LEN   16
#define PHI_SM4_BLOCK_LEN 16

/* Encrypts or decrypts (the same thing in this mode). The counter is all 128 bits of the block,
 * big-endian, and starts at `iv`. `in` and `out` may be the same; len may be 0 and is at most
 * INT_MAX. Any thread; does not block. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_sm4_ctr(const uint8_t key[PHI_SM4_KEY_LEN], const uint8_t iv[PHI_SM4_BLOCK_LEN],
                         const uint8_t *in, size_t len, uint8_t *out) PHI_MUST_USE;

#endif
