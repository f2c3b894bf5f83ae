/* What a pool of prepared nonces looks like inside; for crypto/sm2/pool.c and its test.
 *
 *   assert(phi_sm2_pool_is_ours(pool) && pool->store->count == 3);
 */
#ifndef PHI_CRYPTO_SM2_POOL_INSIDE_H
#define PHI_CRYPTO_SM2_POOL_INSIDE_H

#include "crypto/sm2/backend.h"
#include "crypto/sm2_pool.h"

#include <pthread.h>

/* In pages of its own, which a forked child gets as zeros and no core dump shows. */
struct phi_sm2_pool_store {
    unsigned life; /* of the process that made it, see phi_sm2_life; never 0 there */
    size_t count;
    struct phi_sm2_prepared ready[];
};

struct phi_sm2_pool {
    const struct phi_sm2_private *key;
    size_t capacity;
    size_t bytes; /* of `store` */
    pthread_mutex_t lock;
    struct phi_sm2_pool_store *store;
};

/* False in a forked child, which must not take the lock either. */
bool phi_sm2_pool_is_ours(const struct phi_sm2_pool *pool);

#endif
