#include "crypto/seal.h"

#include "base/metrics.h"
#include "crypto/random.h"
#include "crypto/sm3.h"
#include "crypto/sm4.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_LEN (4 + PHI_SEAL_NONCE_LEN)

struct phi_seal_key {
    uint32_t id;
    struct phi_sm4_key encrypt_key;
    struct phi_hmac_key *mac_key;
    int64_t from_us;
    int64_t to_us;
    struct phi_counter *uses;  /* NULL: nothing is counted */
    struct phi_seal_key *next; /* other keys of the same use */
    const struct phi_clock *clock;
};

static enum phi_err derive(struct phi_seal_key *key, struct phi_view data_key)
{
    enum phi_err err = PHI_OK;
    struct phi_hmac_key *root = NULL;
    uint8_t derived[PHI_SM3_LEN];
    struct phi_view label = phi_view_text("phi seal encrypt");
    PHI_GUARD(phi_hmac_key_new(data_key, &root));
    PHI_GUARD(phi_hmac_sm3(root, &label, 1, derived));
    phi_sm4_key_init(&key->encrypt_key, derived);
    label = phi_view_text("phi seal mac");
    PHI_GUARD(phi_hmac_sm3(root, &label, 1, derived));
    PHI_GUARD(phi_hmac_key_new(phi_view_of(derived, sizeof(derived)), &key->mac_key));
out:
    phi_wipe(derived, sizeof(derived));
    phi_hmac_key_free(root);
    return err;
}

enum phi_err phi_seal_key_new(uint32_t key_id, struct phi_view data_key, struct phi_seal_key **out)
{
    if (data_key.len < 16 || data_key.len > 64)
        return PHI_ERR_KEY;
    struct phi_seal_key *key = calloc(1, sizeof(*key));
    if (!key)
        return PHI_ERR_MEMORY;
    key->id = key_id;
    key->from_us = INT64_MIN;
    key->to_us = INT64_MAX;
    enum phi_err err = derive(key, data_key);
    if (err != PHI_OK) {
        phi_seal_key_free(key);
        return err;
    }
    *out = key;
    return PHI_OK;
}

void phi_seal_key_free(struct phi_seal_key *key)
{
    while (key) {
        struct phi_seal_key *next = key->next;
        phi_hmac_key_free(key->mac_key);
        phi_wipe(key, sizeof(*key));
        free(key);
        key = next;
    }
}

uint32_t phi_seal_key_id(const struct phi_seal_key *key)
{
    return key->id;
}

bool phi_seal_key_has(const struct phi_seal_key *chain, uint32_t key_id)
{
    for (const struct phi_seal_key *at = chain; at; at = at->next) {
        if (at->id == key_id)
            return true;
    }
    return false;
}

void phi_seal_key_time(struct phi_seal_key *key, int64_t from_us, int64_t to_us)
{
    key->from_us = from_us;
    key->to_us = to_us;
}

void phi_seal_key_count(struct phi_seal_key *key, struct phi_counter *uses)
{
    key->uses = uses;
}

enum phi_err phi_seal_key_add(struct phi_seal_key *key, struct phi_seal_key *other,
                              const struct phi_clock *clock)
{
    if (key->id == other->id)
        return PHI_ERR_KEY;
    for (const struct phi_seal_key *at = key->next; at; at = at->next) {
        if (at->id == other->id)
            return PHI_ERR_KEY;
    }
    other->next = key->next;
    key->next = other;
    key->clock = clock;
    return PHI_OK;
}

static bool is_in_force(const struct phi_seal_key *key, int64_t now_us)
{
    return key->from_us <= now_us && now_us < key->to_us;
}

/* The key that seals now. */
static const struct phi_seal_key *newest(const struct phi_seal_key *chain)
{
    const struct phi_seal_key *found = NULL;
    int64_t now_us = phi_clock_now_us(chain->clock);
    for (const struct phi_seal_key *at = chain; at; at = at->next) {
        if (is_in_force(at, now_us) && (!found || at->from_us > found->from_us))
            found = at;
    }
    return found;
}

/* The key that unseals what names it. */
static const struct phi_seal_key *key_of(const struct phi_seal_key *chain, uint32_t id)
{
    int64_t now_us = phi_clock_now_us(chain->clock);
    for (const struct phi_seal_key *at = chain; at; at = at->next) {
        if (at->id == id)
            return is_in_force(at, now_us) ? at : NULL;
    }
    return NULL;
}

static void count_use(const struct phi_seal_key *key)
{
    if (key->uses)
        phi_counter_add(key->uses, 1);
}

/* `body` is key id, nonce and ciphertext: everything before the MAC. */
static enum phi_err mac_of(const struct phi_seal_key *key, const char *context,
                           const uint8_t subject[PHI_SEAL_SUBJECT_LEN], struct phi_view body,
                           uint8_t mac[PHI_SEAL_MAC_LEN])
{
    const struct phi_view parts[] = {
        phi_view_of(context, strlen(context) + 1),
        phi_view_of(subject, PHI_SEAL_SUBJECT_LEN),
        body,
    };
    return phi_hmac_sm3(key->mac_key, parts, 3, mac);
}

enum phi_err phi_seal(const struct phi_seal_key *chain, const char *context,
                      const uint8_t subject[PHI_SEAL_SUBJECT_LEN], struct phi_view plain,
                      struct phi_arena *arena, struct phi_view *sealed)
{
    const struct phi_seal_key *key = newest(chain);
    if (!key)
        return PHI_ERR_KEY;
    if (plain.len > SIZE_MAX - PHI_SEAL_OVERHEAD)
        return PHI_ERR_MEMORY;
    enum phi_err err = PHI_OK;
    size_t len = plain.len + PHI_SEAL_OVERHEAD;
    uint8_t *bytes = phi_arena_alloc(arena, len);
    if (!bytes)
        return PHI_ERR_MEMORY;
    struct phi_writer head = phi_writer_of(bytes, 4);
    phi_write_u32(&head, key->id);
    PHI_GUARD(phi_random_bytes(bytes + 4, PHI_SEAL_NONCE_LEN));
    phi_sm4_key_ctr(&key->encrypt_key, bytes + 4, plain.data, plain.len, bytes + HEAD_LEN);
    struct phi_view body = phi_view_of(bytes, HEAD_LEN + plain.len);
    PHI_GUARD(mac_of(key, context, subject, body, bytes + body.len));
    count_use(key);
    *sealed = phi_view_of(bytes, len);
out:
    return err;
}

enum phi_err phi_sealed_key_id(struct phi_view sealed, uint32_t *key_id)
{
    if (sealed.len < PHI_SEAL_OVERHEAD)
        return PHI_ERR_DATA_BROKEN;
    struct phi_reader in = phi_reader_of(sealed);
    *key_id = phi_read_u32(&in);
    return PHI_OK;
}

enum phi_err phi_unseal(const struct phi_seal_key *chain, const char *context,
                        const uint8_t subject[PHI_SEAL_SUBJECT_LEN], struct phi_view sealed,
                        struct phi_arena *arena, struct phi_view *plain)
{
    enum phi_err err = PHI_OK;
    uint32_t id = 0;
    uint8_t mac[PHI_SEAL_MAC_LEN];
    PHI_GUARD(phi_sealed_key_id(sealed, &id));
    const struct phi_seal_key *key = key_of(chain, id);
    if (!key)
        return PHI_ERR_DATA_BROKEN;
    struct phi_view body = phi_view_of(sealed.data, sealed.len - PHI_SEAL_MAC_LEN);
    PHI_GUARD(mac_of(key, context, subject, body, mac));
    if (!phi_equal_secret(mac, sealed.data + body.len, sizeof(mac)))
        return PHI_ERR_DATA_BROKEN;
    size_t len = body.len - HEAD_LEN;
    uint8_t *bytes = phi_arena_alloc(arena, len > 0 ? len : 1);
    if (!bytes)
        return PHI_ERR_MEMORY;
    phi_sm4_key_ctr(&key->encrypt_key, sealed.data + 4, sealed.data + HEAD_LEN, len, bytes);
    count_use(key);
    *plain = phi_view_of(bytes, len);
out:
    return err;
}
