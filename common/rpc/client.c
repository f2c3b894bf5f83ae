#include "rpc/client_internal.h"

#include <stdlib.h>
#include <string.h>

static void set_defaults(struct phi_rpc_client_options *options)
{
    if (options->calls_max == 0)
        options->calls_max = 4096;
    if (options->failures_max == 0)
        options->failures_max = 5;
    if (options->backoff_ms == 0)
        options->backoff_ms = 500;
    if (options->backoff_max_ms == 0)
        options->backoff_max_ms = 10000;
    if (options->message_hwm_count == 0)
        options->message_hwm_count = 1024;
}

static bool are_endpoints_sound(const struct phi_rpc_endpoint *endpoints, size_t count)
{
    if (count > PHI_RPC_ENDPOINTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (memchr(endpoints[i].address, '\0', PHI_RPC_ADDRESS_MAX) == NULL ||
            strncmp(endpoints[i].address, "tcp://", 6) != 0)
            return false;
    }
    return true;
}

static enum phi_err check_options(const struct phi_rpc_client_options *options,
                                  struct phi_error *error)
{
    const char *field = NULL;
    if (!are_endpoints_sound(options->endpoints, options->endpoints_count))
        field = "endpoints";
    else if (options->calls_max > PHI_RPC_CALLS_MAX)
        field = "calls_max";
    else if (options->failures_max < 1)
        field = "failures_max";
    else if (options->backoff_ms < 1 || options->backoff_max_ms < options->backoff_ms)
        field = "backoff_ms";
    else if (options->message_hwm_count < 1)
        field = "message_hwm_count";
    if (field == NULL)
        return PHI_OK;
    return phi_error_set(error, PHI_ERR_CONFIG, field, "out of range");
}

static enum phi_err allocate(struct phi_rpc_client *client)
{
    enum phi_err err = PHI_OK;
    size_t calls_max = client->options.calls_max;
    client->starts = phi_queue_new(calls_max);
    client->slots = calloc(calls_max, sizeof(struct phi_rpc_asked *));
    client->free_slots = calloc(calls_max, sizeof(*client->free_slots));
    if (client->starts == NULL || client->slots == NULL || client->free_slots == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < calls_max; i++)
        client->free_slots[i] = (uint16_t)(calls_max - 1 - i);
    client->free_count = calls_max;
    PHI_GUARD(phi_rpc_call_heap_init(&client->timers, calls_max));
    PHI_GUARD(phi_rpc_wake_open(&client->wake));
    client->zmq_context = zmq_ctx_new();
    if (client->zmq_context == NULL)
        err = PHI_ERR_INTERNAL;
out:
    return err;
}

static void release(struct phi_rpc_client *client)
{
    if (client->zmq_context != NULL)
        zmq_ctx_term(client->zmq_context);
    phi_rpc_wake_close(&client->wake);
    phi_rpc_call_heap_fini(&client->timers);
    phi_queue_free(client->starts);
    free(client->slots);
    free(client->free_slots);
    free(client->next_endpoints);
    pthread_mutex_destroy(&client->lock);
    phi_wipe(client->options.secret_key, sizeof(client->options.secret_key));
    free(client);
}

enum phi_err phi_rpc_client_open(const struct phi_rpc_client_options *options,
                                 struct phi_rpc_client **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rpc_client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "client", "out of memory");
    client->options = *options;
    client->wake.fd = -1;
    pthread_mutex_init(&client->lock, NULL);
    set_defaults(&client->options);
    PHI_GUARD(check_options(&client->options, error));
    PHI_GUARD(phi_curve_public(client->options.secret_key, client->public_key));
    PHI_GUARD(allocate(client));
    PHI_GUARD(phi_rpc_client_set_endpoints(client, options->endpoints, options->endpoints_count));
    client->options.endpoints = NULL;
    atomic_store(&client->usable_count, options->endpoints_count);
    if (pthread_create(&client->io_thread, NULL, phi_rpc_client_io_main, client) != 0)
        PHI_GUARD(PHI_ERR_INTERNAL);
    *out = client;
    return PHI_OK;
out:
    if (err != PHI_ERR_CONFIG)
        phi_error_set(error, err, "client", "%s", phi_err_name(err));
    release(client);
    return err;
}

void phi_rpc_client_close(struct phi_rpc_client *client)
{
    if (client == NULL)
        return;
    atomic_store(&client->is_closing, true);
    phi_queue_close(client->starts);
    phi_rpc_wake_knock(&client->wake);
    pthread_join(client->io_thread, NULL);
    release(client);
}

enum phi_err phi_rpc_client_set_endpoints(struct phi_rpc_client *client,
                                          const struct phi_rpc_endpoint *endpoints, size_t count)
{
    if (!are_endpoints_sound(endpoints, count))
        return PHI_ERR_CONFIG;
    struct phi_rpc_endpoint *copy = calloc(count + 1, sizeof(*copy));
    if (copy == NULL)
        return PHI_ERR_MEMORY;
    if (count > 0)
        memcpy(copy, endpoints, count * sizeof(*copy));
    pthread_mutex_lock(&client->lock);
    free(client->next_endpoints);
    client->next_endpoints = copy;
    client->next_count = count;
    pthread_mutex_unlock(&client->lock);
    phi_rpc_wake_knock(&client->wake);
    return PHI_OK;
}

size_t phi_rpc_client_usable_count(const struct phi_rpc_client *client)
{
    return atomic_load(&client->usable_count);
}

static struct phi_rpc_asked *new_asked(struct phi_view request,
                                       const uint8_t request_id[PHI_RPC_REQUEST_ID_LEN])
{
    struct phi_rpc_asked *asked = calloc(1, sizeof(*asked) + request.len);
    if (asked == NULL)
        return NULL;
    memcpy(asked->request_id, request_id, PHI_RPC_REQUEST_ID_LEN);
    asked->payload_len = request.len;
    if (request.len > 0)
        memcpy(asked->payload, request.data, request.len);
    return asked;
}

enum phi_err phi_rpc_call_start(struct phi_rpc_client *client, struct phi_view request,
                                const uint8_t request_id[PHI_RPC_REQUEST_ID_LEN],
                                struct phi_deadline deadline, phi_rpc_done *done, void *context)
{
    enum phi_err err = PHI_OK;
    struct phi_rpc_asked *asked = NULL;
    if (request.len > PHI_RPC_PAYLOAD_MAX)
        return PHI_ERR_BODY_TOO_LARGE;
    if (phi_deadline_is_past(deadline))
        return PHI_ERR_DEADLINE;
    if (atomic_fetch_add(&client->calls, 1) >= client->options.calls_max)
        PHI_GUARD(PHI_ERR_OVERLOAD);
    asked = new_asked(request, request_id);
    if (asked == NULL)
        PHI_GUARD(PHI_ERR_MEMORY);
    asked->deadline = deadline;
    asked->done = done;
    asked->context = context;
    PHI_GUARD(phi_queue_push(client->starts, asked));
    phi_rpc_wake_knock(&client->wake);
    return PHI_OK;
out:
    atomic_fetch_sub(&client->calls, 1);
    free(asked);
    return err;
}

/* A blocking caller, on its own stack: the I/O thread ends every call at its deadline at the
 * latest. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool has_ended;
    enum phi_err err;
    struct phi_arena *arena;
    struct phi_view reply;
};

static void wake_waiter(void *context, enum phi_err err, struct phi_view reply)
{
    struct waiter *waiter = context;
    pthread_mutex_lock(&waiter->lock);
    waiter->err = err;
    if (err == PHI_OK && reply.len > 0) {
        waiter->reply = phi_arena_view(waiter->arena, reply);
        if (waiter->reply.data == NULL)
            waiter->err = PHI_ERR_MEMORY;
    }
    waiter->has_ended = true;
    pthread_cond_signal(&waiter->ended);
    pthread_mutex_unlock(&waiter->lock);
}

enum phi_err phi_rpc_call(struct phi_rpc_client *client, struct phi_view request,
                          const uint8_t request_id[PHI_RPC_REQUEST_ID_LEN],
                          struct phi_deadline deadline, struct phi_arena *arena,
                          struct phi_view *reply)
{
    struct waiter waiter = {.arena = arena};
    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.ended, NULL);
    enum phi_err err =
        phi_rpc_call_start(client, request, request_id, deadline, wake_waiter, &waiter);
    if (err == PHI_OK) {
        pthread_mutex_lock(&waiter.lock);
        while (!waiter.has_ended)
            pthread_cond_wait(&waiter.ended, &waiter.lock);
        err = waiter.err;
        pthread_mutex_unlock(&waiter.lock);
    }
    pthread_cond_destroy(&waiter.ended);
    pthread_mutex_destroy(&waiter.lock);
    if (err == PHI_OK)
        *reply = waiter.reply;
    return err;
}
