/* SM4 in one form for each kind of processor: "plain" C, "aes" (AES-NI and SSSE3) and "gfni"
 * (AVX-512 and GFNI). None looks a secret up in memory or branches on one. Inside the crypto room.
 *
 *   const struct phi_sm4_core *core = phi_sm4_core_get();
 *   core->expand(bytes, key.round);
 *   core->ctr(key.round, &counter, in, len, out);
 */
#ifndef PHI_CRYPTO_SM4_CORE_H
#define PHI_CRYPTO_SM4_CORE_H

#include "crypto/sm4.h"

/* 128 bits, big-endian when they become a block. */
struct phi_sm4_counter {
    uint64_t high, low;
};

struct phi_sm4_core {
    const char *name;
    bool (*is_here)(void); /* the processor can do it */
    void (*expand)(const uint8_t key[PHI_SM4_KEY_LEN], uint32_t round[PHI_SM4_ROUNDS]);
    /* `in` and `out` are the same or don't overlap. */
    void (*ctr)(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                const uint8_t *in, size_t len, uint8_t *out);
};

extern const struct phi_sm4_core phi_sm4_core_plain;
#ifdef PHI_SM4_X86
extern const struct phi_sm4_core phi_sm4_core_aes;
extern const struct phi_sm4_core phi_sm4_core_gfni;
#endif

/* The fastest that the processor can do. Any thread. */
const struct phi_sm4_core *phi_sm4_core_get(void);

/* For tests: another core from now on; false when the processor can't do it. */
bool phi_sm4_core_use(const char *name);

#endif
