#include "codes/bucket.h"

#include "codes/region.h"

#include <inttypes.h>
#include <string.h>

#define NAME_AT  2
#define NAME_LEN (PHI_SUBJECT_LEN - NAME_AT)

static const char *const kinds[PHI_BUCKET_KIND_COUNT] = {"digest", "begin"};
static const char key_names[PHI_BUCKET_KIND_COUNT][NAME_LEN + 1] = {"phi.dir.digest",
                                                                    "phi.dir..begin"};

const char *phi_bucket_kind_name(enum phi_bucket_kind kind)
{
    return kinds[kind];
}

uint16_t phi_bucket_of(const uint8_t subject[PHI_SUBJECT_LEN])
{
    return (uint16_t)((unsigned)subject[0] << 4 | subject[1] >> 4);
}

void phi_bucket_range(uint16_t bucket, uint8_t low[PHI_SUBJECT_LEN], uint8_t high[PHI_SUBJECT_LEN])
{
    memset(low, 0x00, PHI_SUBJECT_LEN);
    memset(high, 0xff, PHI_SUBJECT_LEN);
    low[0] = high[0] = (uint8_t)(bucket >> 4);
    low[1] = (uint8_t)((bucket & 0x0fu) << 4);
    high[1] = (uint8_t)(low[1] | 0x0fu);
}

enum phi_err phi_bucket_sum_add(struct phi_bucket_sum *sum, const struct phi_entry *entry,
                                struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_view json;
    uint8_t h[PHI_ENTRY_DIGEST_LEN];
    PHI_GUARD(phi_entry_format(entry, arena, &json));
    PHI_GUARD(phi_entry_digest(entry->subject, entry->version, json, h));
    phi_entry_digest_add(sum->digest, h);
    sum->count++;
out:
    return err;
}

bool phi_bucket_sum_equal(const struct phi_bucket_sum *a, const struct phi_bucket_sum *b)
{
    return a->count == b->count && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

void phi_bucket_mark_key(enum phi_bucket_kind kind, uint16_t bucket, uint8_t key[PHI_SUBJECT_LEN])
{
    key[0] = (uint8_t)(bucket >> 4);
    key[1] = (uint8_t)((bucket & 0x0fu) << 4);
    memcpy(key + NAME_AT, key_names[kind], NAME_LEN);
}

bool phi_bucket_mark_is(struct phi_view key, enum phi_bucket_kind *kind, uint16_t *bucket)
{
    if (key.len != PHI_SUBJECT_LEN || (key.data[1] & 0x0fu) != 0)
        return false;
    for (int i = 0; i < PHI_BUCKET_KIND_COUNT; i++) {
        if (memcmp(key.data + NAME_AT, key_names[i], NAME_LEN) != 0)
            continue;
        *kind = (enum phi_bucket_kind)i;
        *bucket = phi_bucket_of(key.data);
        return true;
    }
    return false;
}

enum phi_err phi_bucket_mark_format(const struct phi_bucket_mark *mark, struct phi_arena *arena,
                                    struct phi_view *json)
{
    char digest[2 * PHI_ENTRY_DIGEST_LEN + 1];
    if (!phi_platform_is_valid(phi_view_text(mark->region)) || mark->bucket >= PHI_BUCKETS ||
        (int)mark->kind < 0 || mark->kind >= PHI_BUCKET_KIND_COUNT)
        return PHI_ERR_FIELD_VALUE;
    phi_hex_encode(phi_view_of(mark->sum.digest, PHI_ENTRY_DIGEST_LEN), digest);
    const char *text = phi_arena_printf(
        arena,
        "{\"bucket\":%u,\"count\":%" PRIu64 ",\"digest\":\"%s\",\"kind\":\"%s\",\"region\":"
        "\"%s\",\"version\":\"%" PRIu64 "\"}",
        mark->bucket, mark->sum.count, digest, kinds[mark->kind], mark->region, mark->version);
    if (text == NULL)
        return PHI_ERR_MEMORY;
    *json = phi_view_text(text);
    return PHI_OK;
}
