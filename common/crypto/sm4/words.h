/* Part of all cores: bytes and words, the constants of the key schedule, and counter mode on top of
 * a function that makes some blocks of key stream. */
#ifndef PHI_CRYPTO_SM4_WORDS_H
#define PHI_CRYPTO_SM4_WORDS_H

#include "crypto/sm4/core.h"

#include <string.h>

static inline uint32_t sm4_load(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void sm4_store(uint32_t word, uint8_t bytes[4])
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(word >> (24 - 8 * i));
}

static inline uint32_t sm4_turn(uint32_t x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

/* CK of GB/T 32907, 7.3: byte j is 7(4i + j). */
static inline uint32_t sm4_ck(uint32_t i)
{
    const uint32_t first = 28 * i;
    return (first & 255) << 24 | ((first + 7) & 255) << 16 | ((first + 14) & 255) << 8 |
           ((first + 21) & 255);
}

/* The key schedule, given the S-box on the four bytes of a word. */
static inline void sm4_expand(const uint8_t key[PHI_SM4_KEY_LEN], uint32_t round[PHI_SM4_ROUNDS],
                              uint32_t (*substitute)(uint32_t))
{
    static const uint32_t fk[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
    uint32_t k[4];
    for (int i = 0; i < 4; i++)
        k[i] = sm4_load(key + 4 * i) ^ fk[i];
    for (uint32_t i = 0; i < PHI_SM4_ROUNDS; i++) {
        const uint32_t s = substitute(k[(i + 1) & 3] ^ k[(i + 2) & 3] ^ k[(i + 3) & 3] ^ sm4_ck(i));
        k[i & 3] ^= s ^ sm4_turn(s, 13) ^ sm4_turn(s, 23);
        round[i] = k[i & 3];
    }
    phi_wipe(k, sizeof(k));
}

static inline void sm4_count(struct phi_sm4_counter *counter, uint64_t blocks)
{
    counter->low += blocks;
    counter->high += counter->low < blocks;
}

/* Word i of each of the next `count` counters. */
static inline void sm4_counter_words(struct phi_sm4_counter counter, uint32_t *words,
                                     unsigned count)
{
    for (unsigned j = 0; j < count; j++) {
        words[j] = (uint32_t)(counter.high >> 32);
        words[count + j] = (uint32_t)counter.high;
        words[2 * count + j] = (uint32_t)(counter.low >> 32);
        words[3 * count + j] = (uint32_t)counter.low;
        sm4_count(&counter, 1);
    }
}

/* Makes `blocks` blocks of key stream, a number of its own. */
typedef void sm4_stream(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                        uint8_t *out);

#define SM4_STREAM_MAX 256

static inline void sm4_ctr_by(sm4_stream *stream, unsigned blocks,
                              const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                              const uint8_t *in, size_t len, uint8_t *out)
{
    uint8_t bytes[SM4_STREAM_MAX];
    while (len > 0) {
        const size_t some = len < blocks * 16u ? len : blocks * 16u;
        stream(round, counter, bytes);
        for (size_t i = 0; i < some; i++)
            out[i] = in[i] ^ bytes[i];
        sm4_count(&counter, blocks);
        in += some;
        out += some;
        len -= some;
    }
    phi_wipe(bytes, sizeof(bytes));
}

#endif
