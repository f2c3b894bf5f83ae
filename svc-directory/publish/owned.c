#include "svc-directory/publish/owned.h"

void owned_init(struct owned *owned)
{
    pthread_mutex_init(&owned->lock, NULL);
}

void owned_fini(struct owned *owned)
{
    pthread_mutex_destroy(&owned->lock);
}

void owned_set(struct owned *owned, int32_t partition, bool is_owner)
{
    if (partition < 0 || partition >= OWNED_MAX)
        return;
    pthread_mutex_lock(&owned->lock);
    if (is_owner)
        owned->topics[partition]++;
    else if (owned->topics[partition] > 0)
        owned->topics[partition]--;
    pthread_mutex_unlock(&owned->lock);
}

bool owned_has(struct owned *owned, int32_t partition)
{
    if (partition < 0 || partition >= OWNED_MAX)
        return false;
    pthread_mutex_lock(&owned->lock);
    bool is_owner = owned->topics[partition] > 0;
    pthread_mutex_unlock(&owned->lock);
    return is_owner;
}

enum phi_err owned_array(struct owned *owned, struct phi_array **out)
{
    enum phi_err err = PHI_OK;
    struct phi_array *array = phi_array_new(PHI_COLUMN_I64);
    PHI_GUARD(array == NULL ? PHI_ERR_MEMORY : PHI_OK);
    pthread_mutex_lock(&owned->lock);
    for (int64_t i = 0; i < OWNED_MAX && err == PHI_OK; i++)
        if (owned->topics[i] > 0)
            err = phi_array_add(array, PHI_I64(i));
    pthread_mutex_unlock(&owned->lock);
    PHI_GUARD(err);
    *out = array;
    array = NULL;
out:
    phi_array_free(array);
    return err;
}
