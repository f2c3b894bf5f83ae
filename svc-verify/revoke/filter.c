/* GET /v1/codes/revocations: what this platform knows to be revoked, as a filter that it signs. */
#include "svc-verify/revoke/revoke.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_S          5
#define FILTER_ARENA_MAX (64 * 1024 * 1024)

struct gathered {
    struct phi_filter_range *ranges;
    size_t range_count;
    uint8_t (*ids)[PHI_REVOCATION_ID_LEN];
    size_t id_count;
    size_t id_max;
};

static void gather(void *context, const struct phi_revocation *entry)
{
    struct gathered *all = context;
    if (entry->kind == PHI_REVOKED_CODE && all->id_count < all->id_max) {
        memcpy(all->ids[all->id_count++], entry->id, PHI_REVOCATION_ID_LEN);
    } else if (entry->kind == PHI_REVOKED_KEY_SET && all->range_count < PHI_FILTER_RANGES_MAX) {
        struct phi_filter_range *range = &all->ranges[all->range_count++];
        memcpy(range->platform, entry->platform, sizeof(range->platform));
        range->key_set = entry->id[0];
        range->from_s = entry->from_s;
        range->until_s = entry->until_s;
    }
}

static enum phi_err keep(struct verify_revoke *revoke, struct phi_view bytes, uint64_t sequence)
{
    uint8_t *copy = malloc(bytes.len);
    if (copy == NULL)
        return PHI_ERR_MEMORY;
    memcpy(copy, bytes.data, bytes.len);
    free(revoke->filter);
    revoke->filter = copy;
    revoke->filter_len = bytes.len;
    revoke->filter_sequence = sequence;
    return PHI_OK;
}

/* Sequences are the time in µs: they rise, over restarts and replicas, as far as clocks agree. */
static enum phi_err make(struct verify_revoke *revoke, int64_t now_us)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    uint64_t changes = phi_revocations_changes(revoke->set);
    struct gathered all = {.id_max = phi_revocations_count(revoke->set) + 1024};
    struct phi_arena *arena = phi_arena_new(FILTER_ARENA_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    all.ranges = phi_arena_alloc(arena, PHI_FILTER_RANGES_MAX * sizeof(*all.ranges));
    all.ids = phi_arena_alloc(arena, all.id_max * PHI_REVOCATION_ID_LEN);
    PHI_GUARD(all.ranges == NULL || all.ids == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_revocations_each(revoke->set, gather, &all);
    uint64_t sequence =
        (uint64_t)now_us > revoke->filter_sequence ? (uint64_t)now_us : revoke->filter_sequence + 1;
    const struct phi_filter_contents contents = {
        .platform = revoke->verify->region,
        .sequence = sequence,
        .issued_s = now_us / 1000000,
        .not_after_s = now_us / 1000000 + revoke->filter_life_s,
        .ranges = all.ranges,
        .range_count = all.range_count,
        .ids = (const uint8_t(*)[PHI_REVOCATION_ID_LEN])all.ids,
        .id_count = all.id_count};
    PHI_GUARD(phi_filter_write(&contents, revoke->key, revoke->key_id, arena, &bytes));
    PHI_GUARD(keep(revoke, bytes, sequence));
    revoke->filter_changes = changes;
    revoke->filter_made_s = now_us / 1000000;
out:
    phi_arena_free(arena);
    return err;
}

static bool is_stale(const struct verify_revoke *revoke, int64_t now_s)
{
    int64_t age_s = now_s - revoke->filter_made_s;
    bool is_changed = phi_revocations_changes(revoke->set) != revoke->filter_changes;
    return revoke->filter == NULL || (is_changed && age_s >= EVERY_S) ||
           age_s >= revoke->filter_life_s / 4 || age_s < 0;
}

static enum phi_err copy(struct phi_api_call *call, struct verify_revoke *revoke,
                         struct phi_view *out, uint64_t *sequence)
{
    enum phi_err err = PHI_OK;
    int64_t now_us = phi_api_now_us(call);
    pthread_mutex_lock(&revoke->filter_lock);
    if (is_stale(revoke, now_us / 1000000))
        err = make(revoke, now_us);
    if (err == PHI_OK) {
        *out = phi_arena_view(phi_api_arena(call), phi_view_of(revoke->filter, revoke->filter_len));
        *sequence = revoke->filter_sequence;
    }
    pthread_mutex_unlock(&revoke->filter_lock);
    return err == PHI_OK && out->data == NULL ? PHI_ERR_MEMORY : err;
}

enum phi_err verify_revoke_filter(struct phi_api_call *call, struct phi_error *error)
{
    (void)error;
    enum phi_err err = PHI_OK;
    struct verify *verify = phi_service_state(phi_api_service(call));
    struct phi_view bytes = {0};
    uint64_t sequence = 0;
    char etag[32];
    PHI_GUARD(copy(call, verify->revoke, &bytes, &sequence));
    snprintf(etag, sizeof(etag), "\"%" PRIu64 "\"", sequence);
    PHI_GUARD(phi_api_etag(call, etag));
    phi_api_text(call, "application/octet-stream", bytes);
out:
    return err;
}
