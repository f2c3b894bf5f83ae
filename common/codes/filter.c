#include "codes/filter.h"

#include "codes/region.h"

#include <string.h>

static const char magic[] = "JKF1";

static uint64_t word_of(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word = word << 8 | bytes[i];
    return word;
}

/* Ids are first bytes of SM3, so their two halves are hashes already. */
static uint32_t bit_of(const uint8_t id[PHI_REVOCATION_ID_LEN], unsigned probe, uint32_t bits)
{
    return (uint32_t)((word_of(id) + probe * word_of(id + 8)) % bits);
}

static uint32_t bits_for(size_t ids)
{
    size_t bits = (ids * PHI_FILTER_BITS_PER_ID + 7) / 8 * 8;
    return ids == 0 ? 0 : bits < PHI_FILTER_BITS_MIN ? PHI_FILTER_BITS_MIN : (uint32_t)bits;
}

static void add(uint8_t *set, uint32_t bits, const uint8_t id[PHI_REVOCATION_ID_LEN])
{
    for (unsigned i = 0; i < PHI_FILTER_PROBES; i++) {
        uint32_t bit = bit_of(id, i, bits);
        set[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
}

static void write_head(const struct phi_filter_contents *contents, const char *key_serial,
                       struct phi_writer *out)
{
    phi_write_bytes(out, magic, 4);
    phi_write_bytes(out, contents->platform, 6);
    phi_write_u64(out, contents->sequence);
    phi_write_u64(out, (uint64_t)contents->issued_s);
    phi_write_u64(out, (uint64_t)contents->not_after_s);
    phi_write_bytes(out, key_serial, PHI_FILTER_KEY_LEN);
    phi_write_u16(out, (uint16_t)contents->range_count);
    for (size_t i = 0; i < contents->range_count; i++) {
        const struct phi_filter_range *range = &contents->ranges[i];
        phi_write_bytes(out, range->platform, 6);
        phi_write_u8(out, range->key_set);
        phi_write_u64(out, (uint64_t)range->from_s);
        phi_write_u64(out, (uint64_t)range->until_s);
    }
    phi_write_u32(out, (uint32_t)contents->id_count);
    phi_write_u8(out, PHI_FILTER_PROBES);
}

enum phi_err phi_filter_write(const struct phi_filter_contents *contents,
                              const struct phi_sm2_private *key, const char *key_serial,
                              struct phi_arena *arena, struct phi_view *out)
{
    if (contents->range_count > PHI_FILTER_RANGES_MAX || contents->id_count > PHI_FILTER_IDS_MAX ||
        strlen(contents->platform) != 6 || strlen(key_serial) != PHI_FILTER_KEY_LEN)
        return PHI_ERR_FIELD_VALUE;
    enum phi_err err = PHI_OK;
    uint32_t bits = bits_for(contents->id_count);
    size_t len = PHI_FILTER_HEAD_LEN + contents->range_count * PHI_FILTER_RANGE_LEN + 9 + bits / 8;
    uint8_t *bytes = phi_arena_alloc(arena, len + PHI_SM2_SIG_LEN); /* zeroed */
    if (bytes == NULL)
        return PHI_ERR_MEMORY;
    struct phi_writer writer = phi_writer_of(bytes, len);
    write_head(contents, key_serial, &writer);
    phi_write_u32(&writer, bits);
    for (size_t i = 0; i < contents->id_count; i++)
        add(bytes + len - bits / 8, bits, contents->ids[i]);
    PHI_GUARD(phi_sm2_sign(key, phi_view_of(bytes, len), bytes + len));
    *out = phi_view_of(bytes, len + PHI_SM2_SIG_LEN);
out:
    return err;
}

static enum phi_err broken(struct phi_error *error, const char *place)
{
    return phi_error_set(error, PHI_ERR_FRAME, place, "not of this form");
}

static bool read_platform(struct phi_reader *in, char out[7])
{
    phi_read_into(in, out, 6);
    out[6] = '\0';
    return phi_region_is_valid(phi_view_of(out, 6)) || strcmp(out, "000000") == 0;
}

static bool is_serial(const char *text)
{
    return strspn(text, "0123456789abcdef") == PHI_FILTER_KEY_LEN;
}

static int64_t read_seconds(struct phi_reader *in)
{
    return (int64_t)(phi_read_u64(in) & INT64_MAX);
}

static enum phi_err read_head(struct phi_reader *in, struct phi_filter *out,
                              struct phi_error *error)
{
    if (!phi_view_equal(phi_read_view(in, 4), phi_view_of(magic, 4)))
        return broken(error, "type");
    if (!read_platform(in, out->platform))
        return broken(error, "platform");
    out->sequence = phi_read_u64(in);
    out->issued_s = read_seconds(in);
    out->not_after_s = read_seconds(in);
    phi_read_into(in, out->key_serial, PHI_FILTER_KEY_LEN);
    if (!is_serial(out->key_serial))
        return broken(error, "key");
    out->range_count = phi_read_u16(in);
    if (out->range_count > PHI_FILTER_RANGES_MAX)
        return broken(error, "keySets");
    out->ranges = phi_read_view(in, out->range_count * PHI_FILTER_RANGE_LEN);
    return PHI_OK;
}

/* A filter whose set is empty has no bits; one with ids has probes and bits. */
static enum phi_err read_set(struct phi_reader *in, struct phi_filter *out, struct phi_error *error)
{
    out->id_count = phi_read_u32(in);
    out->probes = phi_read_u8(in);
    out->bits = phi_read_u32(in);
    bool is_empty = out->id_count == 0 && out->bits == 0;
    bool is_good = out->bits % 8 == 0 && out->bits >= PHI_FILTER_BITS_MIN &&
                   out->bits <= PHI_FILTER_BITS_MAX && out->id_count <= PHI_FILTER_IDS_MAX;
    if (out->probes < 1 || out->probes > 32 || (!is_empty && !is_good))
        return broken(error, "set");
    out->set = phi_read_view(in, out->bits / 8);
    return PHI_OK;
}

enum phi_err phi_filter_read(struct phi_view bytes, struct phi_filter *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_filter filter = {0};
    struct phi_reader in = phi_reader_of(bytes);
    PHI_GUARD(read_head(&in, &filter, error));
    PHI_GUARD(read_set(&in, &filter, error));
    filter.sig = phi_read_view(&in, PHI_SM2_SIG_LEN).data;
    if (!phi_reader_done(&in))
        return broken(error, "length");
    filter.signed_part = phi_view_of(bytes.data, bytes.len - PHI_SM2_SIG_LEN);
    *out = filter;
out:
    return err;
}

enum phi_err phi_filter_verify(const struct phi_filter *filter, const struct phi_sm2_public *key)
{
    return phi_sm2_verify(key, filter->signed_part, filter->sig);
}

bool phi_filter_has(const struct phi_filter *filter, const uint8_t id[PHI_REVOCATION_ID_LEN])
{
    for (unsigned i = 0; i < filter->probes && filter->bits > 0; i++) {
        uint32_t bit = bit_of(id, i, filter->bits);
        if ((filter->set.data[bit / 8] >> (bit % 8) & 1) == 0)
            return false;
    }
    return filter->bits > 0;
}

struct phi_filter_range phi_filter_range_at(const struct phi_filter *filter, size_t i)
{
    struct phi_filter_range range = {0};
    struct phi_reader in = phi_reader_of(
        phi_view_of(filter->ranges.data + i * PHI_FILTER_RANGE_LEN, PHI_FILTER_RANGE_LEN));
    phi_read_into(&in, range.platform, 6);
    range.key_set = phi_read_u8(&in);
    range.from_s = read_seconds(&in);
    range.until_s = read_seconds(&in);
    return range;
}

bool phi_filter_has_key_set(const struct phi_filter *filter, const char *platform, uint8_t key_set,
                            int64_t deadline_s)
{
    for (size_t i = 0; i < filter->range_count; i++) {
        struct phi_filter_range range = phi_filter_range_at(filter, i);
        if (memcmp(range.platform, platform, 6) == 0 && range.key_set == key_set &&
            range.from_s <= deadline_s && deadline_s <= range.until_s)
            return true;
    }
    return false;
}
