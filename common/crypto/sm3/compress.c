#include "crypto/sm3/compress.h"

#include "crypto/sm3/rounds.h"

#include <stdatomic.h>
#include <string.h>

const uint32_t phi_sm3_start[8] = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                   0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};

static inline uint32_t p1(uint32_t x)
{
    return x ^ turn(x, 15) ^ turn(x, 23);
}

/* The words of the message stand in a ring of 16: round j reads w[j] and w[j + 4], and w[j] becomes
 * w[j + 16] in time for round j + 12. */
#define WORD(j) w[j]
#define PAIR(j) (w[j] ^ w[((j) + 4) & 15])
#define EXPAND(j)                                                                                  \
    w[(j)&15] = p1(w[(j)&15] ^ w[((j) + 7) & 15] ^ turn(w[((j) + 13) & 15], 15)) ^                 \
                turn(w[((j) + 3) & 15], 7) ^ w[((j) + 10) & 15]
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
    const uint32_t *t = sm3_constants;
    FOUR(0, ff_early, ff_early);
    FOUR(4, ff_early, ff_early);
    FOUR(8, ff_early, ff_early);
    EXPAND_FOUR(0);
    FOUR(12, ff_early, ff_early);
    for (t += 16; t < sm3_constants + 64; t += 16) {
        EXPAND_FOUR(4);
        FOUR(0, ff_late, gg_late);
        EXPAND_FOUR(8);
        FOUR(4, ff_late, gg_late);
        EXPAND_FOUR(12);
        FOUR(8, ff_late, gg_late);
        EXPAND_FOUR(0);
        FOUR(12, ff_late, gg_late);
    }
    sm3_state_xor(state, (const uint32_t[8]){a, b, c, d, e, f, g, h});
}

static void compress_plain(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        compress_one(state, blocks + i * PHI_SM3_BLOCK_LEN);
}

static const struct core {
    const char *name;
    phi_sm3_compress_blocks *compress;
    bool (*is_here)(void);
} cores[] = {
#ifdef PHI_SM3_X86
    {"ssse3", phi_sm3_compress_ssse3, phi_sm3_ssse3_is_here},
#endif
    {"plain", compress_plain, NULL},
};

static _Atomic(phi_sm3_compress_blocks *) in_use;

static bool is_here(const struct core *core)
{
    return !core->is_here || core->is_here();
}

/* All threads come to the same answer, so it doesn't matter who writes it. */
static phi_sm3_compress_blocks *choose(void)
{
    const struct core *core = cores;
    while (!is_here(core))
        core++;
    atomic_store_explicit(&in_use, core->compress, memory_order_relaxed);
    return core->compress;
}

bool phi_sm3_core_use(const char *name)
{
    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        if (strcmp(cores[i].name, name) == 0 && is_here(&cores[i])) {
            atomic_store_explicit(&in_use, cores[i].compress, memory_order_relaxed);
            return true;
        }
    }
    return false;
}

void phi_sm3_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    phi_sm3_compress_blocks *compress = atomic_load_explicit(&in_use, memory_order_relaxed);
    (compress ? compress : choose())(state, blocks, count);
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
        phi_sm3_compress(stream->state, stream->block, 1);
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
        phi_sm3_compress(stream->state, stream->block, 1);
        held = 0;
    }
    memset(stream->block + held, 0, PHI_SM3_BLOCK_LEN - held);
    for (int i = 0; i < 8; i++)
        stream->block[PHI_SM3_BLOCK_LEN - 8 + i] = (uint8_t)(bits >> (56 - 8 * i));
    phi_sm3_compress(stream->state, stream->block, 1);
    phi_sm3_state_bytes(stream->state, out);
    phi_wipe(stream, sizeof(*stream));
}
