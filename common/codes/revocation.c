/* Open addressing with linear probes. A slot is written once and published by its `until`, which a
 * later version may raise; dropping and growing build the second of two tables and swap. A reader
 * counts itself into the table that it reads, and looks again whether that is still the one: the
 * writer waits for the count before it takes a table away, which is for the time of a look-up. */
#include "codes/revocation.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 1024

struct slot {
    _Atomic int64_t until_s; /* 0: empty */
    int64_t from_s;
    uint64_t version;
    uint8_t id[PHI_REVOCATION_ID_LEN];
    char platform[7];
    uint8_t kind;
};

struct table {
    size_t size; /* a power of two */
    struct slot slots[];
};

struct phi_revocations {
    pthread_mutex_t lock; /* of those who write */
    size_t max;
    atomic_size_t count;
    atomic_size_t counts[PHI_REVOKED_KINDS];
    _Atomic uint64_t last_version;
    _Atomic uint64_t changes;
    atomic_uint current;
    atomic_size_t readers[2];
    struct table *tables[2];
};

static const char *const names[PHI_REVOKED_KINDS] = {"code", "key-set", "subject"};

const char *phi_revoked_kind_name(enum phi_revoked_kind kind)
{
    return names[kind];
}

enum phi_err phi_revoked_kind_parse(struct phi_view name, enum phi_revoked_kind *out)
{
    for (int i = 0; i < PHI_REVOKED_KINDS; i++) {
        if (phi_view_equal(name, phi_view_text(names[i]))) {
            *out = (enum phi_revoked_kind)i;
            return PHI_OK;
        }
    }
    return PHI_ERR_FIELD_VALUE;
}

void phi_revocation_key_set_id(uint8_t key_set, uint8_t out[PHI_REVOCATION_ID_LEN])
{
    memset(out, 0, PHI_REVOCATION_ID_LEN);
    out[0] = key_set;
}

enum phi_err phi_revocation_subject_id(const struct phi_hmac_key *key, const uint8_t subject[16],
                                       uint8_t out[PHI_REVOCATION_ID_LEN])
{
    uint8_t mac[PHI_SM3_LEN];
    const struct phi_view parts[] = {phi_view_text("revoked"), phi_view_of(subject, 16)};
    enum phi_err err = phi_hmac_sm3(key, parts, 2, mac);
    if (err == PHI_OK)
        memcpy(out, mac, PHI_REVOCATION_ID_LEN);
    return err;
}

static struct table *table_new(size_t size)
{
    struct table *table = calloc(1, sizeof(*table) + size * sizeof(struct slot));
    if (table != NULL)
        table->size = size;
    return table;
}

struct phi_revocations *phi_revocations_new(size_t max)
{
    struct phi_revocations *set = calloc(1, sizeof(*set));
    if (set == NULL)
        return NULL;
    set->max = max;
    set->tables[0] = table_new(SLOTS_MIN);
    if (set->tables[0] == NULL || pthread_mutex_init(&set->lock, NULL) != 0) {
        free(set->tables[0]);
        free(set);
        return NULL;
    }
    return set;
}

void phi_revocations_free(struct phi_revocations *set)
{
    if (set == NULL)
        return;
    free(set->tables[0]);
    free(set->tables[1]);
    pthread_mutex_destroy(&set->lock);
    free(set);
}

static size_t place_of(const struct table *table, const uint8_t id[PHI_REVOCATION_ID_LEN])
{
    uint64_t word = 0;
    memcpy(&word, id, sizeof(word));
    return (size_t)((word * 0x9e3779b97f4a7c15u) >> 20) & (table->size - 1);
}

/* The slot of this id and `from`, or the empty one that it would take: there always is one. */
static struct slot *find(struct table *table, const struct phi_revocation *entry)
{
    for (size_t i = place_of(table, entry->id);; i = (i + 1) & (table->size - 1)) {
        struct slot *slot = &table->slots[i];
        bool is_it = memcmp(slot->id, entry->id, sizeof(slot->id)) == 0 &&
                     strcmp(slot->platform, entry->platform) == 0 &&
                     slot->from_s == entry->from_s && slot->kind == entry->kind;
        if (is_it || atomic_load_explicit(&slot->until_s, memory_order_relaxed) == 0)
            return slot;
    }
}

static void fill(struct slot *slot, const struct phi_revocation *entry)
{
    memcpy(slot->id, entry->id, sizeof(slot->id));
    slot->from_s = entry->from_s;
    slot->version = entry->version;
    memcpy(slot->platform, entry->platform, sizeof(slot->platform));
    slot->kind = (uint8_t)entry->kind;
    atomic_store_explicit(&slot->until_s, entry->until_s, memory_order_release);
}

static struct phi_revocation entry_of(const struct slot *slot)
{
    struct phi_revocation entry = {.kind = (enum phi_revoked_kind)slot->kind,
                                   .from_s = slot->from_s,
                                   .until_s = atomic_load(&slot->until_s),
                                   .version = slot->version};
    memcpy(entry.id, slot->id, sizeof(entry.id));
    memcpy(entry.platform, slot->platform, sizeof(entry.platform));
    return entry;
}

static void swap(struct phi_revocations *set, struct table *table)
{
    unsigned old = atomic_load(&set->current), next = 1 - old;
    while (atomic_load(&set->readers[next]) > 0)
        sched_yield(); /* one that has seen that it is late is on its way out */
    set->tables[next] = table;
    atomic_store(&set->current, next);
    while (atomic_load(&set->readers[old]) > 0)
        sched_yield();
    free(set->tables[old]);
    set->tables[old] = NULL;
}

/* What is not over yet, in a table at most half full. */
static enum phi_err rebuild(struct phi_revocations *set, int64_t now_s)
{
    const struct table *old = set->tables[atomic_load(&set->current)];
    size_t live = 0, counts[PHI_REVOKED_KINDS] = {0}, size = SLOTS_MIN;
    for (size_t i = 0; i < old->size; i++)
        live += atomic_load(&old->slots[i].until_s) >= now_s;
    while (size < 2 * (live + 1))
        size *= 2;
    struct table *table = table_new(size);
    if (table == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < old->size; i++) {
        struct phi_revocation entry = entry_of(&old->slots[i]);
        if (entry.until_s == 0 || entry.until_s < now_s)
            continue;
        fill(find(table, &entry), &entry);
        counts[entry.kind]++;
    }
    swap(set, table);
    for (int kind = 0; kind < PHI_REVOKED_KINDS; kind++)
        atomic_store(&set->counts[kind], counts[kind]);
    atomic_store(&set->count, live);
    return PHI_OK;
}

static enum phi_err make_room(struct phi_revocations *set, int64_t now_s)
{
    size_t count = atomic_load(&set->count);
    enum phi_err err = PHI_OK;
    if (count >= set->max || 4 * count >= 3 * set->tables[atomic_load(&set->current)]->size)
        err = rebuild(set, now_s);
    if (err == PHI_OK && atomic_load(&set->count) >= set->max)
        err = PHI_ERR_OVERLOAD;
    return err;
}

static enum phi_err put(struct phi_revocations *set, const struct phi_revocation *entry,
                        int64_t now_s)
{
    enum phi_err err = PHI_OK;
    struct slot *slot = find(set->tables[atomic_load(&set->current)], entry);
    if (atomic_load(&slot->until_s) != 0) {
        if (entry->version <= slot->version)
            return PHI_ERR_STATE;
        slot->version = entry->version;
        if (entry->until_s > atomic_load(&slot->until_s))
            atomic_store(&slot->until_s, entry->until_s);
        return PHI_OK;
    }
    PHI_GUARD(make_room(set, now_s));
    fill(find(set->tables[atomic_load(&set->current)], entry), entry);
    atomic_fetch_add(&set->counts[entry->kind], 1);
    atomic_fetch_add(&set->count, 1);
out:
    return err;
}

enum phi_err phi_revocations_put(struct phi_revocations *set, const struct phi_revocation *entry,
                                 int64_t now_s)
{
    if (entry->until_s < now_s || entry->until_s <= 0 || entry->until_s < entry->from_s)
        return PHI_ERR_STATE;
    pthread_mutex_lock(&set->lock);
    enum phi_err err = put(set, entry, now_s);
    if (err == PHI_OK)
        atomic_fetch_add(&set->changes, 1);
    if (err == PHI_OK && entry->version > atomic_load(&set->last_version))
        atomic_store(&set->last_version, entry->version);
    pthread_mutex_unlock(&set->lock);
    return err;
}

enum phi_err phi_revocations_drop(struct phi_revocations *set, int64_t now_s)
{
    pthread_mutex_lock(&set->lock);
    enum phi_err err = rebuild(set, now_s);
    pthread_mutex_unlock(&set->lock);
    return err;
}

static unsigned enter(struct phi_revocations *set)
{
    for (;;) {
        unsigned current = atomic_load(&set->current);
        atomic_fetch_add(&set->readers[current], 1);
        if (atomic_load(&set->current) == current)
            return current;
        atomic_fetch_sub(&set->readers[current], 1);
    }
}

static bool has(const struct table *table, const char *platform,
                const uint8_t id[PHI_REVOCATION_ID_LEN], int64_t deadline_s)
{
    for (size_t i = place_of(table, id);; i = (i + 1) & (table->size - 1)) {
        const struct slot *slot = &table->slots[i];
        int64_t until_s = atomic_load_explicit(&slot->until_s, memory_order_acquire);
        if (until_s == 0)
            return false;
        if (memcmp(slot->id, id, sizeof(slot->id)) == 0 && slot->from_s <= deadline_s &&
            deadline_s <= until_s && strcmp(slot->platform, platform) == 0)
            return true;
    }
}

bool phi_revocations_has(struct phi_revocations *set, const char *platform,
                         const uint8_t id[PHI_REVOCATION_ID_LEN], int64_t deadline_s)
{
    if (atomic_load(&set->count) == 0)
        return false;
    unsigned current = enter(set);
    bool is_there = has(set->tables[current], platform, id, deadline_s);
    atomic_fetch_sub(&set->readers[current], 1);
    return is_there;
}

size_t phi_revocations_count(struct phi_revocations *set)
{
    return atomic_load(&set->count);
}

size_t phi_revocations_count_of(struct phi_revocations *set, enum phi_revoked_kind kind)
{
    return atomic_load(&set->counts[kind]);
}

uint64_t phi_revocations_last_version(struct phi_revocations *set)
{
    return atomic_load(&set->last_version);
}

uint64_t phi_revocations_changes(struct phi_revocations *set)
{
    return atomic_load(&set->changes);
}

void phi_revocations_each(struct phi_revocations *set,
                          void (*each)(void *context, const struct phi_revocation *entry),
                          void *context)
{
    pthread_mutex_lock(&set->lock);
    const struct table *table = set->tables[atomic_load(&set->current)];
    for (size_t i = 0; i < table->size; i++) {
        struct phi_revocation entry = entry_of(&table->slots[i]);
        if (entry.until_s != 0)
            each(context, &entry);
    }
    pthread_mutex_unlock(&set->lock);
}
