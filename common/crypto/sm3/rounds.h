/* Part of both forms of SM3's compression: a round, given the two words that it takes of the
 * message. The eight variables change places by name instead of moving; `t` are the constants from
 * a multiple of 16 on. */
#ifndef PHI_CRYPTO_SM3_ROUNDS_H
#define PHI_CRYPTO_SM3_ROUNDS_H

#include "crypto/sm3/compress.h"

/* T_j <<< j */
static const uint32_t sm3_constants[64] = {
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

static inline void sm3_state_xor(uint32_t state[8], const uint32_t by[8])
{
    for (int i = 0; i < 8; i++)
        state[i] ^= by[i];
}

/* The sums that wait for nothing are made first: compilers order them otherwise. */
#define SUM_FIRST(sum) __asm__("" : "+r"(sum))

/* WORD(j) is W_j and PAIR(j) W_j ^ W_(j+4), for j modulo 16. */
#define ROUND(j, ff, gg, a, b, c, d, e, f, g, h)                                                   \
    do {                                                                                           \
        uint32_t a12 = turn(a, 12);                                                                \
        uint32_t ss1 = turn(a12 + ((e) + t[j]), 7);                                                \
        uint32_t tt2 = (h) + WORD(j) + gg(e, f, g);                                                \
        uint32_t tt1 = (d) + PAIR(j) + ff(a, b, c);                                                \
        SUM_FIRST(tt2);                                                                            \
        SUM_FIRST(tt1);                                                                            \
        (h) = p0(tt2 + ss1);                                                                       \
        (d) = tt1 + (ss1 ^ a12);                                                                   \
        (b) = turn(b, 9);                                                                          \
        (f) = turn(f, 19);                                                                         \
    } while (0)
#define FOUR(j, ff, gg)                                                                            \
    ROUND(j, ff, gg, a, b, c, d, e, f, g, h);                                                      \
    ROUND((j) + 1, ff, gg, d, a, b, c, h, e, f, g);                                                \
    ROUND((j) + 2, ff, gg, c, d, a, b, g, h, e, f);                                                \
    ROUND((j) + 3, ff, gg, b, c, d, a, f, g, h, e)

#endif
