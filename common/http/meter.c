#include "http/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define LABELS_MAX 256

/* The last slot is for all others. */
static const int statuses[PHI_HTTP_STATUS_SLOTS] = {200, 201, 202, 204, 400, 401, 403, 404, 405,
                                                    409, 413, 415, 422, 429, 500, 503, 304, 0};

static void name_route(const struct phi_http_server *server, size_t i, char *out, size_t size)
{
    if (i == server->options.route_count)
        snprintf(out, size, "route=\"none\"");
    else
        snprintf(out, size, "route=\"%s %s\"", server->options.routes[i].method,
                 server->options.routes[i].path);
}

enum phi_err phi_http_meters_new(struct phi_http_server *server)
{
    char labels[LABELS_MAX];
    server->meters = calloc(server->options.route_count + 1, sizeof(*server->meters));
    if (server->meters == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i <= server->options.route_count; i++) {
        name_route(server, i, labels, sizeof(labels));
        server->meters[i].seconds = phi_histogram_new(
            "phi_http_request_seconds", "from the request line to the answer", labels);
    }
    server->connections_gauge = phi_gauge_new("phi_http_connections", "open connections", NULL);
    server->in_flight_gauge =
        phi_gauge_new("phi_http_in_flight", "requests being handled or answered", NULL);
    server->queue_gauge =
        phi_gauge_new("phi_http_queue_length", "requests waiting for a worker", NULL);
    server->bodies_gauge =
        phi_gauge_new("phi_http_body_bytes", "buffered of requests' bodies", NULL);
    server->late_counter =
        phi_counter_new("phi_http_connections_cut_total", "connections closed by the server",
                        "reason=\"deadline\"");
    server->crowded_counter = phi_counter_new(
        "phi_http_connections_cut_total", "connections closed by the server", "reason=\"crowded\"");
    return PHI_OK;
}

static size_t slot_of(int status)
{
    size_t slot = 0;
    while (slot < PHI_HTTP_STATUS_SLOTS - 1 && statuses[slot] != status)
        slot++;
    return slot;
}

/* Made at first use: most routes never give most statuses. */
static struct phi_counter *counter_of(struct phi_http_server *server, size_t route, size_t slot)
{
    _Atomic(struct phi_counter *) *place = &server->meters[route].by_status[slot];
    struct phi_counter *counter = atomic_load(place);
    if (counter != NULL)
        return counter;
    char name[LABELS_MAX - 32];
    char labels[LABELS_MAX];
    name_route(server, route, name, sizeof(name));
    if (statuses[slot] == 0)
        snprintf(labels, sizeof(labels), "%s,status=\"other\"", name);
    else
        snprintf(labels, sizeof(labels), "%s,status=\"%d\"", name, statuses[slot]);
    counter = phi_counter_new("phi_http_requests_total", "requests answered", labels);
    atomic_store(place, counter);
    return counter;
}

void phi_http_meter_answer(struct phi_http_request *request, int status)
{
    struct phi_http_server *server = request->server;
    size_t route = server->options.route_count;
    if (request->route != NULL)
        route = (size_t)(request->route - server->options.routes);
    phi_counter_add(counter_of(server, route, slot_of(status)), 1);
    phi_histogram_observe_us(server->meters[route].seconds,
                             phi_monotonic_us() - request->started_us);
}
