#include "http/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A target over its bound is not kept: the empty one says so. */
struct phi_http_request *phi_http_request_new(struct phi_http_io *io, const char *target,
                                              struct MHD_Connection *connection)
{
    struct phi_http_server *server = io->server;
    size_t len = strnlen(target, PHI_HTTP_TARGET_MAX + 1);
    len = len > PHI_HTTP_TARGET_MAX ? 0 : len;
    struct phi_http_request *request = calloc(1, sizeof(*request) + len + 1);
    if (request == NULL)
        return NULL;
    if (pthread_mutex_init(&request->lock, NULL) != 0) {
        free(request);
        return NULL;
    }
    memcpy(request->target, target, len);
    request->server = server;
    request->io = io;
    request->connection = connection;
    request->started_us = phi_monotonic_us();
    request->deadline.at_us = request->started_us + server->options.total_deadline_ms * 1000;
    atomic_init(&request->holders, 1);
    atomic_fetch_add(&server->holders, 1);
    return request;
}

void phi_http_request_hold(struct phi_http_request *request)
{
    atomic_fetch_add(&request->holders, 1);
}

void phi_http_request_drop(struct phi_http_request *request)
{
    if (atomic_fetch_sub(&request->holders, 1) != 1)
        return;
    struct phi_http_server *server = request->server;
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    phi_http_body_free(request);
    phi_arena_free(request->arena);
    pthread_mutex_destroy(&request->lock);
    phi_wipe(request->target, strlen(request->target));
    free(request);
    phi_http_server_drop(server);
}

const char *phi_http_method(const struct phi_http_request *request)
{
    return request->method;
}

const char *phi_http_target(const struct phi_http_request *request)
{
    return request->target;
}

const char *phi_http_path(const struct phi_http_request *request)
{
    return request->path;
}

const struct phi_http_route *phi_http_route_of(const struct phi_http_request *request)
{
    return request->route;
}

const char *phi_http_header(const struct phi_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

static const char *find(const struct phi_http_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    }
    return NULL;
}

const char *phi_http_query(const struct phi_http_request *request, const char *name)
{
    return find(request->queries, request->query_count, name);
}

size_t phi_http_query_count(const struct phi_http_request *request)
{
    return request->query_count;
}

const char *phi_http_query_name(const struct phi_http_request *request, size_t i)
{
    return i < request->query_count ? request->queries[i].name : NULL;
}

const char *phi_http_param(const struct phi_http_request *request, const char *name)
{
    return find(request->params, request->param_count, name);
}

struct phi_view phi_http_body(const struct phi_http_request *request)
{
    return phi_view_of(request->body, request->body_len);
}

const char *phi_http_request_id(const struct phi_http_request *request)
{
    return request->request_id;
}

struct phi_arena *phi_http_arena(struct phi_http_request *request)
{
    return request->arena;
}

struct phi_deadline phi_http_deadline(const struct phi_http_request *request)
{
    return request->deadline;
}
