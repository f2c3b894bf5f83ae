/* SM3 in the caller's storage, without allocation: what stands behind crypto/sm3.h and the nonces
 * of SM2. Inside the crypto room only.
 *
 *   struct phi_sm3_stream s;
 *   phi_sm3_begin(&s);
 *   phi_sm3_update(&s, data, len);
 *   phi_sm3_finish(&s, digest);                 // wipes the stream
 */
#ifndef PHI_CRYPTO_SM3_COMPRESS_H
#define PHI_CRYPTO_SM3_COMPRESS_H

#include "crypto/sm3.h"

#define PHI_SM3_BLOCK_LEN 64

/* Any thread, each with a stream of its own; a stream may be copied to resume it twice. */
struct phi_sm3_stream {
    uint32_t state[8];
    uint64_t len; /* of all that came in */
    uint8_t block[PHI_SM3_BLOCK_LEN];
};

void phi_sm3_begin(struct phi_sm3_stream *stream);
void phi_sm3_update(struct phi_sm3_stream *stream, const void *data, size_t len);
void phi_sm3_finish(struct phi_sm3_stream *stream, uint8_t out[PHI_SM3_LEN]);

/* The compression function of GB/T 32905, 5.3, over `count` blocks. */
void phi_sm3_compress(uint32_t state[8], const uint8_t *blocks, size_t count);
/* A state as bytes, big-endian. */
void phi_sm3_state_bytes(const uint32_t state[8], uint8_t out[PHI_SM3_LEN]);

extern const uint32_t phi_sm3_start[8];

/* Its forms: "plain" C and "ssse3"; the latter where PHI_SM3_X86 is defined. */
typedef void phi_sm3_compress_blocks(uint32_t state[8], const uint8_t *blocks, size_t count);
phi_sm3_compress_blocks phi_sm3_compress_ssse3;
bool phi_sm3_ssse3_is_here(void);

/* For tests: another form from now on; false when the processor can't do it. */
bool phi_sm3_core_use(const char *name);

/* HMAC with the pads kept as states: the caller owns them and wipes them. The key has any length
 * from 1 on. */
void phi_sm3_hmac_pads(struct phi_view key, uint32_t inner[8], uint32_t outer[8]);
void phi_sm3_hmac(const uint32_t inner[8], const uint32_t outer[8], const struct phi_view *parts,
                  size_t count, uint8_t out[PHI_SM3_LEN]);

#endif
