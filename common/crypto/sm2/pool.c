#include "crypto/sm2/pool.h"

#include "crypto/sm2/life.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STEP 64

/* A kernel that can't wipe on fork or keep out of dumps leaves it to phi_sm2_life. */
static struct phi_sm2_pool_store *store_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    (void)madvise(pages, bytes, MADV_WIPEONFORK);
    (void)madvise(pages, bytes, MADV_DONTDUMP);
    return pages;
}

enum phi_err phi_sm2_pool_new(const struct phi_sm2_private *key, size_t capacity,
                              struct phi_sm2_pool **out)
{
    if (capacity == 0 || capacity > PHI_SM2_POOL_MAX)
        return PHI_ERR_CONFIG;
    struct phi_sm2_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return PHI_ERR_MEMORY;
    pool->key = key;
    pool->capacity = capacity;
    pool->bytes = sizeof(*pool->store) + capacity * sizeof(pool->store->ready[0]);
    pool->store = store_map(pool->bytes);
    if (!pool->store || pthread_mutex_init(&pool->lock, NULL) != 0) {
        if (pool->store)
            (void)munmap(pool->store, pool->bytes);
        free(pool);
        return PHI_ERR_MEMORY;
    }
    pool->store->life = phi_sm2_life();
    *out = pool;
    return PHI_OK;
}

void phi_sm2_pool_free(struct phi_sm2_pool *pool)
{
    if (!pool)
        return;
    if (phi_sm2_pool_is_ours(pool)) /* in a child it may be held for good */
        (void)pthread_mutex_destroy(&pool->lock);
    phi_wipe(pool->store, pool->bytes);
    (void)munmap(pool->store, pool->bytes);
    free(pool);
}

bool phi_sm2_pool_is_ours(const struct phi_sm2_pool *pool)
{
    return pool->store->life == phi_sm2_life();
}

size_t phi_sm2_pool_count(struct phi_sm2_pool *pool)
{
    if (!phi_sm2_pool_is_ours(pool))
        return 0;
    (void)pthread_mutex_lock(&pool->lock);
    const size_t count = pool->store->count;
    (void)pthread_mutex_unlock(&pool->lock);
    return count;
}

void phi_sm2_pool_empty(struct phi_sm2_pool *pool)
{
    if (!phi_sm2_pool_is_ours(pool))
        return;
    (void)pthread_mutex_lock(&pool->lock);
    phi_wipe(pool->store->ready, pool->store->count * sizeof(pool->store->ready[0]));
    pool->store->count = 0;
    (void)pthread_mutex_unlock(&pool->lock);
}

/* Filling */

static size_t put(struct phi_sm2_pool *pool, const struct phi_sm2_prepared *made, size_t count)
{
    struct phi_sm2_pool_store *store = pool->store;
    (void)pthread_mutex_lock(&pool->lock);
    const size_t room = pool->capacity - store->count;
    const size_t some = count < room ? count : room;
    memcpy(store->ready + store->count, made, some * sizeof(made[0]));
    store->count += some;
    (void)pthread_mutex_unlock(&pool->lock);
    return some;
}

static size_t fill_some(struct phi_sm2_pool *pool, size_t most)
{
    struct phi_sm2_prepared made[STEP];
    const size_t room = pool->capacity - phi_sm2_pool_count(pool);
    size_t some = most < room ? most : room;
    if (some > STEP)
        some = STEP;
    const size_t count = phi_sm2_private_prepare(pool->key, made, some);
    const size_t kept = put(pool, made, count);
    phi_wipe(made, count * sizeof(made[0]));
    return kept;
}

size_t phi_sm2_pool_fill(struct phi_sm2_pool *pool, size_t most)
{
    size_t done = 0;
    while (done < most && phi_sm2_pool_is_ours(pool)) {
        const size_t some = fill_some(pool, most - done);
        if (some == 0)
            break;
        done += some;
    }
    return done;
}

/* Signing */

static bool take(struct phi_sm2_pool *pool, struct phi_sm2_prepared *out)
{
    struct phi_sm2_pool_store *store = pool->store;
    if (!phi_sm2_pool_is_ours(pool))
        return false;
    (void)pthread_mutex_lock(&pool->lock);
    const bool has_one = store->count > 0;
    if (has_one) {
        *out = store->ready[--store->count];
        phi_wipe(&store->ready[store->count], sizeof(store->ready[0]));
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return has_one;
}

enum phi_err phi_sm2_pool_sign(struct phi_sm2_pool *pool, struct phi_view message,
                               uint8_t sig[PHI_SM2_SIG_LEN])
{
    struct phi_sm2_prepared prepared;
    if (!take(pool, &prepared))
        return phi_sm2_sign(pool->key, message, sig);
    return phi_sm2_private_sign_prepared(pool->key, message, &prepared, sig);
}

void phi_sm2_pool_sign_batch(struct phi_sm2_pool *pool, struct phi_sm2_job *jobs, size_t count)
{
    struct phi_sm2_prepared prepared;
    size_t i = 0;
    for (; i < count && take(pool, &prepared); i++)
        jobs[i].result =
            phi_sm2_private_sign_prepared(pool->key, jobs[i].message, &prepared, jobs[i].sig);
    for (size_t j = i; j < count; j++)
        jobs[j].private_key = pool->key;
    phi_sm2_sign_batch(jobs + i, count - i);
}
