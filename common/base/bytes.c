#include "base/bytes.h"

#include <string.h>

struct phi_view phi_view_of(const void *data, size_t len)
{
    return (struct phi_view){data, len};
}

struct phi_view phi_view_text(const char *text)
{
    return phi_view_of(text, text != NULL ? strlen(text) : 0);
}

bool phi_view_equal(struct phi_view a, struct phi_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct phi_reader phi_reader_of(struct phi_view view)
{
    static const uint8_t nothing[1];
    const uint8_t *at = view.len > 0 ? view.data : nothing;
    return (struct phi_reader){at, at + view.len, false};
}

size_t phi_reader_left(const struct phi_reader *in)
{
    return in->failed ? 0 : (size_t)(in->end - in->at);
}

bool phi_reader_done(const struct phi_reader *in)
{
    return !in->failed && in->at == in->end;
}

/* The next `len` bytes, or NULL and a reader that has failed. */
static const uint8_t *take(struct phi_reader *in, size_t len)
{
    if (in->failed || (size_t)(in->end - in->at) < len) {
        in->failed = true;
        return NULL;
    }
    const uint8_t *at = in->at;
    in->at += len;
    return at;
}

static uint64_t read_big_endian(struct phi_reader *in, size_t len)
{
    const uint8_t *at = take(in, len);
    uint64_t value = 0;
    for (size_t i = 0; at != NULL && i < len; i++)
        value = value << 8 | at[i];
    return value;
}

uint8_t phi_read_u8(struct phi_reader *in)
{
    return (uint8_t)read_big_endian(in, 1);
}

uint16_t phi_read_u16(struct phi_reader *in)
{
    return (uint16_t)read_big_endian(in, 2);
}

uint32_t phi_read_u32(struct phi_reader *in)
{
    return (uint32_t)read_big_endian(in, 4);
}

uint64_t phi_read_u64(struct phi_reader *in)
{
    return read_big_endian(in, 8);
}

struct phi_view phi_read_view(struct phi_reader *in, size_t len)
{
    const uint8_t *at = take(in, len);
    return at != NULL ? phi_view_of(at, len) : phi_view_of(NULL, 0);
}

void phi_read_into(struct phi_reader *in, void *out, size_t len)
{
    const uint8_t *at = take(in, len);
    if (len == 0)
        return;
    if (at != NULL)
        memcpy(out, at, len);
    else
        memset(out, 0, len);
}

struct phi_view phi_read_view16(struct phi_reader *in)
{
    return phi_read_view(in, phi_read_u16(in));
}

struct phi_writer phi_writer_of(void *buffer, size_t size)
{
    static uint8_t nothing[1];
    uint8_t *start = size > 0 ? buffer : nothing;
    return (struct phi_writer){start, start, start + size, false};
}

size_t phi_writer_len(const struct phi_writer *out)
{
    return (size_t)(out->at - out->start);
}

void phi_write_bytes(struct phi_writer *out, const void *data, size_t len)
{
    if (out->failed || (size_t)(out->end - out->at) < len) {
        out->failed = true;
        return;
    }
    if (len > 0)
        memcpy(out->at, data, len);
    out->at += len;
}

static void write_big_endian(struct phi_writer *out, uint64_t value, size_t len)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(value >> 8 * (len - 1 - i));
    phi_write_bytes(out, bytes, len);
}

void phi_write_u8(struct phi_writer *out, uint8_t value)
{
    write_big_endian(out, value, 1);
}

void phi_write_u16(struct phi_writer *out, uint16_t value)
{
    write_big_endian(out, value, 2);
}

void phi_write_u32(struct phi_writer *out, uint32_t value)
{
    write_big_endian(out, value, 4);
}

void phi_write_u64(struct phi_writer *out, uint64_t value)
{
    write_big_endian(out, value, 8);
}

void phi_write_view(struct phi_writer *out, struct phi_view view)
{
    phi_write_bytes(out, view.data, view.len);
}

void phi_write_view16(struct phi_writer *out, struct phi_view view)
{
    if (out->failed || view.len > UINT16_MAX ||
        (size_t)(out->end - out->at) < sizeof(uint16_t) + view.len) {
        out->failed = true;
        return;
    }
    phi_write_u16(out, (uint16_t)view.len);
    phi_write_view(out, view);
}

void phi_hex_encode(struct phi_view in, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        *out++ = digits[in.data[i] >> 4];
        *out++ = digits[in.data[i] & 15];
    }
    *out = '\0';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum phi_err phi_hex_decode(struct phi_view text, uint8_t *out, size_t out_len)
{
    if (text.len % 2 != 0 || text.len / 2 != out_len)
        return PHI_ERR_FIELD_VALUE;
    for (size_t i = 0; i < text.len; i++)
        if (hex_value(text.data[i]) < 0)
            return PHI_ERR_FIELD_VALUE;
    for (size_t i = 0; i < out_len; i++)
        out[i] = (uint8_t)(hex_value(text.data[2 * i]) * 16 + hex_value(text.data[2 * i + 1]));
    return PHI_OK;
}

void phi_wipe(void *data, size_t len)
{
    if (len > 0)
        explicit_bzero(data, len);
}

bool phi_equal_secret(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < len; i++)
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    return difference == 0;
}
