#include "auth/registry.h"

#include "auth/follow.h"
#include "auth/registry_record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCHED_FROM 1024 /* records from which catching up publishes once, at its end */

struct phi_registry_view {
    atomic_int refs;
    size_t count;
    struct phi_registry_record *records[]; /* by key */
};

struct phi_registry {
    struct phi_follow *follow;
    void (*changed)(void *context);
    void *context;
    pthread_mutex_t mutex; /* guards `view`, for a few instructions */
    struct phi_registry_view *view;
    atomic_size_t count;
    atomic_size_t app_count;
    atomic_bool is_whole; /* the kept copy, or all that the topic had, has been read */
    /* the rest is the applying thread's */
    struct phi_registry_record **records; /* by key */
    size_t room;
    bool is_behind; /* loading or catching up */
};

/* Views */

static struct phi_registry_view *view_new(struct phi_registry_record *const *records, size_t count)
{
    struct phi_registry_view *view = malloc(sizeof(*view) + count * sizeof(void *));
    if (view == NULL)
        return NULL;
    atomic_init(&view->refs, 1);
    view->count = count;
    for (size_t i = 0; i < count; i++) {
        view->records[i] = records[i];
        phi_registry_record_hold(records[i]);
    }
    return view;
}

void phi_registry_release(const struct phi_registry_view *given)
{
    struct phi_registry_view *view = (struct phi_registry_view *)(uintptr_t)given;
    if (view == NULL || atomic_fetch_sub(&view->refs, 1) != 1)
        return;
    for (size_t i = 0; i < view->count; i++)
        phi_registry_record_release(view->records[i]);
    free(view);
}

const struct phi_registry_view *phi_registry_acquire(struct phi_registry *registry)
{
    (void)pthread_mutex_lock(&registry->mutex);
    struct phi_registry_view *view = registry->view;
    (void)atomic_fetch_add(&view->refs, 1);
    (void)pthread_mutex_unlock(&registry->mutex);
    return view;
}

static void drop_view(void *view)
{
    phi_registry_release(view);
}

enum phi_err phi_registry_hold(struct phi_registry *registry, struct phi_arena *arena,
                               const struct phi_registry_view **out)
{
    const struct phi_registry_view *view = phi_registry_acquire(registry);
    enum phi_err err = phi_arena_on_free(arena, drop_view, (void *)(uintptr_t)view);
    if (err != PHI_OK) {
        phi_registry_release(view);
        return err;
    }
    *out = view;
    return PHI_OK;
}

/* Where the key is, or would be. */
static size_t position(struct phi_registry_record *const *records, size_t count, const char *key)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(records[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct phi_registry_record *find(const struct phi_registry_view *view,
                                              const char *prefix, const char *name)
{
    char key[PHI_RECORD_KEY_MAX + 1];
    int len = snprintf(key, sizeof(key), "%s:%s", prefix, name);
    if (len < 0 || (size_t)len >= sizeof(key))
        return NULL;
    size_t at = position(view->records, view->count, key);
    if (at == view->count || strcmp(view->records[at]->key, key) != 0)
        return NULL;
    return view->records[at];
}

static const struct phi_registry_record *find_active(const struct phi_registry_view *view,
                                                     const char *prefix, const char *name)
{
    const struct phi_registry_record *record = find(view, prefix, name);
    return record != NULL && record->active ? record : NULL;
}

const struct phi_registry_app *phi_registry_app(const struct phi_registry_view *view,
                                                const char *app_id)
{
    const struct phi_registry_record *record = find(view, "app", app_id);
    return record == NULL ? NULL : &record->app;
}

const struct phi_registry_key *phi_registry_app_key(const struct phi_registry_app *app,
                                                    const char *serial, int64_t now_us)
{
    for (size_t i = 0; i < app->key_count; i++) {
        const struct phi_registry_key *key = &app->keys[i];
        if (strcmp(key->serial, serial) == 0 && now_us >= key->from_us && now_us < key->to_us)
            return key;
    }
    return NULL;
}

const struct phi_registry_peer *phi_registry_peer(const struct phi_registry_view *view,
                                                  const uint8_t curve[32])
{
    char hex[65];
    phi_hex_encode(phi_view_of(curve, 32), hex);
    const struct phi_registry_record *record = find_active(view, "peer", hex);
    return record == NULL ? NULL : &record->peer;
}

const struct phi_registry_provider *phi_registry_provider(const struct phi_registry_view *view,
                                                          const char *issuer)
{
    const struct phi_registry_record *record = find_active(view, "provider", issuer);
    return record == NULL ? NULL : &record->provider;
}

const struct phi_registry_staff *phi_registry_staff(const struct phi_registry_view *view,
                                                    const char *issuer, const char *sub)
{
    char name[PHI_RECORD_KEY_MAX];
    int len = snprintf(name, sizeof(name), "%s|%s", issuer, sub);
    if (len < 0 || (size_t)len >= sizeof(name))
        return NULL;
    const struct phi_registry_record *record = find_active(view, "staff", name);
    /* the joined key alone could be split in another place */
    if (record == NULL || strcmp(record->staff.issuer, issuer) != 0 ||
        strcmp(record->staff.sub, sub) != 0)
        return NULL;
    return &record->staff;
}

int64_t phi_registry_restored_us(const struct phi_registry_view *view, const char *caller)
{
    const struct phi_registry_record *record = find(view, "caller", caller);
    return record == NULL ? 0 : record->restored_us;
}

const struct phi_registry_peer *phi_registry_peer_at(const struct phi_registry_view *view, size_t i)
{
    size_t at = position(view->records, view->count, "peer:");
    for (; at < view->count && view->records[at]->kind == PHI_REG_PEER; at++) {
        if (view->records[at]->active && i-- == 0)
            return &view->records[at]->peer;
    }
    return NULL;
}

/* Taking records in */

static enum phi_err publish(struct phi_registry *registry)
{
    struct phi_registry_view *fresh = view_new(registry->records, atomic_load(&registry->count));
    if (fresh == NULL)
        return PHI_ERR_MEMORY;
    (void)pthread_mutex_lock(&registry->mutex);
    struct phi_registry_view *old = registry->view;
    registry->view = fresh;
    (void)pthread_mutex_unlock(&registry->mutex);
    phi_registry_release(old);
    if (registry->changed != NULL)
        registry->changed(registry->context);
    return PHI_OK;
}

static enum phi_err make_room(struct phi_registry *registry)
{
    size_t count = atomic_load(&registry->count);
    if (count < registry->room)
        return PHI_OK;
    if (count >= PHI_REGISTRY_MAX)
        return PHI_ERR_OVERLOAD;
    size_t room = registry->room == 0 ? 64 : registry->room * 2;
    void *grown = realloc(registry->records, room * sizeof(void *));
    if (grown == NULL)
        return PHI_ERR_MEMORY;
    registry->records = grown;
    registry->room = room;
    return PHI_OK;
}

static enum phi_err insert(struct phi_registry *registry, size_t at,
                           struct phi_registry_record *record)
{
    size_t count = atomic_load(&registry->count);
    enum phi_err err = make_room(registry);
    if (err != PHI_OK)
        return err;
    memmove(&registry->records[at + 1], &registry->records[at], (count - at) * sizeof(void *));
    registry->records[at] = record;
    atomic_store(&registry->count, count + 1);
    if (record->kind == PHI_REG_APP)
        (void)atomic_fetch_add(&registry->app_count, 1);
    return PHI_OK;
}

static enum phi_err place(struct phi_registry *registry, struct phi_registry_record *record,
                          struct phi_error *error)
{
    size_t count = atomic_load(&registry->count);
    size_t at = position(registry->records, count, record->key);
    if (at == count || strcmp(registry->records[at]->key, record->key) != 0) {
        enum phi_err err = insert(registry, at, record);
        if (err != PHI_OK)
            (void)phi_error_set(error, err, "registry", "too many records");
        return err;
    }
    if (record->version <= registry->records[at]->version)
        return phi_error_set(error, PHI_ERR_STATE, "version",
                             "older than the record held, or the same");
    phi_registry_record_release(registry->records[at]);
    registry->records[at] = record;
    return PHI_OK;
}

static enum phi_err on_take(void *context, const struct phi_record *given, bool is_kept,
                            struct phi_error *error)
{
    struct phi_registry *registry = context;
    struct phi_registry_record *record = NULL;
    enum phi_err err =
        phi_registry_record_new(given->key, given->version, given->value, &record, error);
    if (err != PHI_OK)
        return err;
    err = place(registry, record, error);
    if (err != PHI_OK) {
        phi_registry_record_release(record);
        return err;
    }
    if (is_kept || (registry->is_behind && atomic_load(&registry->count) > BATCHED_FROM))
        return PHI_OK; /* published at the end of loading, or of catching up */
    return publish(registry);
}

static void on_caught_up(void *context)
{
    struct phi_registry *registry = context;
    registry->is_behind = false;
    (void)!publish(registry);
    atomic_store(&registry->is_whole, true);
}

enum phi_err phi_registry_apply(struct phi_registry *registry, const struct phi_record *record,
                                struct phi_error *error)
{
    return phi_follow_offer(registry->follow, record, error);
}

/* Life */

/* `out` is written before the thread starts: what it calls back may use it. */
static enum phi_err follow(struct phi_registry *registry,
                           const struct phi_registry_options *options, struct phi_registry **out,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char topic[64];
    struct phi_follow_options follow_options = {
        .topic = topic,
        .owner = options->owner,
        .store = options->store,
        .take = on_take,
        .caught_up = on_caught_up,
        .context = registry,
    };
    (void)snprintf(topic, sizeof(topic), "phi.%.6s.access.registry", options->region);
    if (options->bus != NULL)
        follow_options.bus = *options->bus;
    else
        follow_options.bus =
            (struct phi_bus_options){.brokers = options->brokers, .client_id = "registry"};
    PHI_GUARD(phi_follow_open(&follow_options, &registry->follow, error));
    PHI_GUARD(phi_follow_load(registry->follow, error));
    registry->is_behind = follow_options.bus.brokers != NULL;
    PHI_GUARD(publish(registry));
    atomic_store(&registry->is_whole,
                 !registry->is_behind || atomic_load(&registry->app_count) > 0);
    registry->changed = options->changed;
    registry->context = options->context;
    *out = registry;
    PHI_GUARD(phi_follow_start(registry->follow, error));
out:
    return err;
}

enum phi_err phi_registry_open(const struct phi_registry_options *options,
                               struct phi_registry **out, struct phi_error *error)
{
    struct phi_registry *registry = calloc(1, sizeof(*registry));
    if (registry == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "registry", "out of memory");
    (void)pthread_mutex_init(&registry->mutex, NULL);
    registry->is_behind = true;
    registry->view = view_new(NULL, 0);
    enum phi_err err =
        registry->view == NULL ? PHI_ERR_MEMORY : follow(registry, options, out, error);
    if (err != PHI_OK) {
        *out = NULL;
        phi_registry_close(registry);
    }
    return err;
}

void phi_registry_close(struct phi_registry *registry)
{
    if (registry == NULL)
        return;
    phi_follow_close(registry->follow);
    for (size_t i = 0; i < atomic_load(&registry->count); i++)
        phi_registry_record_release(registry->records[i]);
    free(registry->records);
    phi_registry_release(registry->view);
    (void)pthread_mutex_destroy(&registry->mutex);
    free(registry);
}

bool phi_registry_is_usable(struct phi_registry *registry)
{
    return atomic_load(&registry->is_whole) && atomic_load(&registry->app_count) > 0;
}

bool phi_registry_is_following(struct phi_registry *registry)
{
    return phi_follow_is_caught_up(registry->follow);
}

size_t phi_registry_count(struct phi_registry *registry)
{
    return atomic_load(&registry->count);
}
