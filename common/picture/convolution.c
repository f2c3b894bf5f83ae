#include "picture/mark_parts.h"

#include <string.h>

#define STATES 64
#define STEPS  (8 * PHI_MARK_BLOCK_LEN + 6)
#define WAYS   4

static const unsigned generators[WAYS] = {0135, 0135, 0147, 0163};

/* The four bits of one step: `window` is the newest bit (high) and the six before it. */
static unsigned step_bits(unsigned window)
{
    unsigned bits = 0;
    for (int way = 0; way < WAYS; way++)
        bits = bits << 1 | (unsigned)__builtin_parity(window & generators[way]);
    return bits;
}

static unsigned block_bit(const uint8_t *block, int step)
{
    return step < 8 * PHI_MARK_BLOCK_LEN ? block[step / 8] >> (7 - step % 8) & 1U : 0;
}

void phi_convolution_encode(const uint8_t block[PHI_MARK_BLOCK_LEN],
                            uint8_t bits[PHI_MARK_CODED_BITS])
{
    unsigned state = 0;
    for (int step = 0; step < STEPS; step++) {
        unsigned window = block_bit(block, step) << 6 | state;
        unsigned four = step_bits(window);
        for (int way = 0; way < WAYS; way++)
            bits[step * WAYS + way] = (uint8_t)(four >> (WAYS - 1 - way) & 1);
        state = window >> 1;
    }
}

/* How well each of the sixteen outcomes of a step fits what was received. */
static void fits_of(const float soft[WAYS], float fits[16])
{
    for (unsigned four = 0; four < 16; four++) {
        fits[four] = 0;
        for (int way = 0; way < WAYS; way++)
            fits[four] += (four >> (WAYS - 1 - way) & 1) != 0 ? soft[way] : -soft[way];
    }
}

static void advance(const float before[STATES], const float fits[16], float after[STATES],
                    uint64_t *from)
{
    *from = 0;
    for (unsigned to = 0; to < STATES; to++) {
        unsigned even = to << 1; /* newest bit and the two states that lead here */
        unsigned window_0 = even & 0x7f;
        unsigned window_1 = window_0 | 1;
        float way_0 = before[window_0 & 63] + fits[step_bits(window_0)];
        float way_1 = before[window_1 & 63] + fits[step_bits(window_1)];
        after[to] = way_1 > way_0 ? way_1 : way_0;
        *from |= (uint64_t)(way_1 > way_0) << to;
    }
}

void phi_convolution_decode(const float soft[PHI_MARK_CODED_BITS],
                            uint8_t block[PHI_MARK_BLOCK_LEN])
{
    float scores[2][STATES];
    uint64_t from[STEPS];
    float fits[16];
    for (int i = 0; i < STATES; i++)
        scores[0][i] = i == 0 ? 0 : -1e9F;
    for (int step = 0; step < STEPS; step++) {
        fits_of(soft + (size_t)step * WAYS, fits);
        advance(scores[step % 2], fits, scores[(step + 1) % 2], &from[step]);
    }
    memset(block, 0, PHI_MARK_BLOCK_LEN);
    unsigned state = 0;
    for (int step = STEPS - 1; step >= 0; step--) {
        if (step < 8 * PHI_MARK_BLOCK_LEN)
            block[step / 8] |= (uint8_t)((state >> 5) << (7 - step % 8));
        state = (state << 1 & 63) | (unsigned)(from[step] >> state & 1);
    }
}
