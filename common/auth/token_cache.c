#include "auth/token_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct entry {
    uint8_t digest[PHI_SM3_LEN];
    uint8_t *bytes;
    size_t len;
    int64_t from_us;
    int64_t until_us;
    uint32_t chain; /* next in the bucket, or in the free list */
    uint32_t newer;
    uint32_t older;
};

struct phi_token_cache {
    pthread_mutex_t mutex;
    struct entry *entries;
    uint32_t *buckets;
    uint32_t max;
    uint32_t mask;
    uint32_t count;
    uint32_t free;
    uint32_t newest;
    uint32_t oldest;
};

static uint32_t bucket_count(size_t max)
{
    uint32_t count = 16;
    while (count < max)
        count *= 2;
    return count;
}

static void start_lists(struct phi_token_cache *cache)
{
    for (uint32_t i = 0; i <= cache->mask; i++)
        cache->buckets[i] = NONE;
    for (uint32_t i = 0; i < cache->max; i++)
        cache->entries[i].chain = i + 1 < cache->max ? i + 1 : NONE;
    cache->free = 0;
    cache->newest = NONE;
    cache->oldest = NONE;
}

struct phi_token_cache *phi_token_cache_new(size_t max)
{
    struct phi_token_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL)
        return NULL;
    cache->max = (uint32_t)(max < 1 ? 1 : max > 65536 ? 65536 : max);
    cache->mask = bucket_count(cache->max) - 1;
    cache->entries = calloc(cache->max, sizeof(*cache->entries));
    cache->buckets = calloc((size_t)cache->mask + 1, sizeof(*cache->buckets));
    if (cache->entries == NULL || cache->buckets == NULL ||
        pthread_mutex_init(&cache->mutex, NULL) != 0) {
        free(cache->entries);
        free(cache->buckets);
        free(cache);
        return NULL;
    }
    start_lists(cache);
    return cache;
}

static uint32_t *bucket_of(struct phi_token_cache *cache, const uint8_t digest[PHI_SM3_LEN])
{
    uint32_t hash = 0;
    memcpy(&hash, digest, sizeof(hash));
    return &cache->buckets[hash & cache->mask];
}

static uint32_t find(struct phi_token_cache *cache, const uint8_t digest[PHI_SM3_LEN])
{
    uint32_t at = *bucket_of(cache, digest);
    while (at != NONE && memcmp(cache->entries[at].digest, digest, PHI_SM3_LEN) != 0)
        at = cache->entries[at].chain;
    return at;
}

static void use_unlink(struct phi_token_cache *cache, uint32_t at)
{
    struct entry *entry = &cache->entries[at];
    if (entry->newer != NONE)
        cache->entries[entry->newer].older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older != NONE)
        cache->entries[entry->older].newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void use_link(struct phi_token_cache *cache, uint32_t at)
{
    struct entry *entry = &cache->entries[at];
    entry->newer = NONE;
    entry->older = cache->newest;
    if (cache->newest != NONE)
        cache->entries[cache->newest].newer = at;
    else
        cache->oldest = at;
    cache->newest = at;
}

static void entry_drop(struct phi_token_cache *cache, uint32_t at)
{
    struct entry *entry = &cache->entries[at];
    uint32_t *link = bucket_of(cache, entry->digest);
    while (*link != at)
        link = &cache->entries[*link].chain;
    *link = entry->chain;
    use_unlink(cache, at);
    phi_wipe(entry->bytes, entry->len);
    free(entry->bytes);
    memset(entry, 0, sizeof(*entry));
    entry->chain = cache->free;
    cache->free = at;
    cache->count--;
}

void phi_token_cache_free(struct phi_token_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->oldest != NONE)
        entry_drop(cache, cache->oldest);
    (void)pthread_mutex_destroy(&cache->mutex);
    free(cache->entries);
    free(cache->buckets);
    free(cache);
}

bool phi_token_cache_get(struct phi_token_cache *cache, const uint8_t digest[PHI_SM3_LEN],
                         int64_t now_us, struct phi_arena *arena, struct phi_view *out)
{
    bool found = false;
    (void)pthread_mutex_lock(&cache->mutex);
    uint32_t at = find(cache, digest);
    if (at != NONE) {
        struct entry *entry = &cache->entries[at];
        /* before from_us: the clock was set back, and what was young may no longer be checked */
        if (now_us < entry->from_us || now_us >= entry->until_us) {
            entry_drop(cache, at);
        } else {
            use_unlink(cache, at);
            use_link(cache, at);
            void *copy = phi_arena_copy(arena, entry->bytes, entry->len);
            found = copy != NULL;
            if (found)
                *out = phi_view_of(copy, entry->len);
        }
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return found;
}

static void insert(struct phi_token_cache *cache, const uint8_t digest[PHI_SM3_LEN], uint8_t *bytes,
                   size_t len, int64_t from_us, int64_t until_us)
{
    uint32_t at = find(cache, digest);
    if (at != NONE)
        entry_drop(cache, at);
    if (cache->free == NONE)
        entry_drop(cache, cache->oldest);
    at = cache->free;
    struct entry *entry = &cache->entries[at];
    cache->free = entry->chain;
    memcpy(entry->digest, digest, PHI_SM3_LEN);
    entry->bytes = bytes;
    entry->len = len;
    entry->from_us = from_us;
    entry->until_us = until_us;
    uint32_t *bucket = bucket_of(cache, digest);
    entry->chain = *bucket;
    *bucket = at;
    use_link(cache, at);
    cache->count++;
}

void phi_token_cache_put(struct phi_token_cache *cache, const uint8_t digest[PHI_SM3_LEN],
                         struct phi_view bytes, int64_t from_us, int64_t until_us)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (copy == NULL)
        return;
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    (void)pthread_mutex_lock(&cache->mutex);
    insert(cache, digest, copy, bytes.len, from_us, until_us);
    (void)pthread_mutex_unlock(&cache->mutex);
}

size_t phi_token_cache_count(struct phi_token_cache *cache)
{
    (void)pthread_mutex_lock(&cache->mutex);
    size_t count = cache->count;
    (void)pthread_mutex_unlock(&cache->mutex);
    return count;
}
