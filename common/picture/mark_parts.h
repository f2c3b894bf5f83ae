/* What mark.c, convolution.c and trace.c share. Inside the room. */
#ifndef PHI_PICTURE_MARK_PARTS_H
#define PHI_PICTURE_MARK_PARTS_H

#include "picture/mark.h"

#define PHI_MARK_SQUARES_MAX (PHI_MARK_COLUMNS * PHI_MARK_ROWS_MAX)

/* A block of 16 bytes from and to the mark: a keyed permutation, so each bit depends on all.
 * open: PHI_ERR_NOT_FOUND when this key made no such block. */
enum phi_err phi_mark_seal(const struct phi_mark_key *key, const struct phi_mark *mark,
                           uint8_t out[PHI_MARK_BLOCK_LEN]) PHI_MUST_USE;
enum phi_err phi_mark_open(const struct phi_mark_key *key, const uint8_t block[PHI_MARK_BLOCK_LEN],
                           struct phi_mark *out) PHI_MUST_USE;

/* Which coded bit a square carries, and whether turned round. */
int phi_mark_bit_of(const struct phi_mark_key *key, int square);
bool phi_mark_is_turned(const struct phi_mark_key *key, int square);

/* The convolutional code of rate 1/4 and constraint length 7 (generators 135, 135, 147, 163 octal),
 * ended by six zeros; the decoder is Viterbi's, over soft values: positive leans to 1. Pure. */
void phi_convolution_encode(const uint8_t block[PHI_MARK_BLOCK_LEN],
                            uint8_t bits[PHI_MARK_CODED_BITS]);
void phi_convolution_decode(const float soft[PHI_MARK_CODED_BITS],
                            uint8_t block[PHI_MARK_BLOCK_LEN]);

#endif
