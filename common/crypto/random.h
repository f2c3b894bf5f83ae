/* Random bytes and identifiers made of them.
 *
 *   uint8_t id[16];
 *   PHI_GUARD(phi_uuid7(phi_clock_now_us(NULL), id));
 *   char text[PHI_UUID_TEXT_LEN + 1];
 *   phi_uuid_format(id, text);
 */
#ifndef PHI_CRYPTO_RANDOM_H
#define PHI_CRYPTO_RANDOM_H

#include "base/bytes.h"

#define PHI_UUID_LEN      16
#define PHI_UUID_TEXT_LEN 36

/* Fills `out` from the operating system's seeded generator. Any thread; does not block.
 * Errors: PHI_ERR_CRYPTO, then `out` is zeroed. */
enum phi_err phi_random_bytes(void *out, size_t len) PHI_MUST_USE;

/* A UUID of version 7 (RFC 9562): 48 bits of milliseconds, the rest random. Any thread; does not
 * block. Errors: PHI_ERR_CRYPTO. */
enum phi_err phi_uuid7(int64_t now_us, uint8_t out[PHI_UUID_LEN]) PHI_MUST_USE;

/* 8-4-4-4-12 in lower case, with the ending zero. Any thread. */
void phi_uuid_format(const uint8_t id[PHI_UUID_LEN], char out[PHI_UUID_TEXT_LEN + 1]);

/* Reads exactly what phi_uuid_format writes (either case). Any thread. Errors: PHI_ERR_FIELD_VALUE.
 */
enum phi_err phi_uuid_parse(struct phi_view text, uint8_t out[PHI_UUID_LEN]) PHI_MUST_USE;

#endif
