#include "crypto/sm3/backend.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN   64
#define KEY_LEN_MAX 4096

const struct phi_sm3_backend *const phi_sm3_backend = &phi_sm3_openssl;

static enum phi_err digest_from(const struct phi_sm3_state *from, const struct phi_view *parts,
                                size_t count, uint8_t out[PHI_SM3_LEN])
{
    enum phi_err err = PHI_OK;
    struct phi_sm3_state *state = NULL;
    PHI_GUARD(phi_sm3_backend->begin(from, &state));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(phi_sm3_backend->update(state, parts[i].data, parts[i].len));
    PHI_GUARD(phi_sm3_backend->finish(state, out));
out:
    phi_sm3_backend->drop(state);
    return err;
}

enum phi_err phi_sm3_parts(const struct phi_view *parts, size_t count, uint8_t out[PHI_SM3_LEN])
{
    return digest_from(NULL, parts, count, out);
}

enum phi_err phi_sm3(struct phi_view data, uint8_t out[PHI_SM3_LEN])
{
    return phi_sm3_parts(&data, 1, out);
}

struct phi_hmac_key {
    struct phi_sm3_state *inner;
    struct phi_sm3_state *outer;
};

static enum phi_err pad_begin(const uint8_t block[BLOCK_LEN], uint8_t pad,
                              struct phi_sm3_state **out)
{
    uint8_t padded[BLOCK_LEN];
    for (size_t i = 0; i < BLOCK_LEN; i++)
        padded[i] = block[i] ^ pad;
    enum phi_err err = phi_sm3_backend->begin(NULL, out);
    if (err == PHI_OK)
        err = phi_sm3_backend->update(*out, padded, sizeof(padded));
    phi_wipe(padded, sizeof(padded));
    return err;
}

enum phi_err phi_hmac_key_new(struct phi_view key, struct phi_hmac_key **out)
{
    if (key.len == 0 || key.len > KEY_LEN_MAX)
        return PHI_ERR_KEY;
    struct phi_hmac_key *made = calloc(1, sizeof(*made));
    if (!made)
        return PHI_ERR_MEMORY;
    enum phi_err err = PHI_OK;
    uint8_t block[BLOCK_LEN] = {0};
    if (key.len > BLOCK_LEN)
        PHI_GUARD(phi_sm3(key, block));
    else
        memcpy(block, key.data, key.len);
    PHI_GUARD(pad_begin(block, 0x36, &made->inner));
    PHI_GUARD(pad_begin(block, 0x5c, &made->outer));
    *out = made;
    made = NULL;
out:
    phi_wipe(block, sizeof(block));
    phi_hmac_key_free(made);
    return err;
}

void phi_hmac_key_free(struct phi_hmac_key *key)
{
    if (!key)
        return;
    phi_sm3_backend->drop(key->inner);
    phi_sm3_backend->drop(key->outer);
    free(key);
}

enum phi_err phi_hmac_sm3(const struct phi_hmac_key *key, const struct phi_view *parts,
                          size_t count, uint8_t out[PHI_SM3_LEN])
{
    enum phi_err err = PHI_OK;
    uint8_t inner[PHI_SM3_LEN];
    PHI_GUARD(digest_from(key->inner, parts, count, inner));
    struct phi_view part = phi_view_of(inner, sizeof(inner));
    PHI_GUARD(digest_from(key->outer, &part, 1, out));
out:
    return err;
}
