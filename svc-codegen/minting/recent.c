#include "svc-codegen/minting/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4

struct slot {
    bool is_used;
    struct recent_entry entry; /* its views are of the two that follow */
    uint8_t *consent;
    uint8_t *code;
};

struct recent {
    pthread_mutex_t lock;
    size_t sets;
    struct slot slots[];
};

struct recent *recent_new(size_t sets)
{
    if (sets == 0 || sets > (SIZE_MAX - sizeof(struct recent)) / (WAYS * sizeof(struct slot)))
        return NULL;
    struct recent *recent = calloc(1, sizeof(*recent) + sets * WAYS * sizeof(struct slot));
    if (recent == NULL)
        return NULL;
    if (pthread_mutex_init(&recent->lock, NULL) != 0) {
        free(recent);
        return NULL;
    }
    recent->sets = sets;
    return recent;
}

static void drop_rows(struct slot *slot)
{
    free(slot->consent);
    free(slot->code);
    slot->consent = slot->code = NULL;
    slot->entry.consent_sealed = slot->entry.code_sealed = (struct phi_view){0};
}

static void clear(struct slot *slot)
{
    drop_rows(slot);
    phi_wipe(slot, sizeof(*slot));
}

void recent_free(struct recent *recent)
{
    if (recent == NULL)
        return;
    for (size_t i = 0; i < recent->sets * WAYS; i++)
        clear(&recent->slots[i]);
    pthread_mutex_destroy(&recent->lock);
    free(recent);
}

/* Application ids are random bytes: some of them are as good as a hash. */
static struct slot *set_of(struct recent *recent, const uint8_t *application_id)
{
    uint64_t hash = 0;
    memcpy(&hash, application_id, sizeof(hash));
    return &recent->slots[hash % recent->sets * WAYS];
}

static struct slot *find(struct recent *recent, const uint8_t *application_id)
{
    struct slot *set = set_of(recent, application_id);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].is_used &&
            memcmp(set[i].entry.application_id, application_id, RECENT_APPLICATION_LEN) == 0)
            return &set[i];
    return NULL;
}

/* A free one, or the one whose code is the oldest. */
static struct slot *choose(struct recent *recent, const uint8_t *application_id)
{
    struct slot *set = set_of(recent, application_id);
    struct slot *chosen = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].is_used)
            return &set[i];
        if (set[i].entry.minted_us < chosen->entry.minted_us)
            chosen = &set[i];
    }
    return chosen;
}

/* NULL with an empty view where there is nothing to copy, or no memory for it. */
static uint8_t *copy_row(struct phi_view *row)
{
    uint8_t *copy = row->len > 0 && row->len <= RECENT_SEALED_MAX ? malloc(row->len) : NULL;
    if (copy != NULL)
        memcpy(copy, row->data, row->len);
    *row = phi_view_of(copy, copy == NULL ? 0 : row->len);
    return copy;
}

static bool copy_out(const struct slot *slot, struct phi_arena *arena, struct recent_entry *out)
{
    *out = slot->entry;
    out->consent_sealed = phi_arena_view(arena, slot->entry.consent_sealed);
    out->code_sealed = phi_arena_view(arena, slot->entry.code_sealed);
    return out->is_committed || (out->consent_sealed.len > 0 && out->code_sealed.len > 0);
}

static bool make_slot(const struct recent_entry *entry, struct slot *out)
{
    *out = (struct slot){.is_used = true, .entry = *entry};
    out->consent = copy_row(&out->entry.consent_sealed);
    out->code = copy_row(&out->entry.code_sealed);
    return entry->is_committed || (out->consent != NULL && out->code != NULL);
}

bool recent_settle(struct recent *recent, struct recent_entry *entry, int64_t since_us,
                   struct phi_arena *arena)
{
    struct slot made;
    bool is_whole = make_slot(entry, &made);
    bool is_other = false;
    pthread_mutex_lock(&recent->lock);
    struct slot *slot = find(recent, entry->application_id);
    if (slot != NULL && slot->entry.minted_us >= since_us) {
        struct recent_entry other;
        is_other = copy_out(slot, arena, &other);
        if (is_other)
            *entry = other;
        phi_wipe(&other, sizeof(other));
    } else if (is_whole) {
        if (slot == NULL)
            slot = choose(recent, entry->application_id);
        clear(slot);
        *slot = made;
        made = (struct slot){.is_used = false};
    }
    pthread_mutex_unlock(&recent->lock);
    clear(&made);
    return is_other;
}

bool recent_get(struct recent *recent, const uint8_t application_id[RECENT_APPLICATION_LEN],
                struct phi_arena *arena, struct recent_entry *out)
{
    pthread_mutex_lock(&recent->lock);
    const struct slot *slot = find(recent, application_id);
    bool is_there = slot != NULL && copy_out(slot, arena, out);
    pthread_mutex_unlock(&recent->lock);
    return is_there;
}

void recent_commit(struct recent *recent, const uint8_t application_id[RECENT_APPLICATION_LEN],
                   const uint8_t serial_hmac[PHI_SM3_LEN])
{
    pthread_mutex_lock(&recent->lock);
    struct slot *slot = find(recent, application_id);
    if (slot != NULL && memcmp(slot->entry.serial_hmac, serial_hmac, PHI_SM3_LEN) == 0) {
        slot->entry.is_committed = true;
        drop_rows(slot);
    }
    pthread_mutex_unlock(&recent->lock);
}

void recent_know(struct recent *recent, const struct recent_entry *entry)
{
    pthread_mutex_lock(&recent->lock);
    struct slot *slot = find(recent, entry->application_id);
    if (slot == NULL) {
        slot = choose(recent, entry->application_id);
        clear(slot);
        *slot = (struct slot){.is_used = true, .entry = *entry};
        phi_wipe(slot->entry.text, sizeof(slot->entry.text));
        slot->entry.consent_sealed = slot->entry.code_sealed = (struct phi_view){0};
    }
    slot->entry.minted_us = entry->minted_us;
    slot->entry.is_committed = true;
    pthread_mutex_unlock(&recent->lock);
}
