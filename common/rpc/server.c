#include "rpc/server_internal.h"

#include <stdlib.h>
#include <string.h>

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN                                                                     \
    93 /* in libzmq since 4.3, declared by its header only with drafts on */
#endif

#define LINGER_MS 500

static void set_defaults(struct phi_rpc_server_options *options)
{
    if (options->workers_count == 0)
        options->workers_count = 2;
    if (options->batch_max == 0)
        options->batch_max = PHI_RPC_BATCH_MAX;
    if (options->queue_max == 0)
        options->queue_max = 1024;
    if (options->calls_max == 0)
        options->calls_max = 4096;
    if (options->message_hwm_count == 0)
        options->message_hwm_count = 256;
    if (options->handshake_ms == 0)
        options->handshake_ms = 3000;
    if (options->deadline_max_ms == 0)
        options->deadline_max_ms = 30000;
}

static enum phi_err check_options(const struct phi_rpc_server_options *options,
                                  struct phi_error *error)
{
    const char *field = NULL;
    if (options->bind == NULL)
        field = "bind";
    else if (options->allow == NULL)
        field = "allow";
    else if (options->handle == NULL)
        field = "handle";
    else if (options->workers_count < 1 || options->workers_count > PHI_RPC_WORKERS_MAX)
        field = "workers_count";
    else if (options->batch_max > PHI_RPC_BATCH_MAX)
        field = "batch_max";
    else if (options->message_hwm_count < 1)
        field = "message_hwm_count";
    else if (options->handshake_ms < 1)
        field = "handshake_ms";
    else if (options->deadline_max_ms < 1)
        field = "deadline_max_ms";
    if (field == NULL)
        return PHI_OK;
    return phi_error_set(error, PHI_ERR_CONFIG, field, "missing or out of range");
}

static void declare_metrics(struct phi_rpc_server *server)
{
    server->requests_total =
        phi_counter_new("phi_rpc_requests_total", "requests read from the verify RPC", NULL);
    server->malformed_total =
        phi_counter_new("phi_rpc_malformed_total", "messages that are no frame of ours", NULL);
    server->strangers_total = phi_counter_new(
        "phi_rpc_strangers_total", "messages of peers that are not on the allow-list", NULL);
    server->refused_total =
        phi_counter_new("phi_rpc_refused_total", "requests refused by the transport", NULL);
    server->expired_total = phi_counter_new("phi_rpc_expired_total",
                                            "requests dropped because their time was over", NULL);
    server->undelivered_total =
        phi_counter_new("phi_rpc_undelivered_total", "answers whose caller was gone", NULL);
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool set_up_router(struct phi_rpc_server *server)
{
    void *router = server->router;
    int64_t message_max_bytes = PHI_RPC_WIRE_MAX;
    return set_int(router, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, server->options.secret_key,
                          PHI_CURVE_KEY_LEN) == 0 &&
           zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, PHI_RPC_ZAP_DOMAIN, strlen(PHI_RPC_ZAP_DOMAIN)) ==
               0 &&
           set_int(router, ZMQ_ZAP_ENFORCE_DOMAIN, 1) &&
           set_int(router, ZMQ_HANDSHAKE_IVL, server->options.handshake_ms) &&
           zmq_setsockopt(router, ZMQ_MAXMSGSIZE, &message_max_bytes, sizeof(message_max_bytes)) ==
               0 &&
           set_int(router, ZMQ_RCVHWM, server->options.message_hwm_count) &&
           set_int(router, ZMQ_SNDHWM, server->options.message_hwm_count) &&
           set_int(router, ZMQ_ROUTER_MANDATORY, 1) && set_int(router, ZMQ_LINGER, LINGER_MS) &&
           set_int(router, ZMQ_TCP_KEEPALIVE, 1) && set_int(router, ZMQ_IPV6, 1);
}

/* ZAP is bound before the ROUTER: between the two a stranger would meet no handler. */
static enum phi_err open_sockets(struct phi_rpc_server *server, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t size = sizeof(server->address);
    server->zmq_context = zmq_ctx_new();
    if (server->zmq_context == NULL)
        return phi_error_set(error, PHI_ERR_INTERNAL, "zmq", "no context");
    PHI_GUARD(phi_rpc_zap_handler_open(server->zmq_context, server->options.allow, &server->zap));
    server->router = zmq_socket(server->zmq_context, ZMQ_ROUTER);
    if (server->router == NULL || !set_up_router(server))
        return phi_error_set(error, PHI_ERR_INTERNAL, "zmq", "socket options: %s",
                             zmq_strerror(zmq_errno()));
    if (zmq_bind(server->router, server->options.bind) != 0)
        return phi_error_set(error, PHI_ERR_IO, "bind", "%s", zmq_strerror(zmq_errno()));
    if (zmq_getsockopt(server->router, ZMQ_LAST_ENDPOINT, server->address, &size) != 0)
        return phi_error_set(error, PHI_ERR_INTERNAL, "zmq", "no endpoint");
out:
    return err;
}

static enum phi_err start_threads(struct phi_rpc_server *server)
{
    if (pthread_create(&server->io_thread, NULL, phi_rpc_server_io_main, server) != 0)
        return PHI_ERR_INTERNAL;
    server->has_io_thread = true;
    while (server->workers_started < server->options.workers_count) {
        if (pthread_create(&server->workers[server->workers_started], NULL,
                           phi_rpc_server_worker_main, server) != 0)
            return PHI_ERR_INTERNAL;
        server->workers_started++;
    }
    return PHI_OK;
}

static struct phi_rpc_server *new_server(const struct phi_rpc_server_options *options)
{
    pthread_condattr_t attributes;
    struct phi_rpc_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return NULL;
    server->options = *options;
    server->wake.fd = -1;
    atomic_init(&server->references, 1);
    atomic_init(&server->calls, 0);
    server->allowed.allow = options->allow;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    return server;
}

enum phi_err phi_rpc_server_open(const struct phi_rpc_server_options *options,
                                 struct phi_rpc_server **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rpc_server_options full = *options;
    struct phi_rpc_server *server = NULL;
    set_defaults(&full);
    PHI_GUARD(check_options(&full, error));
    server = new_server(&full);
    if (server == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_MEMORY, "server", "out of memory"));
    declare_metrics(server);
    server->work = phi_queue_new(full.queue_max);
    server->answers = phi_queue_new(full.calls_max);
    if (server->work == NULL || server->answers == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_MEMORY, "server", "out of memory"));
    PHI_GUARD(phi_rpc_wake_open(&server->wake));
    PHI_GUARD(open_sockets(server, error));
    PHI_GUARD(start_threads(server));
    *out = server;
    server = NULL;
out:
    phi_wipe(full.secret_key, sizeof(full.secret_key));
    phi_rpc_server_close(server, (struct phi_deadline){.at_us = 0});
    return err;
}

const char *phi_rpc_server_address(const struct phi_rpc_server *server)
{
    return server->address;
}

void phi_rpc_server_stop_accepting(struct phi_rpc_server *server)
{
    atomic_store(&server->is_draining, true);
}

void phi_rpc_server_unref(struct phi_rpc_server *server)
{
    if (atomic_fetch_sub(&server->references, 1) != 1)
        return;
    phi_queue_free(server->work);
    phi_queue_free(server->answers);
    phi_rpc_wake_close(&server->wake);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    phi_wipe(server->options.secret_key, sizeof(server->options.secret_key));
    free(server);
}

static void wait_until_idle(struct phi_rpc_server *server, struct phi_deadline deadline)
{
    struct timespec until = {.tv_sec = deadline.at_us / 1000000,
                             .tv_nsec = deadline.at_us % 1000000 * 1000};
    pthread_mutex_lock(&server->lock);
    while (atomic_load(&server->calls) > 0 && !phi_deadline_is_past(deadline))
        pthread_cond_timedwait(&server->idle, &server->lock, &until);
    pthread_mutex_unlock(&server->lock);
}

static void drop_all(struct phi_queue *queue)
{
    void *items[PHI_RPC_BATCH_MAX];
    struct phi_deadline now = {.at_us = 0};
    size_t count;
    while ((count = phi_queue_pop(queue, items, PHI_RPC_BATCH_MAX, now)) > 0) {
        for (size_t i = 0; i < count; i++)
            phi_rpc_call_free(items[i]);
    }
}

static void stop_threads(struct phi_rpc_server *server)
{
    atomic_store(&server->is_closing, true);
    if (server->has_io_thread) {
        phi_rpc_wake_knock(&server->wake);
        pthread_join(server->io_thread, NULL);
    }
    phi_rpc_allow_reader_drop(&server->allowed);
    if (server->work != NULL) {
        phi_queue_close(server->work);
        drop_all(server->work);
    }
    for (int i = 0; i < server->workers_started; i++)
        pthread_join(server->workers[i], NULL);
    if (server->answers != NULL) {
        phi_queue_close(server->answers);
        drop_all(server->answers);
    }
}

void phi_rpc_server_close(struct phi_rpc_server *server, struct phi_deadline deadline)
{
    if (server == NULL)
        return;
    phi_rpc_server_stop_accepting(server);
    wait_until_idle(server, deadline);
    stop_threads(server);
    if (server->router != NULL)
        zmq_close(server->router);
    phi_rpc_zap_handler_close(server->zap);
    if (server->zmq_context != NULL)
        zmq_ctx_term(server->zmq_context);
    phi_rpc_server_unref(server);
}
