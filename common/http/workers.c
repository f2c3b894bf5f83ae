#include "base/log.h"
#include "http/internal.h"

#include <stdlib.h>

#define POP_MS 1000

/* Few workers for what goes together: with many, each is woken for a handful of requests, and a
 * group costs about as much as its first one. None of their own where there are few at all. */
static size_t together_count(const struct phi_http_server *server)
{
    size_t workers = server->options.workers;
    return workers < 4 ? 0 : workers < 8 ? 2 : workers / 4;
}

static bool has_together(const struct phi_http_server *server)
{
    for (size_t i = 0; i < server->options.route_count; i++)
        if (server->options.routes[i].handle_many != NULL)
            return together_count(server) > 0;
    return false;
}

static bool is_handed(struct phi_http_request *request)
{
    pthread_mutex_lock(&request->lock);
    bool handed = request->state == PHI_HTTP_HANDED;
    pthread_mutex_unlock(&request->lock);
    return handed;
}

/* What was answered at its deadline while it waited is not begun. */
static void handle(struct phi_http_request *request)
{
    if (!is_handed(request)) {
        phi_http_request_drop(request);
        return;
    }
    char id[PHI_HTTP_REQUEST_ID_MAX + 1]; /* the request may be gone before the handler returns */
    for (size_t i = 0; i < sizeof(id); i++)
        id[i] = request->request_id[i];
    phi_log_set_request(id);
    if (request->rest != NULL)
        request->rest(request, request->rest_context);
    else
        request->route->handle(request, request->route->context);
    phi_log_set_request(NULL);
}

bool phi_http_hand_on(struct phi_http_request *request,
                      void (*rest)(struct phi_http_request *request, void *context), void *context)
{
    request->rest = rest;
    request->rest_context = context;
    if (phi_queue_push(request->server->queue, request) == PHI_OK)
        return true;
    request->rest = NULL;
    return false;
}

/* Those that wait still; the others were answered at their deadline. */
static size_t drop_answered(struct phi_http_request **requests, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_handed(requests[i]))
            requests[kept++] = requests[i];
        else
            phi_http_request_drop(requests[i]);
    }
    return kept;
}

static void show_length(struct phi_http_server *server)
{
    size_t len = phi_queue_len(server->queue);
    if (server->together != NULL)
        len += phi_queue_len(server->together);
    phi_gauge_set(server->queue_gauge, (int64_t)len);
}

enum phi_err phi_http_workers_push(struct phi_http_request *request)
{
    struct phi_http_server *server = request->server;
    bool goes_together = server->together != NULL && request->route->handle_many != NULL;
    enum phi_err err = phi_queue_push(goes_together ? server->together : server->queue, request);
    if (err == PHI_OK)
        show_length(server);
    return err;
}

static bool goes_along(const void *item, const void *context)
{
    const struct phi_http_request *request = item;
    const struct phi_http_request *first = context;
    return request->rest == NULL && request->route->handle_many == first->route->handle_many;
}

static void handle_together(struct phi_queue *queue, struct phi_http_request *first)
{
    void *items[PHI_HTTP_TOGETHER_MAX] = {first};
    struct phi_http_request *requests[PHI_HTTP_TOGETHER_MAX];
    size_t count =
        1 + phi_queue_take(queue, items + 1, PHI_HTTP_TOGETHER_MAX - 1, goes_along, first);
    for (size_t i = 0; i < count; i++)
        requests[i] = items[i];
    void (*handle_many)(struct phi_http_request **, size_t) = first->route->handle_many;
    count = drop_answered(requests, count);
    if (count > 0)
        handle_many(requests, count);
}

/* The first ones take what goes together. */
static struct phi_queue *queue_of(struct phi_http_server *server)
{
    size_t number = atomic_fetch_add(&server->started, 1);
    bool is_first = server->together != NULL && number < together_count(server);
    return is_first ? server->together : server->queue;
}

static void *work(void *argument)
{
    struct phi_http_server *server = argument;
    struct phi_queue *queue = queue_of(server);
    for (;;) {
        void *item = NULL;
        bool is_closed = phi_queue_is_closed(queue);
        size_t count = phi_queue_pop(queue, &item, 1, phi_deadline_in_ms(POP_MS));
        if (count == 0 && is_closed)
            return NULL;
        if (count == 0)
            continue;
        struct phi_http_request *request = item;
        show_length(server);
        if (request->route->handle_many != NULL && request->rest == NULL)
            handle_together(queue, request);
        else
            handle(request);
    }
}

enum phi_err phi_http_workers_start(struct phi_http_server *server)
{
    server->workers = calloc(server->options.workers, sizeof(*server->workers));
    if (has_together(server))
        server->together = phi_queue_new(server->options.queue_max);
    if (server->workers == NULL || (has_together(server) && server->together == NULL))
        return PHI_ERR_MEMORY;
    while (server->worker_count < server->options.workers) {
        if (pthread_create(&server->workers[server->worker_count], NULL, work, server) != 0)
            return PHI_ERR_MEMORY;
        server->worker_count++;
    }
    return PHI_OK;
}

void phi_http_workers_stop(struct phi_http_server *server)
{
    phi_queue_close(server->queue);
    if (server->together != NULL)
        phi_queue_close(server->together);
    for (size_t i = 0; i < server->worker_count; i++)
        pthread_join(server->workers[i], NULL);
    server->worker_count = 0;
    free(server->workers);
    server->workers = NULL;
}
