#include "base/metrics.h"
#include "crypto/sm3/compress.h"

#include <stdlib.h>
#include <string.h>

#define KEY_LEN_MAX 4096

static void update_parts(struct phi_sm3_stream *stream, const struct phi_view *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        phi_sm3_update(stream, parts[i].data, parts[i].len);
}

static void digest_parts(const struct phi_view *parts, size_t count, uint8_t out[PHI_SM3_LEN])
{
    struct phi_sm3_stream stream;
    phi_sm3_begin(&stream);
    update_parts(&stream, parts, count);
    phi_sm3_finish(&stream, out);
}

enum phi_err phi_sm3_parts(const struct phi_view *parts, size_t count, uint8_t out[PHI_SM3_LEN])
{
    digest_parts(parts, count, out);
    return PHI_OK;
}

enum phi_err phi_sm3(struct phi_view data, uint8_t out[PHI_SM3_LEN])
{
    return phi_sm3_parts(&data, 1, out);
}

/* The states after the padded key. */
struct phi_hmac_key {
    uint32_t inner[8];
    uint32_t outer[8];
    struct phi_counter *uses; /* NULL: nothing is counted */
};

void phi_sm3_hmac_pads(struct phi_view key, uint32_t inner[8], uint32_t outer[8])
{
    uint8_t block[PHI_SM3_BLOCK_LEN] = {0};
    if (key.len > PHI_SM3_BLOCK_LEN)
        digest_parts(&key, 1, block);
    else
        memcpy(block, key.data, key.len);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    memcpy(inner, phi_sm3_start, sizeof(phi_sm3_start));
    phi_sm3_compress(inner, block, 1);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    memcpy(outer, phi_sm3_start, sizeof(phi_sm3_start));
    phi_sm3_compress(outer, block, 1);
    phi_wipe(block, sizeof(block));
}

enum phi_err phi_hmac_key_new(struct phi_view key, struct phi_hmac_key **out)
{
    if (key.len == 0 || key.len > KEY_LEN_MAX)
        return PHI_ERR_KEY;
    struct phi_hmac_key *made = malloc(sizeof(*made));
    if (!made)
        return PHI_ERR_MEMORY;
    phi_sm3_hmac_pads(key, made->inner, made->outer);
    made->uses = NULL;
    *out = made;
    return PHI_OK;
}

void phi_hmac_key_free(struct phi_hmac_key *key)
{
    if (!key)
        return;
    phi_wipe(key, sizeof(*key));
    free(key);
}

void phi_hmac_key_count(struct phi_hmac_key *key, struct phi_counter *uses)
{
    key->uses = uses;
}

static void resume(struct phi_sm3_stream *stream, const uint32_t pad[8])
{
    memcpy(stream->state, pad, sizeof(stream->state));
    stream->len = PHI_SM3_BLOCK_LEN;
}

void phi_sm3_hmac(const uint32_t inner[8], const uint32_t outer[8], const struct phi_view *parts,
                  size_t count, uint8_t out[PHI_SM3_LEN])
{
    struct phi_sm3_stream stream;
    uint8_t digest[PHI_SM3_LEN];
    resume(&stream, inner);
    update_parts(&stream, parts, count);
    phi_sm3_finish(&stream, digest);
    resume(&stream, outer);
    phi_sm3_update(&stream, digest, sizeof(digest));
    phi_sm3_finish(&stream, out);
    phi_wipe(digest, sizeof(digest));
}

enum phi_err phi_hmac_sm3(const struct phi_hmac_key *key, const struct phi_view *parts,
                          size_t count, uint8_t out[PHI_SM3_LEN])
{
    phi_sm3_hmac(key->inner, key->outer, parts, count, out);
    if (key->uses)
        phi_counter_add(key->uses, 1);
    return PHI_OK;
}
