#include "crypto/sm3/compress.h"

#include <string.h>

const uint32_t phi_sm3_start[8] = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                   0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};

/* T_j <<< j */
static const uint32_t constants[64] = {
    0x79cc4519, 0xf3988a32, 0xe7311465, 0xce6228cb, 0x9cc45197, 0x3988a32f, 0x7311465e, 0xe6228cbc,
    0xcc451979, 0x988a32f3, 0x311465e7, 0x6228cbce, 0xc451979c, 0x88a32f39, 0x11465e73, 0x228cbce6,
    0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
    0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
    0x7a879d8a, 0xf50f3b14, 0xea1e7629, 0xd43cec53, 0xa879d8a7, 0x50f3b14f, 0xa1e7629e, 0x43cec53d,
    0x879d8a7a, 0x0f3b14f5, 0x1e7629ea, 0x3cec53d4, 0x79d8a7a8, 0xf3b14f50, 0xe7629ea1, 0xcec53d43,
    0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
    0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5};

static inline uint32_t turn(uint32_t x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

static inline uint32_t p0(uint32_t x)
{
    return x ^ turn(x, 9) ^ turn(x, 17);
}

static inline uint32_t p1(uint32_t x)
{
    return x ^ turn(x, 15) ^ turn(x, 23);
}

static inline uint32_t ff_early(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static inline uint32_t ff_late(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | ((x | y) & z);
}

static inline uint32_t gg_late(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

/* The words of the message stand in a ring of 16: round j reads w[j] and w[j + 4], and w[j] becomes
 * w[j + 16] in time for round j + 12. The eight variables change places by name instead of moving;
 * `t` are the constants from a multiple of 16 on. */
#define EXPAND(j)                                                                                  \
    w[(j)&15] = p1(w[(j)&15] ^ w[((j) + 7) & 15] ^ turn(w[((j) + 13) & 15], 15)) ^                 \
                turn(w[((j) + 3) & 15], 7) ^ w[((j) + 10) & 15]
#define ROUND(j, ff, gg, a, b, c, d, e, f, g, h)                                                   \
    do {                                                                                           \
        uint32_t a12 = turn(a, 12);                                                                \
        uint32_t ss1 = turn(a12 + ((e) + t[j]), 7);                                                \
        uint32_t wj = w[j];                                                                        \
        (d) += ff(a, b, c) + (wj ^ w[((j) + 4) & 15]) + (ss1 ^ a12);                               \
        (h) = p0(gg(e, f, g) + (h) + wj + ss1);                                                    \
        (b) = turn(b, 9);                                                                          \
        (f) = turn(f, 19);                                                                         \
    } while (0)
#define FOUR(j, ff, gg)                                                                            \
    ROUND(j, ff, gg, a, b, c, d, e, f, g, h);                                                      \
    ROUND((j) + 1, ff, gg, d, a, b, c, h, e, f, g);                                                \
    ROUND((j) + 2, ff, gg, c, d, a, b, g, h, e, f);                                                \
    ROUND((j) + 3, ff, gg, b, c, d, a, f, g, h, e)
#define EXPAND_FOUR(j)                                                                             \
    EXPAND(j);                                                                                     \
    EXPAND((j) + 1);                                                                               \
    EXPAND((j) + 2);                                                                               \
    EXPAND((j) + 3)

static void compress_one(uint32_t state[8], const uint8_t block[PHI_SM3_BLOCK_LEN])
{
    uint32_t w[16];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    const uint32_t *t = constants;
    FOUR(0, ff_early, ff_early);
    FOUR(4, ff_early, ff_early);
    FOUR(8, ff_early, ff_early);
    EXPAND_FOUR(0);
    FOUR(12, ff_early, ff_early);
    for (t += 16; t < constants + 64; t += 16) {
        EXPAND_FOUR(4);
        FOUR(0, ff_late, gg_late);
        EXPAND_FOUR(8);
        FOUR(4, ff_late, gg_late);
        EXPAND_FOUR(12);
        FOUR(8, ff_late, gg_late);
        EXPAND_FOUR(0);
        FOUR(12, ff_late, gg_late);
    }
    state[0] ^= a;
    state[1] ^= b;
    state[2] ^= c;
    state[3] ^= d;
    state[4] ^= e;
    state[5] ^= f;
    state[6] ^= g;
    state[7] ^= h;
}

void phi_sm3_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        compress_one(state, blocks + i * PHI_SM3_BLOCK_LEN);
}

void phi_sm3_state_bytes(const uint32_t state[8], uint8_t out[PHI_SM3_LEN])
{
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 4; j++)
            out[4 * i + j] = (uint8_t)(state[i] >> (24 - 8 * j));
}

void phi_sm3_begin(struct phi_sm3_stream *stream)
{
    memcpy(stream->state, phi_sm3_start, sizeof(stream->state));
    stream->len = 0;
}

void phi_sm3_update(struct phi_sm3_stream *stream, const void *data, size_t len)
{
    const uint8_t *at = data;
    const size_t held = stream->len % PHI_SM3_BLOCK_LEN;
    if (len == 0)
        return;
    stream->len += len;
    if (held > 0) {
        size_t some = PHI_SM3_BLOCK_LEN - held < len ? PHI_SM3_BLOCK_LEN - held : len;
        memcpy(stream->block + held, at, some);
        if (held + some < PHI_SM3_BLOCK_LEN)
            return;
        compress_one(stream->state, stream->block);
        at += some;
        len -= some;
    }
    phi_sm3_compress(stream->state, at, len / PHI_SM3_BLOCK_LEN);
    memcpy(stream->block, at + len / PHI_SM3_BLOCK_LEN * PHI_SM3_BLOCK_LEN,
           len % PHI_SM3_BLOCK_LEN);
}

void phi_sm3_finish(struct phi_sm3_stream *stream, uint8_t out[PHI_SM3_LEN])
{
    size_t held = stream->len % PHI_SM3_BLOCK_LEN;
    const uint64_t bits = stream->len * 8;
    stream->block[held++] = 0x80;
    if (held > PHI_SM3_BLOCK_LEN - 8) {
        memset(stream->block + held, 0, PHI_SM3_BLOCK_LEN - held);
        compress_one(stream->state, stream->block);
        held = 0;
    }
    memset(stream->block + held, 0, PHI_SM3_BLOCK_LEN - held);
    for (int i = 0; i < 8; i++)
        stream->block[PHI_SM3_BLOCK_LEN - 8 + i] = (uint8_t)(bits >> (56 - 8 * i));
    compress_one(stream->state, stream->block);
    phi_sm3_state_bytes(stream->state, out);
    phi_wipe(stream, sizeof(*stream));
}
