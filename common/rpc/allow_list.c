#include "rpc/zap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct phi_rpc_allow_list {
    pthread_rwlock_t lock;
    struct phi_rpc_allowed *rows; /* sorted by key */
    size_t count;
};

static int compare_keys(const void *a, const void *b)
{
    const struct phi_rpc_allowed *left = a;
    const struct phi_rpc_allowed *right = b;
    return memcmp(left->public_key, right->public_key, PHI_CURVE_KEY_LEN);
}

struct phi_rpc_allow_list *phi_rpc_allow_list_new(void)
{
    struct phi_rpc_allow_list *allow = calloc(1, sizeof(*allow));
    if (allow == NULL)
        return NULL;
    if (pthread_rwlock_init(&allow->lock, NULL) != 0) {
        free(allow);
        return NULL;
    }
    return allow;
}

void phi_rpc_allow_list_free(struct phi_rpc_allow_list *allow)
{
    if (allow == NULL)
        return;
    pthread_rwlock_destroy(&allow->lock);
    free(allow->rows);
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
    struct phi_rpc_allowed *sorted = calloc(count + 1, sizeof(*sorted));
    if (sorted == NULL)
        return PHI_ERR_MEMORY;
    if (count > 0) {
        memcpy(sorted, rows, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare_keys);
    }
    PHI_GUARD(check_rows(sorted, count));
    pthread_rwlock_wrlock(&allow->lock);
    struct phi_rpc_allowed *old = allow->rows;
    allow->rows = sorted;
    allow->count = count;
    pthread_rwlock_unlock(&allow->lock);
    sorted = old;
out:
    free(sorted);
    return err;
}

bool phi_rpc_allow_list_find(struct phi_rpc_allow_list *allow,
                             const uint8_t public_key[PHI_CURVE_KEY_LEN], struct phi_rpc_peer *peer)
{
    struct phi_rpc_allowed wanted = {.peer = {.scopes = 0}};
    memcpy(wanted.public_key, public_key, PHI_CURVE_KEY_LEN);
    pthread_rwlock_rdlock(&allow->lock);
    const struct phi_rpc_allowed *row = NULL;
    if (allow->count > 0)
        row = bsearch(&wanted, allow->rows, allow->count, sizeof(wanted), compare_keys);
    if (row != NULL)
        *peer = row->peer;
    pthread_rwlock_unlock(&allow->lock);
    return row != NULL;
}
