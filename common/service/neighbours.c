#include "service/neighbours.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NEIGHBOURS_MAX 64
#define CALLS_MAX      1024

struct neighbour {
    char platform[7];
    uint64_t list_version;
    struct phi_rpc_client *client;
};

struct phi_neighbours {
    enum phi_trust_service service;
    pthread_mutex_t lock;
    uint8_t secret_key[PHI_CURVE_KEY_LEN];
    struct neighbour items[NEIGHBOURS_MAX];
    size_t count;
};

enum phi_err phi_neighbours_open(enum phi_trust_service service,
                                 const uint8_t secret_key[PHI_CURVE_KEY_LEN],
                                 struct phi_neighbours **out)
{
    struct phi_neighbours *neighbours = calloc(1, sizeof(*neighbours));
    if (neighbours == NULL)
        return PHI_ERR_MEMORY;
    neighbours->service = service;
    pthread_mutex_init(&neighbours->lock, NULL);
    memcpy(neighbours->secret_key, secret_key, PHI_CURVE_KEY_LEN);
    *out = neighbours;
    return PHI_OK;
}

void phi_neighbours_close(struct phi_neighbours *neighbours)
{
    if (neighbours == NULL)
        return;
    for (size_t i = 0; i < neighbours->count; i++)
        phi_rpc_client_close(neighbours->items[i].client);
    pthread_mutex_destroy(&neighbours->lock);
    phi_wipe(neighbours->secret_key, sizeof(neighbours->secret_key));
    free(neighbours);
}

static size_t endpoints_of(const struct phi_neighbours *neighbours,
                           const struct phi_trust_platform *platform,
                           struct phi_rpc_endpoint out[PHI_RPC_ENDPOINTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < platform->endpoint_counts[neighbours->service]; i++) {
        const struct phi_trust_endpoint *from = &platform->endpoints[neighbours->service][i];
        if (count == PHI_RPC_ENDPOINTS_MAX || strlen(from->address) >= sizeof(out[0].address))
            continue;
        memset(&out[count], 0, sizeof(out[count]));
        memcpy(out[count].address, from->address, strlen(from->address));
        memcpy(out[count++].server_key, from->curve, PHI_CURVE_KEY_LEN);
    }
    return count;
}

/* The lock is held. */
static struct neighbour *find(struct phi_neighbours *neighbours, const char *platform)
{
    for (size_t i = 0; i < neighbours->count; i++) {
        if (strcmp(neighbours->items[i].platform, platform) == 0)
            return &neighbours->items[i];
    }
    return NULL;
}

static enum phi_err open_client(const struct phi_neighbours *neighbours,
                                struct neighbour *neighbour,
                                const struct phi_rpc_endpoint *endpoints, size_t count)
{
    struct phi_rpc_client_options options = {
        .endpoints = endpoints, .endpoints_count = count, .calls_max = CALLS_MAX};
    memcpy(options.secret_key, neighbours->secret_key, PHI_CURVE_KEY_LEN);
    enum phi_err err = phi_rpc_client_open(&options, &neighbour->client, NULL);
    phi_wipe(options.secret_key, sizeof(options.secret_key));
    return err;
}

/* The lock is held. NULL: no room, or no client. */
static struct neighbour *add(struct phi_neighbours *neighbours,
                             const struct phi_trust_platform *platform)
{
    struct phi_rpc_endpoint endpoints[PHI_RPC_ENDPOINTS_MAX];
    size_t count = endpoints_of(neighbours, platform, endpoints);
    struct neighbour *neighbour = &neighbours->items[neighbours->count];
    if (neighbours->count == NEIGHBOURS_MAX || count == 0 ||
        open_client(neighbours, neighbour, endpoints, count) != PHI_OK)
        return NULL;
    memcpy(neighbour->platform, platform->id, sizeof(neighbour->platform));
    neighbours->count++;
    return neighbour;
}

/* The lock is held. The list that is in force says where the platform is now. */
static void refresh(const struct phi_neighbours *neighbours, struct neighbour *neighbour,
                    const struct phi_trust_platform *platform, uint64_t version)
{
    struct phi_rpc_endpoint endpoints[PHI_RPC_ENDPOINTS_MAX];
    if (neighbour->list_version == version)
        return;
    size_t count = endpoints_of(neighbours, platform, endpoints);
    if (phi_rpc_client_set_endpoints(neighbour->client, endpoints, count) == PHI_OK)
        neighbour->list_version = version;
}

/* Neighbours stay until the end, so the client outlives the lock. */
struct phi_rpc_client *phi_neighbours_client(struct phi_neighbours *neighbours,
                                             const struct phi_trust_view *trust, const char *id)
{
    const struct phi_trust_platform *platform =
        neighbours == NULL ? NULL : phi_trust_platform(trust, id);
    if (platform == NULL || platform->status != PHI_TRUST_ACTIVE)
        return NULL;
    pthread_mutex_lock(&neighbours->lock);
    struct neighbour *neighbour = find(neighbours, id);
    if (neighbour == NULL)
        neighbour = add(neighbours, platform);
    if (neighbour != NULL)
        refresh(neighbours, neighbour, platform, phi_trust_list(trust)->version);
    struct phi_rpc_client *client = neighbour == NULL ? NULL : neighbour->client;
    pthread_mutex_unlock(&neighbours->lock);
    return client;
}
