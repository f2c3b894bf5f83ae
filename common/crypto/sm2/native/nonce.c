#include "crypto/sm2/native/nonce.h"

#include "crypto/random.h"
#include "crypto/sm2/native/order.h"

#include <pthread.h>
#include <stdatomic.h>

/* Digest and random bytes fill one block of SM3 with its padding: 32 + 23 + 9 = 64. */
#define RANDOM_LEN 23
#define DRAW_COUNT 64

/* Asking the generator costs as much as a tenth of a signature, so each thread draws for 64 at a
 * time. Every byte is used once and wiped; a forked child draws anew. */
struct pool {
    uint8_t bytes[DRAW_COUNT][RANDOM_LEN];
    size_t left;
    unsigned life;
};

static _Thread_local struct pool pool;
static atomic_uint life = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
    atomic_fetch_add(&life, 1);
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, in_child);
}

static enum phi_err draw(uint8_t out[RANDOM_LEN])
{
    (void)pthread_once(&once, watch_forks);
    unsigned now = atomic_load_explicit(&life, memory_order_relaxed);
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

/* A candidate out of range, one in 2^32, is thrown away with the random bytes that made it. */
enum phi_err phi_sm2_nonce(const struct phi_sm2_nonce_key *key, const uint8_t digest[PHI_SM3_LEN],
                           struct phi_u256 *k)
{
    uint8_t random[RANDOM_LEN];
    uint8_t mac[PHI_SM3_LEN];
    const struct phi_view parts[] = {phi_view_of(digest, PHI_SM3_LEN),
                                     phi_view_of(random, sizeof(random))};
    bool is_in_range = false;
    enum phi_err err = PHI_OK;
    while (!is_in_range) {
        struct phi_u256 rest;
        PHI_GUARD(draw(random));
        phi_sm3_hmac(key->inner, key->outer, parts, 2, mac);
        *k = u256_from_bytes(mac);
        is_in_range = u256_sub(&rest, k, &phi_sm2_n) && !u256_zero_mask(k);
        phi_wipe(&rest, sizeof(rest));
    }
out:
    phi_wipe(random, sizeof(random));
    phi_wipe(mac, sizeof(mac));
    return err;
}
