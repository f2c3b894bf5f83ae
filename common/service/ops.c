#include "service/parts.h"

#include "base/metrics.h"

#include <stdlib.h>
#include <string.h>

#define JSON_TYPE    "application/json; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void healthz(struct phi_http_request *request, void *context)
{
    (void)context;
    phi_http_answer(request, 200, JSON_TYPE, phi_view_text("{\"status\":\"alive\"}"), NULL, 0);
}

bool phi_service_is_ready(struct phi_service *service, const char **why)
{
    *why = NULL;
    if (!phi_store_is_up(service->store))
        *why = "database";
    else if (service->registry != NULL && !phi_registry_is_usable(service->registry))
        *why = "registry";
    else if (phi_service_device_missing(service) != NULL)
        *why = phi_service_device_missing(service);
    else if (service->program->unready != NULL)
        *why = service->program->unready(service);
    return *why == NULL;
}

static json_t *degraded_list(struct phi_service *service)
{
    json_t *list = json_array();
    pthread_mutex_lock(&service->lock);
    for (size_t i = 0; i < service->degraded_count; i++)
        if (service->degraded[i].is_set)
            json_array_append_new(list, json_string(service->degraded[i].part));
    pthread_mutex_unlock(&service->lock);
    return list;
}

static void readyz(struct phi_http_request *request, void *context)
{
    struct phi_service *service = context;
    const char *why = NULL;
    bool is_ready = phi_service_is_ready(service, &why);
    phi_service_device_look(service); /* `degraded` is of this moment, as `why` is */
    json_t *body = json_pack("{s:b, s:o}", "ready", is_ready, "degraded", degraded_list(service));
    if (why != NULL)
        json_object_set_new(body, "missing", json_string(why));
    if (service->trust != NULL)
        json_object_set_new(body, "trustListAgeSeconds",
                            json_integer(phi_trust_age_s(service->trust)));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL)
        phi_http_answer_error(request, PHI_ERR_MEMORY, NULL);
    else
        phi_http_answer(request, is_ready ? 200 : 503, JSON_TYPE, phi_view_text(text), NULL, 0);
    free(text);
}

static void metrics(struct phi_http_request *request, void *context)
{
    (void)context;
    size_t len = 0;
    char *text = phi_metrics_render(&len);
    if (text == NULL)
        phi_http_answer_error(request, PHI_ERR_MEMORY, NULL);
    else
        phi_http_answer(request, 200, METRICS_TYPE, phi_view_of(text, len), NULL, 0);
    free(text);
}

static void openapi(struct phi_http_request *request, void *context)
{
    const struct phi_service *service = context;
    struct phi_view body = phi_view_of(service->program->openapi, *service->program->openapi_len);
    phi_http_answer(request, 200, JSON_TYPE, body, NULL, 0);
}

size_t phi_service_ops_routes(struct phi_service *service, struct phi_http_route *routes)
{
    const struct phi_http_route ops[] = {
        {.method = "GET",
         .path = "/healthz",
         .handle = healthz,
         .context = service,
         .on_io_thread = true},
        {.method = "GET",
         .path = "/readyz",
         .handle = readyz,
         .context = service,
         .on_io_thread = true},
        {.method = "GET", .path = "/metrics", .handle = metrics, .context = service},
        {.method = "GET", .path = "/openapi.json", .handle = openapi, .context = service},
    };
    memcpy(routes, ops, sizeof(ops));
    return sizeof(ops) / sizeof(ops[0]);
}
