#include "auth/trust.h"

#include "auth/follow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX_BYTES (32 * 1024 * 1024)

struct phi_trust_view {
    atomic_int refs;
    struct phi_arena *arena; /* NULL: no list yet */
    struct phi_trust_list list;
    struct phi_view json;
};

struct phi_trust {
    struct phi_follow *follow;
    const struct phi_clock *clock;
    int64_t grace_s;
    void (*changed)(void *context);
    void *context;
    pthread_mutex_t mutex; /* guards `view`, for a few instructions */
    struct phi_trust_view *view;
    _Atomic uint64_t number;         /* of the view, from 1 on */
    atomic_int_fast64_t verified_us; /* -1: never */
};

/* Views */

void phi_trust_release(const struct phi_trust_view *given)
{
    struct phi_trust_view *view = (struct phi_trust_view *)(uintptr_t)given;
    if (view == NULL || atomic_fetch_sub(&view->refs, 1) != 1)
        return;
    phi_arena_free(view->arena);
    free(view);
}

static struct phi_trust_view *view_new(void)
{
    struct phi_trust_view *view = calloc(1, sizeof(*view));
    if (view != NULL)
        atomic_init(&view->refs, 1);
    return view;
}

static enum phi_err view_read(struct phi_view json, struct phi_trust_view **out,
                              struct phi_error *error)
{
    struct phi_trust_view *view = view_new();
    if (view == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = PHI_ERR_MEMORY;
    view->arena = phi_arena_new(ARENA_MAX_BYTES);
    if (view->arena != NULL) {
        view->json = phi_arena_view(view->arena, json);
        err = phi_trust_decode(json, view->arena, &view->list, error);
    }
    if (err != PHI_OK || view->json.len != json.len) {
        phi_trust_release(view);
        return err != PHI_OK ? err : PHI_ERR_MEMORY;
    }
    *out = view;
    return PHI_OK;
}

const struct phi_trust_view *phi_trust_acquire(struct phi_trust *trust)
{
    (void)pthread_mutex_lock(&trust->mutex);
    struct phi_trust_view *view = trust->view;
    (void)atomic_fetch_add(&view->refs, 1);
    (void)pthread_mutex_unlock(&trust->mutex);
    return view;
}

const struct phi_trust_view *phi_trust_read(struct phi_trust *trust,
                                            struct phi_trust_reader *reader)
{
    /* the number before the view: a list that comes in between is then only looked for once more */
    uint64_t number = atomic_load(&trust->number);
    if (reader->view != NULL && reader->number == number)
        return reader->view;
    phi_trust_release(reader->view);
    reader->view = phi_trust_acquire(trust);
    reader->number = number;
    return reader->view;
}

void phi_trust_reader_drop(struct phi_trust_reader *reader)
{
    phi_trust_release(reader->view);
    reader->view = NULL;
}

static void drop_view(void *view)
{
    phi_trust_release(view);
}

enum phi_err phi_trust_hold(struct phi_trust *trust, struct phi_arena *arena,
                            const struct phi_trust_view **out)
{
    const struct phi_trust_view *view = phi_trust_acquire(trust);
    enum phi_err err = phi_arena_on_free(arena, drop_view, (void *)(uintptr_t)view);
    if (err != PHI_OK) {
        phi_trust_release(view);
        return err;
    }
    *out = view;
    return PHI_OK;
}

const struct phi_trust_list *phi_trust_list(const struct phi_trust_view *view)
{
    return &view->list;
}

struct phi_view phi_trust_json(const struct phi_trust_view *view)
{
    return view->json;
}

/* Lookups */

static int by_id(const void *id, const void *platform)
{
    return strcmp(id, ((const struct phi_trust_platform *)platform)->id);
}

const struct phi_trust_platform *phi_trust_platform(const struct phi_trust_view *view,
                                                    const char *id)
{
    if (view->list.platform_count == 0)
        return NULL;
    return bsearch(id, view->list.platforms, view->list.platform_count,
                   sizeof(view->list.platforms[0]), by_id);
}

static bool is_in_force(const struct phi_trust_key *key, int64_t now_us)
{
    return now_us >= key->from_us && now_us < key->to_us;
}

const struct phi_trust_key *phi_trust_code_key(const struct phi_trust_platform *platform,
                                               uint8_t key_set_id, int64_t now_us)
{
    for (size_t i = 0; i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use == PHI_TRUST_CODE && key->key_set_id == key_set_id && is_in_force(key, now_us))
            return key;
    }
    return NULL;
}

const struct phi_trust_key *phi_trust_key(const struct phi_trust_platform *platform,
                                          enum phi_trust_use use, const char *serial,
                                          int64_t now_us)
{
    for (size_t i = 0; i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use == use && strcmp(key->serial, serial) == 0 && is_in_force(key, now_us))
            return key;
    }
    return NULL;
}

size_t phi_trust_encryption_keys(const struct phi_trust_platform *platform,
                                 enum phi_trust_holder holder, int64_t now_us,
                                 const struct phi_trust_key **out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < platform->key_count && count < max; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        bool is_theirs = key->holder == holder || key->holder == PHI_TRUST_FOR_ANY;
        if (key->use == PHI_TRUST_ENCRYPTION && is_theirs && is_in_force(key, now_us))
            out[count++] = key;
    }
    return count;
}

/* Taking a list in */

static void swap(struct phi_trust *trust, struct phi_trust_view *fresh)
{
    (void)pthread_mutex_lock(&trust->mutex);
    struct phi_trust_view *old = trust->view;
    trust->view = fresh;
    atomic_fetch_add(&trust->number, 1);
    (void)pthread_mutex_unlock(&trust->mutex);
    phi_trust_release(old);
    if (trust->changed != NULL)
        trust->changed(trust->context);
}

static void note_verified(struct phi_trust *trust, int64_t issued_us)
{
    int64_t now_us = phi_clock_now_us(trust->clock);
    int64_t fresh_us = issued_us + PHI_TRUST_FRESH_S * INT64_C(1000000);
    atomic_store(&trust->verified_us, now_us < fresh_us ? now_us : fresh_us);
}

/* The view is read without its mutex: only this thread replaces it. */
static enum phi_err check_version(struct phi_trust *trust, const struct phi_record *record,
                                  struct phi_error *error)
{
    uint64_t held = trust->view->list.version;
    if (record->version > held)
        return PHI_OK;
    if (record->version == held && phi_view_equal(record->value, trust->view->json))
        note_verified(trust, trust->view->list.issued_us);
    return phi_error_set(error, PHI_ERR_STATE, "version", "older than the list held, or the same");
}

static enum phi_err on_take(void *context, const struct phi_record *record, bool is_kept,
                            struct phi_error *error)
{
    struct phi_trust *trust = context;
    struct phi_trust_view *fresh = NULL;
    if (!phi_view_equal(record->key, phi_view_text(PHI_TRUST_KEY)))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "key", "not the trust list's");
    enum phi_err err = check_version(trust, record, error);
    if (err != PHI_OK)
        return err;
    err = view_read(record->value, &fresh, error);
    if (err != PHI_OK)
        return err;
    if (fresh->list.version != record->version) {
        phi_trust_release(fresh);
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.version", "not the record's version");
    }
    if (is_kept)
        atomic_store(&trust->verified_us, fresh->list.issued_us);
    else
        note_verified(trust, fresh->list.issued_us);
    swap(trust, fresh);
    return PHI_OK;
}

enum phi_err phi_trust_apply(struct phi_trust *trust, const struct phi_record *record,
                             struct phi_error *error)
{
    return phi_follow_offer(trust->follow, record, error);
}

/* Life */

static enum phi_err follow(struct phi_trust *trust, const struct phi_trust_options *options,
                           struct phi_trust **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_follow_options follow_options = {
        .topic = PHI_TRUST_TOPIC,
        .owner = options->owner,
        .store = options->store,
        .take = on_take,
        .context = trust,
    };
    if (options->bus != NULL)
        follow_options.bus = *options->bus;
    else
        follow_options.bus =
            (struct phi_bus_options){.brokers = options->brokers, .client_id = "trust-list"};
    PHI_GUARD(phi_follow_open(&follow_options, &trust->follow, error));
    PHI_GUARD(phi_follow_load(trust->follow, error));
    trust->changed = options->changed;
    trust->context = options->context;
    *out = trust;
    PHI_GUARD(phi_follow_start(trust->follow, error));
out:
    return err;
}

enum phi_err phi_trust_open(const struct phi_trust_options *options, struct phi_trust **out,
                            struct phi_error *error)
{
    struct phi_trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "trust", "out of memory");
    (void)pthread_mutex_init(&trust->mutex, NULL);
    atomic_init(&trust->number, 1);
    atomic_init(&trust->verified_us, -1);
    trust->clock = options->clock;
    trust->grace_s = options->grace_s;
    trust->view = view_new();
    enum phi_err err = trust->view == NULL ? PHI_ERR_MEMORY : follow(trust, options, out, error);
    if (err != PHI_OK) {
        *out = NULL;
        phi_trust_close(trust);
    }
    return err;
}

void phi_trust_close(struct phi_trust *trust)
{
    if (trust == NULL)
        return;
    phi_follow_close(trust->follow);
    phi_trust_release(trust->view);
    (void)pthread_mutex_destroy(&trust->mutex);
    free(trust);
}

bool phi_trust_is_usable(struct phi_trust *trust)
{
    int64_t age_s = phi_trust_age_s(trust);
    return age_s >= 0 && (trust->grace_s == 0 || age_s <= trust->grace_s);
}

bool phi_trust_is_following(struct phi_trust *trust)
{
    return phi_follow_is_caught_up(trust->follow);
}

int64_t phi_trust_age_s(struct phi_trust *trust)
{
    int64_t verified_us = atomic_load(&trust->verified_us);
    if (verified_us < 0)
        return -1;
    int64_t age_us = phi_clock_now_us(trust->clock) - verified_us;
    return age_us < 0 ? 0 : age_us / 1000000;
}

uint64_t phi_trust_version(struct phi_trust *trust)
{
    const struct phi_trust_view *view = phi_trust_acquire(trust);
    uint64_t version = view->list.version;
    phi_trust_release(view);
    return version;
}
