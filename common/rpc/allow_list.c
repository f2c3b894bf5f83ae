#include "rpc/allow_list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* One list, as it was swapped in; freed by the last who lets go of it. */
struct phi_rpc_allow_rows {
    atomic_size_t references;
    size_t count;
    struct phi_rpc_allowed items[]; /* sorted by key */
};

struct phi_rpc_allow_list {
    pthread_mutex_t lock; /* of taking or changing `rows`, a few instructions */
    struct phi_rpc_allow_rows *rows;
    _Atomic uint64_t number; /* of swaps; 0: still the empty list */
};

static int compare_keys(const void *a, const void *b)
{
    const struct phi_rpc_allowed *left = a;
    const struct phi_rpc_allowed *right = b;
    return memcmp(left->public_key, right->public_key, PHI_CURVE_KEY_LEN);
}

static struct phi_rpc_allow_rows *new_rows(const struct phi_rpc_allowed *items, size_t count)
{
    struct phi_rpc_allow_rows *rows = calloc(1, sizeof(*rows) + count * sizeof(rows->items[0]));
    if (rows == NULL)
        return NULL;
    atomic_init(&rows->references, 1);
    rows->count = count;
    if (count > 0) {
        memcpy(rows->items, items, count * sizeof(rows->items[0]));
        qsort(rows->items, count, sizeof(rows->items[0]), compare_keys);
    }
    return rows;
}

static void let_go(struct phi_rpc_allow_rows *rows)
{
    if (rows != NULL && atomic_fetch_sub(&rows->references, 1) == 1)
        free(rows);
}

struct phi_rpc_allow_list *phi_rpc_allow_list_new(void)
{
    struct phi_rpc_allow_list *allow = calloc(1, sizeof(*allow));
    if (allow == NULL)
        return NULL;
    allow->rows = new_rows(NULL, 0);
    if (allow->rows == NULL || pthread_mutex_init(&allow->lock, NULL) != 0) {
        let_go(allow->rows);
        free(allow);
        return NULL;
    }
    atomic_init(&allow->number, 0);
    return allow;
}

void phi_rpc_allow_list_free(struct phi_rpc_allow_list *allow)
{
    if (allow == NULL)
        return;
    pthread_mutex_destroy(&allow->lock);
    let_go(allow->rows);
    free(allow);
}

static bool is_filled(const char *text, size_t size)
{
    return text[0] != '\0' && memchr(text, '\0', size) != NULL;
}

static enum phi_err check_rows(const struct phi_rpc_allowed *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct phi_rpc_peer *peer = &sorted[i].peer;
        if (!is_filled(peer->platform, sizeof(peer->platform)) ||
            !is_filled(peer->program, sizeof(peer->program)))
            return PHI_ERR_CONFIG;
        if (i > 0 && compare_keys(&sorted[i - 1], &sorted[i]) == 0)
            return PHI_ERR_CONFIG;
    }
    return PHI_OK;
}

enum phi_err phi_rpc_allow_list_swap(struct phi_rpc_allow_list *allow,
                                     const struct phi_rpc_allowed *rows, size_t count)
{
    enum phi_err err = PHI_OK;
    if (count > PHI_RPC_ALLOWED_MAX)
        return PHI_ERR_CONFIG;
    struct phi_rpc_allow_rows *fresh = new_rows(rows, count);
    if (fresh == NULL)
        return PHI_ERR_MEMORY;
    PHI_GUARD(check_rows(fresh->items, count));
    pthread_mutex_lock(&allow->lock);
    struct phi_rpc_allow_rows *old = allow->rows;
    allow->rows = fresh;
    atomic_fetch_add(&allow->number, 1);
    pthread_mutex_unlock(&allow->lock);
    fresh = old;
out:
    let_go(fresh);
    return err;
}

static struct phi_rpc_allow_rows *acquire(struct phi_rpc_allow_list *allow, uint64_t *number)
{
    pthread_mutex_lock(&allow->lock);
    struct phi_rpc_allow_rows *rows = allow->rows;
    atomic_fetch_add(&rows->references, 1);
    *number = atomic_load(&allow->number);
    pthread_mutex_unlock(&allow->lock);
    return rows;
}

static bool find(const struct phi_rpc_allow_rows *rows, const uint8_t public_key[PHI_CURVE_KEY_LEN],
                 struct phi_rpc_peer *peer)
{
    struct phi_rpc_allowed wanted = {.peer = {.scopes = 0}};
    const struct phi_rpc_allowed *row = NULL;
    memcpy(wanted.public_key, public_key, PHI_CURVE_KEY_LEN);
    if (rows->count > 0)
        row = bsearch(&wanted, rows->items, rows->count, sizeof(wanted), compare_keys);
    if (row != NULL)
        *peer = row->peer;
    return row != NULL;
}

bool phi_rpc_allow_list_find(struct phi_rpc_allow_list *allow,
                             const uint8_t public_key[PHI_CURVE_KEY_LEN], struct phi_rpc_peer *peer)
{
    uint64_t number;
    struct phi_rpc_allow_rows *rows = acquire(allow, &number);
    bool is_there = find(rows, public_key, peer);
    let_go(rows);
    return is_there;
}

bool phi_rpc_allow_reader_find(struct phi_rpc_allow_reader *reader,
                               const uint8_t public_key[PHI_CURVE_KEY_LEN],
                               struct phi_rpc_peer *peer)
{
    if (reader->rows == NULL || atomic_load(&reader->allow->number) != reader->number) {
        let_go(reader->rows);
        reader->rows = acquire(reader->allow, &reader->number);
    }
    return find(reader->rows, public_key, peer);
}

void phi_rpc_allow_reader_drop(struct phi_rpc_allow_reader *reader)
{
    let_go(reader->rows);
    reader->rows = NULL;
}
