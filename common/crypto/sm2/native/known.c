#include "crypto/sm2/native/known.h"

#include "crypto/random.h"
#include "crypto/sm2/native/base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BUCKET_COUNT 256

/* A table costs about as much as ten verifications without one. */
#define SMALL_AFTER 16
#define LARGE_AFTER 4096

#define EVICT_TRIES 4

static const unsigned window_bits[PHI_SM2_SIZE_COUNT] = {6, 8}; /* 86 KB, 256 KB */

struct phi_sm2_known {
    struct phi_sm2_affine point;
    _Atomic(struct phi_sm2_table *) table;
    atomic_uint readers; /* between enter and leave */
    atomic_uint uses;
    atomic_uint used_at; /* of `tables_made`, when it was last used */
    atomic_bool is_announced;
    /* the rest is for those who hold the lock */
    struct phi_sm2_table *retired; /* unlinked, and perhaps still read */
    enum phi_sm2_size retired_size;
    enum phi_sm2_size size; /* of `table` */
    unsigned keys;
    bool is_building;
    struct phi_sm2_known *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct phi_sm2_known *buckets[BUCKET_COUNT];
static uint64_t hash_keys[8]; /* random: no one can choose points that meet in one bucket */
static bool is_keyed;
static size_t limits[PHI_SM2_SIZE_COUNT] = {256, 64}; /* 22 MB, 16 MB */
static size_t counts[PHI_SM2_SIZE_COUNT];             /* with the retired ones */
/* The time by which the least recently used table is found: it goes on when one is made, so that
 * using a table seldom writes anything. */
static atomic_uint tables_made;

static struct phi_sm2_known **bucket_of(const struct phi_sm2_affine *point)
{
    uint64_t words[8];
    uint64_t hash = 0;
    memcpy(words, point, sizeof(words));
    if (!is_keyed)
        (void)!phi_random_bytes(hash_keys, sizeof(hash_keys)); /* zeros if need be */
    is_keyed = true;
    for (int i = 0; i < 8; i += 2) {
        phi_u128 product = (phi_u128)(words[i] + hash_keys[i]) * (words[i + 1] + hash_keys[i + 1]);
        hash += (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    return &buckets[hash % BUCKET_COUNT];
}

static void table_free(struct phi_sm2_table *table, enum phi_sm2_size size)
{
    free(table->points);
    free(table);
    counts[size]--;
}

static struct phi_sm2_table *table_new(enum phi_sm2_size size)
{
    const unsigned bits = window_bits[size];
    const size_t bytes = phi_sm2_table_points(bits) * sizeof(struct phi_sm2_affine);
    struct phi_sm2_table *table = malloc(sizeof(*table));
    void *points = table ? aligned_alloc(64, bytes) : NULL;
    if (!points) {
        free(table);
        return NULL;
    }
    *table = (struct phi_sm2_table){bits, (256 + bits - 1) / bits, points};
    return table;
}

/* Who enters after the table was unlinked finds none, so no reader left means no one reads it. */
static void sweep(struct phi_sm2_known *known)
{
    if (known->retired && atomic_load(&known->readers) == 0) {
        table_free(known->retired, known->retired_size);
        known->retired = NULL;
    }
}

static void retire(struct phi_sm2_known *known, struct phi_sm2_table *table)
{
    known->retired = table;
    known->retired_size = known->size;
    sweep(known);
}

static bool is_forgotten(const struct phi_sm2_known *known)
{
    return known->keys == 0 && !known->is_building && !known->retired &&
           !atomic_load(&known->table);
}

static void forget(struct phi_sm2_known **at)
{
    struct phi_sm2_known *known = *at;
    *at = known->next;
    free(known);
}

static unsigned age_of(struct phi_sm2_known *known)
{
    return atomic_load(&tables_made) - atomic_load_explicit(&known->used_at, memory_order_relaxed);
}

static bool may_leave(struct phi_sm2_known *known, enum phi_sm2_size size)
{
    return atomic_load(&known->table) && known->size == size && !known->retired &&
           !known->is_building;
}

/* The one of a size that was not used for the longest time; drops what is of no more use. */
static struct phi_sm2_known *oldest(enum phi_sm2_size size)
{
    struct phi_sm2_known *found = NULL;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        struct phi_sm2_known **at = &buckets[i];
        while (*at) {
            sweep(*at);
            if (is_forgotten(*at)) {
                forget(at);
                continue;
            }
            if (may_leave(*at, size) && (!found || age_of(*at) > age_of(found)))
                found = *at;
            at = &(*at)->next;
        }
    }
    return found;
}

/* A table that is being read at this moment goes too, but its room is free only later. */
static void evict(enum phi_sm2_size size)
{
    for (int i = 0; i < EVICT_TRIES; i++) {
        struct phi_sm2_known *known = oldest(size);
        if (counts[size] < limits[size] || !known)
            return;
        atomic_store(&known->uses, 0);
        retire(known, atomic_exchange(&known->table, NULL));
    }
}

/* Room is taken before the work begins, so that the limit holds whatever others do meanwhile. */
static bool reserve(struct phi_sm2_known *known, enum phi_sm2_size size, bool may_evict)
{
    bool has_table = atomic_load(&known->table) != NULL;
    sweep(known);
    if (known->is_building || known->retired || (has_table && known->size >= size))
        return false;
    known->is_building = true;
    if (may_evict && counts[size] >= limits[size])
        evict(size);
    if (counts[size] >= limits[size]) {
        known->is_building = false;
        return false;
    }
    counts[size]++;
    atomic_fetch_add(&tables_made, 1);
    return true;
}

static void touch(struct phi_sm2_known *known)
{
    const unsigned now = atomic_load_explicit(&tables_made, memory_order_relaxed);
    if (atomic_load_explicit(&known->used_at, memory_order_relaxed) != now)
        atomic_store_explicit(&known->used_at, now, memory_order_relaxed);
}

static void publish(struct phi_sm2_known *known, struct phi_sm2_table *table,
                    enum phi_sm2_size size)
{
    known->is_building = false;
    if (!table) {
        counts[size]--;
        return;
    }
    touch(known);
    struct phi_sm2_table *before = atomic_exchange(&known->table, table);
    if (before)
        retire(known, before);
    known->size = size;
}

static void build(struct phi_sm2_known *known, enum phi_sm2_size size, bool may_evict)
{
    (void)pthread_mutex_lock(&lock);
    bool is_mine = reserve(known, size, may_evict);
    (void)pthread_mutex_unlock(&lock);
    if (!is_mine)
        return;
    struct phi_sm2_table *table = table_new(size);
    if (table)
        phi_sm2_base_get()->core->build(table, &known->point);
    (void)pthread_mutex_lock(&lock);
    publish(known, table, size);
    (void)pthread_mutex_unlock(&lock);
}

void phi_sm2_known_announce(struct phi_sm2_known *known)
{
    atomic_store(&known->is_announced, true);
    build(known, PHI_SM2_SIZE_LARGE, true);
}

struct phi_sm2_known *phi_sm2_known_get(const struct phi_sm2_affine *point)
{
    (void)pthread_mutex_lock(&lock);
    struct phi_sm2_known **bucket = bucket_of(point);
    struct phi_sm2_known *known = *bucket;
    while (known && memcmp(&known->point, point, sizeof(*point)) != 0)
        known = known->next;
    if (!known) {
        known = calloc(1, sizeof(*known));
        if (known) {
            known->point = *point;
            known->next = *bucket;
            *bucket = known;
        }
    }
    if (known)
        known->keys++;
    (void)pthread_mutex_unlock(&lock);
    return known;
}

void phi_sm2_known_put(struct phi_sm2_known *known)
{
    if (!known)
        return;
    (void)pthread_mutex_lock(&lock);
    struct phi_sm2_known **at = bucket_of(&known->point);
    known->keys--;
    sweep(known);
    while (*at != known)
        at = &(*at)->next;
    if (is_forgotten(known))
        forget(at);
    (void)pthread_mutex_unlock(&lock);
}

/* The counter stops where nothing more is to be earned, so that it is not written for ever. */
static void count_use(struct phi_sm2_known *known)
{
    if (atomic_load_explicit(&known->uses, memory_order_relaxed) > LARGE_AFTER)
        return;
    unsigned uses = atomic_fetch_add_explicit(&known->uses, 1, memory_order_relaxed) + 1;
    if (uses % SMALL_AFTER == 0 && !atomic_load(&known->table))
        build(known, atomic_load(&known->is_announced) ? PHI_SM2_SIZE_LARGE : PHI_SM2_SIZE_SMALL,
              true);
    else if (uses == LARGE_AFTER)
        build(known, PHI_SM2_SIZE_LARGE, false);
}

const struct phi_sm2_table *phi_sm2_known_enter(struct phi_sm2_known *known)
{
    count_use(known);
    (void)atomic_fetch_add(&known->readers, 1);
    const struct phi_sm2_table *table = atomic_load(&known->table);
    if (table)
        touch(known);
    return table;
}

void phi_sm2_known_leave(struct phi_sm2_known *known)
{
    (void)atomic_fetch_sub(&known->readers, 1);
}

void phi_sm2_known_limit(enum phi_sm2_size size, size_t count)
{
    limits[size] = count;
}

size_t phi_sm2_known_count(enum phi_sm2_size size)
{
    (void)pthread_mutex_lock(&lock);
    size_t count = counts[size];
    (void)pthread_mutex_unlock(&lock);
    return count;
}
