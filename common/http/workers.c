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
    request->route->handle(request, request->route->context);
    phi_log_set_request(NULL);
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
        phi_gauge_set(server->queue_gauge, (int64_t)phi_queue_len(server->queue));
        handle(item);
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
