/* SM4 in plain C, in bits: plane p holds bit p of 64 bytes, and the S-box is a circuit of ands and
 * xors over planes. Sixteen blocks at once; byte b of a word of block j stands at bit 16b + j. */
#include "crypto/sm4/words.h"

#define BLOCKS 16

/* The S-box is affine, inverse in GF(2^8), affine. Here the inverse is taken in GF(((2^2)^2)^2)
 * with x² + x + 1, y² + y + x and z² + z + xy + 1; the affine steps go from and to that field. */

/* {low, high} of GF(2^2) */
struct two {
    uint64_t l, h;
};

struct four {
    struct two l, h;
};

static inline struct two two_add(struct two a, struct two b)
{
    return (struct two){a.l ^ b.l, a.h ^ b.h};
}

static inline struct two two_mul(struct two a, struct two b)
{
    const uint64_t low = a.l & b.l;
    return (struct two){low ^ (a.h & b.h), ((a.l ^ a.h) & (b.l ^ b.h)) ^ low};
}

static inline struct two two_mul_x(struct two a)
{
    return (struct two){a.h, a.l ^ a.h};
}

/* Also the inverse. */
static inline struct two two_square(struct two a)
{
    return (struct two){a.l ^ a.h, a.h};
}

static inline struct four four_add(struct four a, struct four b)
{
    return (struct four){two_add(a.l, b.l), two_add(a.h, b.h)};
}

static inline struct four four_mul(struct four a, struct four b)
{
    const struct two low = two_mul(a.l, b.l);
    const struct two high = two_mul(a.h, b.h);
    const struct two both = two_mul(two_add(a.l, a.h), two_add(b.l, b.h));
    return (struct four){two_add(low, two_mul_x(high)), two_add(both, low)};
}

static inline struct four four_square(struct four a)
{
    const struct two high = two_square(a.h);
    return (struct four){two_add(two_square(a.l), two_mul_x(high)), high};
}

/* times xy + 1 */
static inline struct four four_scale(struct four a)
{
    static const struct four scale = {{UINT64_MAX, 0}, {0, UINT64_MAX}};
    return four_mul(a, scale);
}

static inline struct four four_invert(struct four a)
{
    const struct two norm =
        two_add(two_add(two_mul_x(two_square(a.h)), two_square(a.l)), two_mul(a.l, a.h));
    const struct two inverse = two_square(norm);
    return (struct four){two_mul(two_add(a.l, a.h), inverse), two_mul(a.h, inverse)};
}

/* x becomes its inverse, 0 stays 0. */
static inline void invert(uint64_t x[8])
{
    const struct four l = {{x[0], x[1]}, {x[2], x[3]}};
    const struct four h = {{x[4], x[5]}, {x[6], x[7]}};
    const struct four norm =
        four_add(four_add(four_scale(four_square(h)), four_square(l)), four_mul(l, h));
    const struct four inverse = four_invert(norm);
    const struct four low = four_mul(four_add(l, h), inverse);
    const struct four high = four_mul(h, inverse);
    x[0] = low.l.l;
    x[1] = low.l.h;
    x[2] = low.h.l;
    x[3] = low.h.h;
    x[4] = high.l.l;
    x[5] = high.l.h;
    x[6] = high.h.l;
    x[7] = high.h.h;
}

/* The affine step of GB/T 32907's S-box, into the tower; the inverted bits are the constant's. */
static inline void affine_in(uint64_t x[8])
{
    const uint64_t t8 = x[0] ^ x[6];
    const uint64_t t10 = x[4] ^ x[5];
    const uint64_t t11 = t8 ^ x[1] ^ x[2];
    const uint64_t t13 = x[2] ^ x[7];
    const uint64_t t14 = x[3] ^ t10;
    const uint64_t y[8] = {t8 ^ t10,   x[1] ^ t10, ~x[5], x[5] ^ t11,
                           x[4] ^ t11, ~x[6],      ~t13,  ~(t11 ^ t14)};
    memcpy(x, y, sizeof(y));
}

static inline void affine_out(uint64_t x[8])
{
    const uint64_t t8 = x[0] ^ x[4];
    const uint64_t t9 = x[1] ^ x[3];
    const uint64_t t10 = x[6] ^ x[7];
    const uint64_t y[8] = {~(x[0] ^ x[2]),      ~(x[6] ^ t8),           x[4] ^ x[1] ^ x[2],
                           x[0] ^ t10,          ~(x[5] ^ t9),           x[7] ^ t9,
                           ~(t8 ^ x[1] ^ x[5]), ~(x[2] ^ t8 ^ t9 ^ t10)};
    memcpy(x, y, sizeof(y));
}

static inline void substitute_planes(uint64_t x[8])
{
    affine_in(x);
    invert(x);
    affine_out(x);
}

static uint32_t substitute(uint32_t word)
{
    uint64_t x[8];
    uint32_t out = 0;
    for (int p = 0; p < 8; p++)
        x[p] = word >> p & 0x01010101;
    substitute_planes(x);
    for (int p = 0; p < 8; p++)
        out |= (uint32_t)(x[p] & 0x01010101) << p;
    return out;
}

static void expand(const uint8_t key[PHI_SM4_KEY_LEN], uint32_t round[PHI_SM4_ROUNDS])
{
    sm4_expand(key, round, substitute);
}

/* Blocks to planes and back */

/* Byte b goes to byte 2b. */
static inline uint64_t spread(uint32_t word)
{
    uint64_t out = word;
    out = (out | out << 16) & 0x0000ffff0000ffff;
    return (out | out << 8) & 0x00ff00ff00ff00ff;
}

static inline uint32_t gather(uint64_t wide)
{
    wide &= 0x00ff00ff00ff00ff;
    wide = (wide | wide >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(wide | wide >> 16);
}

static inline void swap_bits(uint64_t *a, uint64_t *b, unsigned by, uint64_t mask)
{
    const uint64_t differ = (*a >> by ^ *b) & mask;
    *a ^= differ << by;
    *b ^= differ;
}

/* Bit p of byte k of word m becomes bit m of byte k of word p, and the other way round. */
static void transpose(uint64_t w[8])
{
    for (int i = 0; i < 8; i += 2)
        swap_bits(&w[i], &w[i + 1], 1, 0x5555555555555555);
    for (int i = 0; i < 6; i += i == 1 ? 3 : 1) /* 0, 1, 4, 5 */
        swap_bits(&w[i], &w[i + 2], 2, 0x3333333333333333);
    for (int i = 0; i < 4; i++)
        swap_bits(&w[i], &w[i + 4], 4, 0x0f0f0f0f0f0f0f0f);
}

static void to_planes(const uint32_t words[BLOCKS], uint64_t x[8])
{
    for (int m = 0; m < 8; m++)
        x[m] = spread(words[m]) | spread(words[m + 8]) << 8;
    transpose(x);
}

static void from_planes(uint64_t x[8], uint8_t *first)
{
    transpose(x);
    for (int m = 0; m < 8; m++) {
        sm4_store(gather(x[m]), first + 16 * (ptrdiff_t)m);
        sm4_store(gather(x[m] >> 8), first + 16 * (ptrdiff_t)(m + 8));
    }
}

/* Rounds */

static inline uint64_t turn_bytes(uint64_t plane, unsigned bytes)
{
    return plane << (16 * bytes) | plane >> (64 - 16 * bytes);
}

/* Bit p of each byte of the round's key, sixteen times. */
static inline uint64_t key_plane(uint32_t round, int p)
{
    const uint64_t ones = spread(round >> p & 0x01010101);
    return (ones << 16) - ones;
}

static void one_round(uint64_t x0[8], const uint64_t x1[8], const uint64_t x2[8],
                      const uint64_t x3[8], uint32_t round)
{
    uint64_t s[8], u[8];
    for (int p = 0; p < 8; p++)
        s[p] = x1[p] ^ x2[p] ^ x3[p] ^ key_plane(round, p);
    substitute_planes(s);
    for (int p = 0; p < 8; p++)
        u[p] = s[p] ^ turn_bytes(s[p], 1) ^ turn_bytes(s[p], 2);
    for (int p = 0; p < 8; p++) /* s ^ s<<<24 ^ u<<<2 */
        x0[p] ^= s[p] ^ turn_bytes(s[p], 3) ^ (p < 2 ? turn_bytes(u[p + 6], 1) : u[p - 2]);
}

static void stream(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                   uint8_t *out)
{
    uint32_t words[4 * BLOCKS];
    uint64_t x[4][8];
    sm4_counter_words(counter, words, BLOCKS);
    for (int i = 0; i < 4; i++)
        to_planes(words + BLOCKS * (ptrdiff_t)i, x[i]);
    for (int i = 0; i < PHI_SM4_ROUNDS; i += 4) {
        one_round(x[0], x[1], x[2], x[3], round[i]);
        one_round(x[1], x[2], x[3], x[0], round[i + 1]);
        one_round(x[2], x[3], x[0], x[1], round[i + 2]);
        one_round(x[3], x[0], x[1], x[2], round[i + 3]);
    }
    for (int i = 0; i < 4; i++)
        from_planes(x[3 - i], out + 4 * (ptrdiff_t)i);
    phi_wipe(x, sizeof(x));
}

static void ctr(const uint32_t round[PHI_SM4_ROUNDS], struct phi_sm4_counter counter,
                const uint8_t *in, size_t len, uint8_t *out)
{
    sm4_ctr_by(stream, BLOCKS, round, counter, in, len, out);
}

static bool is_here(void)
{
    return true;
}

const struct phi_sm4_core phi_sm4_core_plain = {
    .name = "plain", .is_here = is_here, .expand = expand, .ctr = ctr};
