#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define RANGE_LEN  23
#define RANGES_MAX 256
#define IDS_MAX    1000000
#define BITS_MIN   65536
#define BITS_MAX   (1u << 25)
#define LEN_MAX    (BITS_MAX / 8 + 16384)

static int64_t take_seconds(struct scan_cursor *in)
{
    return (int64_t)(scan_take_number(in, 8) & INT64_MAX);
}

static bool read_head(struct scan_cursor *in, struct scan_filter *out)
{
    struct scan_bytes magic = scan_take(in, 4), platform = scan_take(in, 6);
    if (in->has_failed || memcmp(magic.data, "JKF1", 4) != 0 || !scan_platform_id(platform.data))
        return false;
    memcpy(out->platform, platform.data, 6);
    out->sequence = scan_take_number(in, 8);
    out->issued_s = take_seconds(in);
    out->not_after_s = take_seconds(in);
    struct scan_bytes serial = scan_take(in, SCAN_SERIAL_LEN);
    if (in->has_failed)
        return false;
    memcpy(out->key_serial, serial.data, SCAN_SERIAL_LEN);
    size_t ranges = (size_t)scan_take_number(in, 2);
    out->ranges = scan_take(in, ranges * RANGE_LEN);
    return !in->has_failed && ranges <= RANGES_MAX &&
           strspn(out->key_serial, "0123456789abcdef") == SCAN_SERIAL_LEN;
}

static bool read_set(struct scan_cursor *in, struct scan_filter *out)
{
    uint64_t ids = scan_take_number(in, 4);
    out->probes = (unsigned)scan_take_number(in, 1);
    out->bits = (uint32_t)scan_take_number(in, 4);
    bool is_empty = ids == 0 && out->bits == 0;
    bool is_good =
        out->bits % 8 == 0 && out->bits >= BITS_MIN && out->bits <= BITS_MAX && ids <= IDS_MAX;
    if (in->has_failed || out->probes < 1 || out->probes > 32 || (!is_empty && !is_good))
        return false;
    out->set = scan_take(in, out->bits / 8);
    return !in->has_failed;
}

int scan_filter_read(const void *bytes, size_t len, struct scan_filter *out)
{
    memset(out, 0, sizeof(*out));
    if (len < SCAN_SIG_LEN || len > LEN_MAX)
        return PHI_SCAN_FORM;
    out->bytes = malloc(len);
    if (out->bytes == NULL)
        return PHI_SCAN_MEMORY;
    memcpy(out->bytes, bytes, len);
    out->len = len;
    struct scan_cursor in = {out->bytes, len, false};
    bool is_good = read_head(&in, out) && read_set(&in, out);
    out->signed_part.data = out->bytes;
    out->signed_part.len = len - in.left;
    out->sig = scan_take(&in, SCAN_SIG_LEN).data;
    if (is_good && !in.has_failed && in.left == 0)
        return PHI_SCAN_GOOD;
    scan_filter_drop(out);
    return PHI_SCAN_FORM;
}

void scan_filter_drop(struct scan_filter *filter)
{
    free(filter->bytes);
    memset(filter, 0, sizeof(*filter));
}

bool scan_filter_has(const struct scan_filter *filter, const unsigned char id[SCAN_ID_LEN])
{
    struct scan_cursor in = {id, SCAN_ID_LEN, false};
    uint64_t a = scan_take_number(&in, 8), b = scan_take_number(&in, 8);
    if (filter->bits == 0)
        return false;
    for (unsigned i = 0; i < filter->probes; i++) {
        uint32_t bit = (uint32_t)((a + i * b) % filter->bits);
        if ((filter->set.data[bit / 8] >> (bit % 8) & 1) == 0)
            return false;
    }
    return true;
}

bool scan_filter_has_key_set(const struct scan_filter *filter, const char *platform, int key_set,
                             int64_t deadline_s)
{
    struct scan_cursor in = {filter->ranges.data, filter->ranges.len, false};
    while (in.left > 0) {
        bool is_it = memcmp(scan_take(&in, 6).data, platform, 6) == 0;
        is_it = (int)scan_take_number(&in, 1) == key_set && is_it;
        int64_t from_s = take_seconds(&in), until_s = take_seconds(&in);
        if (is_it && from_s <= deadline_s && deadline_s <= until_s)
            return true;
    }
    return false;
}
