#include "rpc/client_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

/* ZMQ_IMMEDIATE: nothing is queued for a connection that isn't there, where it would grow stale. */
static bool set_up_dealer(const struct phi_rpc_client *client,
                          const struct phi_rpc_replica *replica)
{
    void *dealer = replica->socket;
    int64_t message_max_bytes = PHI_RPC_WIRE_MAX;
    return zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, replica->endpoint.server_key,
                          PHI_CURVE_KEY_LEN) == 0 &&
           zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, client->public_key, PHI_CURVE_KEY_LEN) ==
               0 &&
           zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, client->options.secret_key,
                          PHI_CURVE_KEY_LEN) == 0 &&
           zmq_setsockopt(dealer, ZMQ_MAXMSGSIZE, &message_max_bytes, sizeof(message_max_bytes)) ==
               0 &&
           set_int(dealer, ZMQ_IMMEDIATE, 1) && set_int(dealer, ZMQ_LINGER, 0) &&
           set_int(dealer, ZMQ_SNDHWM, client->options.message_hwm_count) &&
           set_int(dealer, ZMQ_RCVHWM, client->options.message_hwm_count) &&
           set_int(dealer, ZMQ_RECONNECT_IVL, 50) && set_int(dealer, ZMQ_RECONNECT_IVL_MAX, 1000) &&
           set_int(dealer, ZMQ_CONNECT_TIMEOUT, 2000) && set_int(dealer, ZMQ_HANDSHAKE_IVL, 3000) &&
           set_int(dealer, ZMQ_HEARTBEAT_IVL, 2000) &&
           set_int(dealer, ZMQ_HEARTBEAT_TIMEOUT, 5000) && set_int(dealer, ZMQ_TCP_KEEPALIVE, 1) &&
           set_int(dealer, ZMQ_IPV6, 1);
}

static void close_replica(struct phi_rpc_replica *replica)
{
    if (replica->socket != NULL)
        zmq_close(replica->socket);
    free(replica);
}

static struct phi_rpc_replica *open_replica(struct phi_rpc_client *client,
                                            const struct phi_rpc_endpoint *endpoint)
{
    struct phi_rpc_replica *replica = calloc(1, sizeof(*replica));
    if (replica == NULL)
        return NULL;
    replica->endpoint = *endpoint;
    replica->circuit.failures_max = client->options.failures_max;
    replica->circuit.backoff_first_us = (int64_t)client->options.backoff_ms * 1000;
    replica->circuit.backoff_max_us = (int64_t)client->options.backoff_max_ms * 1000;
    replica->socket = zmq_socket(client->zmq_context, ZMQ_DEALER);
    if (replica->socket == NULL || !set_up_dealer(client, replica) ||
        zmq_connect(replica->socket, endpoint->address) != 0) {
        phi_log(PHI_LOG_ERROR, "rpc_endpoint_unusable", PHI_L_WORD("address", endpoint->address));
        close_replica(replica);
        return NULL;
    }
    return replica;
}

static bool is_same(const struct phi_rpc_endpoint *a, const struct phi_rpc_endpoint *b)
{
    return strcmp(a->address, b->address) == 0 &&
           memcmp(a->server_key, b->server_key, PHI_CURVE_KEY_LEN) == 0;
}

static struct phi_rpc_replica *find(struct phi_rpc_client *client,
                                    const struct phi_rpc_endpoint *endpoint)
{
    for (size_t i = 0; i < client->replicas_count; i++) {
        if (is_same(&client->replicas[i]->endpoint, endpoint))
            return client->replicas[i];
    }
    return NULL;
}

static void forget_replica(struct phi_rpc_client *client, const struct phi_rpc_replica *gone)
{
    for (size_t i = 0; i < client->options.calls_max; i++) {
        struct phi_rpc_asked *asked = client->slots[i];
        for (int t = 0; asked != NULL && t < asked->tries_count; t++) {
            if (asked->tries[t].replica == gone)
                asked->tries[t].replica = NULL;
        }
    }
}

static bool drop_unkept(struct phi_rpc_client *client)
{
    size_t kept = 0;
    for (size_t i = 0; i < client->replicas_count; i++) {
        struct phi_rpc_replica *replica = client->replicas[i];
        if (replica->is_kept) {
            client->replicas[kept++] = replica;
            continue;
        }
        forget_replica(client, replica);
        close_replica(replica);
    }
    bool some_went = kept < client->replicas_count;
    client->replicas_count = kept;
    return some_went;
}

static void add_missing(struct phi_rpc_client *client, const struct phi_rpc_endpoint *endpoints,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct phi_rpc_replica *replica = NULL;
        if (find(client, &endpoints[i]) == NULL)
            replica = open_replica(client, &endpoints[i]);
        if (replica != NULL)
            client->replicas[client->replicas_count++] = replica;
    }
}

bool phi_rpc_client_take_endpoints(struct phi_rpc_client *client)
{
    pthread_mutex_lock(&client->lock);
    struct phi_rpc_endpoint *endpoints = client->next_endpoints;
    size_t count = client->next_count;
    client->next_endpoints = NULL;
    pthread_mutex_unlock(&client->lock);
    if (endpoints == NULL)
        return false;
    for (size_t i = 0; i < client->replicas_count; i++)
        client->replicas[i]->is_kept = false;
    for (size_t i = 0; i < count; i++) {
        struct phi_rpc_replica *replica = find(client, &endpoints[i]);
        if (replica != NULL)
            replica->is_kept = true;
    }
    bool some_went = drop_unkept(client);
    add_missing(client, endpoints, count);
    free(endpoints);
    return some_went;
}

void phi_rpc_client_close_replicas(struct phi_rpc_client *client)
{
    for (size_t i = 0; i < client->replicas_count; i++)
        close_replica(client->replicas[i]);
    client->replicas_count = 0;
}
