#include "store/conn.h"
#include "store/store_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define POOL_DEFAULT   4
#define POOL_MAX       64
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000

struct phi_store {
    struct phi_pg_options options;
    size_t size;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct phi_conn *idle;
    size_t open_count; /* borrowed, idle and being opened */
    int64_t backoff_ms;
    int64_t next_try_us;
    _Atomic bool is_up;
};

static enum phi_err init_waiting(struct phi_store *store)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return PHI_ERR_MEMORY;
    int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
                 pthread_cond_init(&store->changed, &attributes) != 0;
    pthread_condattr_destroy(&attributes);
    if (failed)
        return PHI_ERR_MEMORY;
    pthread_mutex_init(&store->lock, NULL);
    return PHI_OK;
}

static void try_once(struct phi_store *store)
{
    struct phi_conn *conn = NULL;
    if (phi_store_acquire(store, phi_deadline_in_ms(store->options.connect_timeout_ms), &conn) ==
        PHI_OK)
        phi_store_release(conn);
}

enum phi_err phi_store_open(const struct phi_store_options *options, struct phi_store **out,
                            struct phi_error *error)
{
    size_t size = options->pool_size ? options->pool_size : POOL_DEFAULT;
    if (size > POOL_MAX)
        return phi_error_set(error, PHI_ERR_CONFIG, "pool_size", "at most %d", POOL_MAX);
    struct phi_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "", "out of memory");
    store->size = size;
    enum phi_err err = phi_pg_options_init(&store->options, options, error);
    if (err == PHI_OK && init_waiting(store) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_MEMORY, "", "out of memory");
    if (err != PHI_OK) {
        phi_pg_options_fini(&store->options);
        free(store);
        return err;
    }
    try_once(store);
    *out = store;
    return PHI_OK;
}

void phi_store_close(struct phi_store *store)
{
    if (store == NULL)
        return;
    while (store->idle != NULL) {
        struct phi_conn *conn = store->idle;
        store->idle = conn->next;
        phi_conn_free(conn);
    }
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    phi_pg_options_fini(&store->options);
    free(store);
}

bool phi_store_is_up(const struct phi_store *store)
{
    return atomic_load(&store->is_up);
}

const char *phi_store_schema(const struct phi_store *store)
{
    return store->options.schema;
}

const struct phi_pg_options *phi_store_pg_options(const struct phi_store *store)
{
    return &store->options;
}

static void wait_change(struct phi_store *store, struct phi_deadline deadline)
{
    struct timespec until = {.tv_sec = deadline.at_us / 1000000,
                             .tv_nsec = deadline.at_us % 1000000 * 1000};
    pthread_cond_timedwait(&store->changed, &store->lock, &until);
}

static void note_attempt(struct phi_store *store, bool succeeded)
{
    atomic_store(&store->is_up, succeeded);
    if (succeeded) {
        store->backoff_ms = 0;
        store->next_try_us = 0;
        return;
    }
    store->open_count--;
    store->backoff_ms = store->backoff_ms ? store->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (store->backoff_ms > BACKOFF_MAX_MS)
        store->backoff_ms = BACKOFF_MAX_MS;
    store->next_try_us = phi_monotonic_us() + store->backoff_ms * 1000;
}

/* The lock is held on entry and on return, not while connecting. */
static struct phi_conn *open_one(struct phi_store *store, struct phi_deadline deadline)
{
    store->open_count++;
    pthread_mutex_unlock(&store->lock);
    struct phi_deadline limit =
        phi_deadline_min(deadline, phi_deadline_in_ms(store->options.connect_timeout_ms));
    PGconn *pg = NULL;
    struct phi_conn *conn = NULL;
    if (phi_pg_connect(&store->options, limit, NULL, &pg, NULL) == PHI_OK)
        conn = phi_conn_new(pg, &store->options);
    if (conn == NULL)
        PQfinish(pg);
    else
        conn->store = store;
    pthread_mutex_lock(&store->lock);
    note_attempt(store, conn != NULL);
    pthread_cond_broadcast(&store->changed);
    return conn;
}

/* An idle connection that the server has kept, or NULL. */
static struct phi_conn *take_idle(struct phi_store *store)
{
    while (store->idle != NULL) {
        struct phi_conn *conn = store->idle;
        store->idle = conn->next;
        if (phi_pg_is_alive(conn->pg))
            return conn;
        store->open_count--;
        phi_conn_free(conn);
    }
    return NULL;
}

static struct phi_conn *take(struct phi_store *store, struct phi_deadline deadline)
{
    for (;;) {
        struct phi_conn *conn = take_idle(store);
        if (conn != NULL)
            return conn;
        bool has_room = store->open_count < store->size;
        if (has_room && phi_monotonic_us() >= store->next_try_us) {
            conn = open_one(store, deadline);
            if (conn != NULL)
                return conn;
        }
        if (phi_deadline_is_past(deadline))
            return NULL;
        struct phi_deadline next_try = {store->next_try_us};
        wait_change(store, has_room ? phi_deadline_min(deadline, next_try) : deadline);
    }
}

enum phi_err phi_store_acquire(struct phi_store *store, struct phi_deadline deadline,
                               struct phi_conn **out)
{
    pthread_mutex_lock(&store->lock);
    struct phi_conn *conn = take(store, deadline);
    enum phi_err why = store->open_count >= store->size ? PHI_ERR_OVERLOAD : PHI_ERR_STORE;
    pthread_mutex_unlock(&store->lock);
    if (conn == NULL)
        return why;
    *out = conn;
    return PHI_OK;
}

void phi_store_release(struct phi_conn *conn)
{
    if (conn == NULL)
        return;
    struct phi_store *store = conn->store;
    bool is_good = phi_conn_clean(conn);
    pthread_mutex_lock(&store->lock);
    if (is_good) {
        conn->next = store->idle;
        store->idle = conn;
    } else {
        store->open_count--;
        atomic_store(&store->is_up, false);
    }
    pthread_cond_signal(&store->changed);
    pthread_mutex_unlock(&store->lock);
    if (!is_good)
        phi_conn_free(conn);
}

enum phi_err phi_store_check(struct phi_store *store, struct phi_deadline deadline)
{
    struct phi_conn *conn = NULL;
    enum phi_err err = phi_store_acquire(store, deadline, &conn);
    if (err != PHI_OK)
        return err;
    err = phi_conn_exec(conn, "phi_check", "SELECT 1", NULL, 0, NULL, NULL);
    phi_store_release(conn);
    atomic_store(&store->is_up, err == PHI_OK);
    return err;
}
