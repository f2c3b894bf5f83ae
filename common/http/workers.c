#include "base/log.h"
#include "http/internal.h"

#include <stdlib.h>

#define POP_MS 1000

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

static bool goes_along(const void *item, const void *context)
{
    const struct phi_http_request *request = item;
    const struct phi_http_request *first = context;
    return request->rest == NULL && request->route->handle_many == first->route->handle_many;
}

static void handle_together(struct phi_http_server *server, struct phi_http_request *first)
{
    void *items[PHI_HTTP_TOGETHER_MAX] = {first};
    struct phi_http_request *requests[PHI_HTTP_TOGETHER_MAX];
    size_t count =
        1 + phi_queue_take(server->queue, items + 1, PHI_HTTP_TOGETHER_MAX - 1, goes_along, first);
    for (size_t i = 0; i < count; i++)
        requests[i] = items[i];
    void (*handle_many)(struct phi_http_request **, size_t) = first->route->handle_many;
    count = drop_answered(requests, count);
    if (count > 0)
        handle_many(requests, count);
}

static void *work(void *argument)
{
    struct phi_http_server *server = argument;
    for (;;) {
        void *item = NULL;
        bool is_closed = phi_queue_is_closed(server->queue);
        size_t count = phi_queue_pop(server->queue, &item, 1, phi_deadline_in_ms(POP_MS));
        if (count == 0 && is_closed)
            return NULL;
        if (count == 0)
            continue;
        struct phi_http_request *request = item;
        phi_gauge_set(server->queue_gauge, (int64_t)phi_queue_len(server->queue));
        if (request->route->handle_many != NULL && request->rest == NULL)
            handle_together(server, request);
        else
            handle(request);
    }
}

enum phi_err phi_http_workers_start(struct phi_http_server *server)
{
    server->workers = calloc(server->options.workers, sizeof(*server->workers));
    if (server->workers == NULL)
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
    for (size_t i = 0; i < server->worker_count; i++)
        pthread_join(server->workers[i], NULL);
    server->worker_count = 0;
    free(server->workers);
    server->workers = NULL;
}
