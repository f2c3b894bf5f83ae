#include "crypto/sm2/native/nonce.h"

#include "crypto/random.h"
#include "crypto/sm2/life.h"
#include "crypto/sm2/native/order.h"

#include <stdatomic.h>

/* Digest and random bytes fill one block of SM3 with its padding: 32 + 23 + 9 = 64. */
#define RANDOM_LEN 23
#define DRAW_COUNT 64

/* 8 + 32 bytes: no message of the other kind of nonce, which has 55. */
#define AHEAD_RANDOM_LEN 32

/* Asking the generator costs as much as a tenth of a signature, so each thread draws for 64 at a
 * time. Every byte is used once and wiped; a forked child draws anew. */
struct pool {
    uint8_t bytes[DRAW_COUNT][RANDOM_LEN];
    size_t left;
    unsigned life;
};

static _Thread_local struct pool pool;

static enum phi_err draw(uint8_t out[RANDOM_LEN])
{
    const unsigned now = phi_sm2_life();
    if (pool.left == 0 || pool.life != now) {
        pool.left = 0;
        if (phi_random_bytes(pool.bytes, sizeof(pool.bytes)) != PHI_OK)
            return PHI_ERR_CRYPTO;
        pool.left = DRAW_COUNT;
        pool.life = now;
    }
    uint8_t *bytes = pool.bytes[--pool.left];
    memcpy(out, bytes, RANDOM_LEN);
    phi_wipe(bytes, RANDOM_LEN);
    return PHI_OK;
}

void phi_sm2_nonce_key_init(struct phi_sm2_nonce_key *key, const uint8_t scalar[32])
{
    phi_sm3_hmac_pads(phi_view_of(scalar, 32), key->inner, key->outer);
}

/* True when the MAC is a number in [1, n−1]. A candidate out of range, one in 2^32, is thrown away
 * with the random bytes that made it. */
static bool nonce_of(const struct phi_sm2_nonce_key *key, const struct phi_view parts[2],
                     struct phi_u256 *k)
{
    uint8_t mac[PHI_SM3_LEN];
    struct phi_u256 rest;
    phi_sm3_hmac(key->inner, key->outer, parts, 2, mac);
    *k = u256_from_bytes(mac);
    const bool is_in_range = u256_sub(&rest, k, &phi_sm2_n) && !u256_zero_mask(k);
    phi_wipe(&rest, sizeof(rest));
    phi_wipe(mac, sizeof(mac));
    return is_in_range;
}

enum phi_err phi_sm2_nonce(const struct phi_sm2_nonce_key *key, const uint8_t digest[PHI_SM3_LEN],
                           struct phi_u256 *k)
{
    uint8_t random[RANDOM_LEN];
    const struct phi_view parts[] = {phi_view_of(digest, PHI_SM3_LEN),
                                     phi_view_of(random, sizeof(random))};
    enum phi_err err = PHI_OK;
    do
        PHI_GUARD(draw(random));
    while (!nonce_of(key, parts, k));
out:
    phi_wipe(random, sizeof(random));
    return err;
}

enum phi_err phi_sm2_nonce_ahead(const struct phi_sm2_nonce_key *key, struct phi_u256 *k)
{
    static atomic_uint_fast64_t counter;
    uint8_t random[AHEAD_RANDOM_LEN];
    uint64_t number = 0;
    const struct phi_view parts[] = {phi_view_of(&number, sizeof(number)),
                                     phi_view_of(random, sizeof(random))};
    enum phi_err err = PHI_OK;
    do {
        number = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
        PHI_GUARD(phi_random_bytes(random, sizeof(random)));
    } while (!nonce_of(key, parts, k));
out:
    phi_wipe(random, sizeof(random));
    return err;
}
