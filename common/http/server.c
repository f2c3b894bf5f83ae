#include "http/internal.h"

#include <signal.h>
#include <stdlib.h>

#define LAST_SENDING_MS 500

#define DEFAULT(field, value)                                                                      \
    do {                                                                                           \
        if (options->field == 0)                                                                   \
            options->field = (value);                                                              \
    } while (0)

static void fill_defaults(struct phi_http_options *options)
{
    DEFAULT(address, "127.0.0.1");
    DEFAULT(io_threads, 2);
    DEFAULT(workers, 8);
    DEFAULT(queue_max, 1024);
    DEFAULT(connections_max, 4096);
    DEFAULT(waiting_max, options->connections_max - options->connections_max / 4);
    DEFAULT(bodies_max_bytes, (size_t)128 << 20);
    DEFAULT(discard_max_bytes, (size_t)128 << 10);
    DEFAULT(header_deadline_ms, 10000);
    DEFAULT(idle_deadline_ms, 75000);
    DEFAULT(total_deadline_ms, 10000);
    DEFAULT(retry_after_s, 1);
    DEFAULT(render_error, phi_http_error_default);
}

void phi_http_server_drop(struct phi_http_server *server)
{
    if (atomic_fetch_sub(&server->holders, 1) != 1)
        return;
    phi_queue_free(server->together);
    phi_queue_free(server->queue);
    free(server->meters);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

static struct phi_http_server *new_server(const struct phi_http_options *options)
{
    struct phi_http_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return NULL;
    if (pthread_mutex_init(&server->lock, NULL) != 0)
        goto no_lock;
    if (!phi_http_condition_init(&server->changed))
        goto no_condition;
    atomic_init(&server->holders, 1);
    server->listen_fd = -1;
    server->options = *options;
    fill_defaults(&server->options);
    return server;
no_condition:
    pthread_mutex_destroy(&server->lock);
no_lock:
    free(server);
    return NULL;
}

/* Signals are for the program's main thread. */
static enum phi_err start_threads(struct phi_http_server *server)
{
    sigset_t all;
    sigset_t before;
    enum phi_err err = PHI_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    PHI_GUARD(phi_http_workers_start(server));
    PHI_GUARD(phi_http_timer_start(server));
    PHI_GUARD(phi_http_io_start(server));
out:
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

static enum phi_err check_routes(const struct phi_http_options *options, struct phi_error *error)
{
    for (size_t i = 0; i < options->route_count; i++) {
        if (phi_http_route_check(&options->routes[i]) != PHI_OK)
            return phi_error_set(error, PHI_ERR_CONFIG, options->routes[i].path, "not a route");
    }
    return PHI_OK;
}

enum phi_err phi_http_open(const struct phi_http_options *options, struct phi_http_server **out,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_http_server *server = NULL;
    PHI_GUARD(check_routes(options, error));
    server = new_server(options);
    if (server == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "", "%s", "");
    PHI_GUARD(phi_http_meters_new(server));
    server->queue = phi_queue_new(server->options.queue_max);
    if (server->queue == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_MEMORY, "", "%s", ""));
    PHI_GUARD(phi_http_listen(server->options.address, server->options.port, &server->listen_fd,
                              &server->port, error));
    err = start_threads(server);
    if (err != PHI_OK)
        PHI_GUARD(phi_error_set(error, err, "threads", "could not be started"));
    *out = server;
    return PHI_OK;
out:
    phi_http_close(server, phi_deadline_in_ms(0));
    return err;
}

uint16_t phi_http_port(const struct phi_http_server *server)
{
    return server->port;
}

void phi_http_stop_accepting(struct phi_http_server *server)
{
    if (!atomic_exchange(&server->is_stopping, true))
        phi_http_io_wake_all(server);
}

static void wait_until_idle(struct phi_http_server *server, struct phi_deadline until)
{
    pthread_mutex_lock(&server->lock);
    server->is_closing = true;
    while (server->in_flight > 0 && !phi_deadline_is_past(until))
        phi_http_wait_changed(server, until.at_us);
    pthread_mutex_unlock(&server->lock);
}

void phi_http_close(struct phi_http_server *server, struct phi_deadline until)
{
    if (server == NULL)
        return;
    phi_http_stop_accepting(server);
    wait_until_idle(server, until);
    phi_http_expire_all(server, PHI_ERR_DRAINING);
    wait_until_idle(server, phi_deadline_in_ms(LAST_SENDING_MS));
    phi_http_timer_stop(server);
    if (server->queue != NULL)
        phi_http_workers_stop(server);
    phi_http_io_stop(server);
    phi_http_server_drop(server);
}
