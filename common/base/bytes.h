/* Bytes: borrowed views, a bounds-checked big-endian reader and writer, hex and base64, wiping.
 *
 *   struct phi_reader in = phi_reader_of(view);
 *   uint16_t len = phi_read_u16(&in);
 *   struct phi_view body = phi_read_view(&in, len);
 *   if (!phi_reader_done(&in)) return PHI_ERR_FRAME;      // failed, or bytes left over
 */
#ifndef PHI_BASE_BYTES_H
#define PHI_BASE_BYTES_H

#include "base/err.h"

#include <stdint.h>

/* A borrowed run of bytes; never outlives the call it is given to. `data` may be NULL when len is
 * 0. */
struct phi_view {
    const uint8_t *data;
    size_t len;
};

struct phi_view phi_view_of(const void *data, size_t len);
struct phi_view
phi_view_text(const char *text); /* without the ending zero; NULL gives an empty view */
bool phi_view_equal(struct phi_view a, struct phi_view b); /* not constant time */

/* Reading: a failed read returns zero or an empty view and makes the reader fail for good. */
struct phi_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct phi_reader phi_reader_of(struct phi_view view);
uint8_t phi_read_u8(struct phi_reader *in);
uint16_t phi_read_u16(struct phi_reader *in);
uint32_t phi_read_u32(struct phi_reader *in);
uint64_t phi_read_u64(struct phi_reader *in);
struct phi_view phi_read_view(struct phi_reader *in, size_t len);
void phi_read_into(struct phi_reader *in, void *out, size_t len); /* zeroes `out` on failure */
struct phi_view phi_read_view16(struct phi_reader *in);           /* u16 length, then the bytes */
size_t phi_reader_left(const struct phi_reader *in);
bool phi_reader_done(const struct phi_reader *in); /* not failed and nothing left */

/* Writing into the caller's buffer: a write past the end writes nothing and fails for good. */
struct phi_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

struct phi_writer phi_writer_of(void *buffer, size_t size);
void phi_write_u8(struct phi_writer *out, uint8_t value);
void phi_write_u16(struct phi_writer *out, uint16_t value);
void phi_write_u32(struct phi_writer *out, uint32_t value);
void phi_write_u64(struct phi_writer *out, uint64_t value);
void phi_write_bytes(struct phi_writer *out, const void *data, size_t len);
void phi_write_view(struct phi_writer *out, struct phi_view view);
void phi_write_view16(struct phi_writer *out, struct phi_view view); /* fails past 65,535 bytes */
size_t phi_writer_len(const struct phi_writer *out);

/* Decoding gives PHI_ERR_FIELD_VALUE and leaves `out` and `len` alone when the text is not well
 * formed or does not fit. None of this blocks or allocates; any thread. Hex: lower case out, both
 * cases in. `out` has room for 2*len+1 (encode ends it with a zero). */
void phi_hex_encode(struct phi_view in, char *out);
enum phi_err phi_hex_decode(struct phi_view text, uint8_t *out,
                            size_t out_len) PHI_MUST_USE; /* exact length */

/* Base64 of RFC 4648 section 4 with padding; strict on reading (no white space, no spare bits). */
#define PHI_BASE64_LEN(n) (((n) + 2) / 3 * 4)
void phi_base64_encode(struct phi_view in, char *out); /* room for PHI_BASE64_LEN(len)+1 */
enum phi_err phi_base64_decode(struct phi_view text, uint8_t *out, size_t size,
                               size_t *len) PHI_MUST_USE;

void phi_wipe(void *data, size_t len);                           /* not removed by the compiler */
bool phi_equal_secret(const void *a, const void *b, size_t len); /* constant time */

#endif
