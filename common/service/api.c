#include "service/call.h"

#include "bus/event_row.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JSON_BODY_MAX   (64 * 1024)
#define NDJSON_BODY_MAX (8 * 1024 * 1024)
#define FILE_ARENA_MAX  ((size_t)8 * PHI_API_FILE_MAX)
#define CALL_ROWS_MAX   64

void phi_api_end(struct phi_api_call *call, enum phi_err err, struct phi_error *error)
{
    phi_commit_free(call->commit);
    call->commit = NULL;
    if (phi_api_answer_again(call))
        return;
    /* A lower layer's detail counts only where it speaks of this error. */
    if (error->code != err)
        *error = (struct phi_error){.code = err};
    if (phi_err_http_status(err) == 500)
        phi_log(PHI_LOG_ERROR, "request_failed", PHI_L_DETAIL(error));
    phi_api_refuse(call, error);
}

struct phi_api_call *phi_api_call_new(struct phi_http_request *request)
{
    const struct phi_api_binding *binding = phi_http_route_of(request)->context;
    struct phi_arena *arena = phi_http_arena(request);
    struct phi_api_call *call = phi_arena_alloc(arena, sizeof(*call));
    if (call == NULL) {
        phi_http_answer_error(request, PHI_ERR_MEMORY, NULL);
        return NULL;
    }
    call->api = binding->api;
    call->service = binding->api->service;
    call->route = binding->route;
    call->request = request;
    call->arena = arena;
    call->now_us = phi_clock_now_us(phi_service_clock(call->service));
    return call;
}

static enum phi_err handle_call(struct phi_api_call *call, struct phi_error *error)
{
    if (call->finish != NULL)
        return call->finish(call, call->finish_context, error);
    return call->route->handle(call, error);
}

void phi_api_run(struct phi_api_turn *turn)
{
    enum phi_err err = turn->err;
    PHI_GUARD(err);
    PHI_GUARD(handle_call(turn->call, &turn->error));
    PHI_GUARD(phi_api_prepare(turn->call));
    phi_api_sign(turn, 1);
    PHI_GUARD(turn->err);
    PHI_GUARD(phi_api_commit(turn->call));
out:
    if (err != PHI_OK)
        phi_api_end(turn->call, err, &turn->error);
}

static void handle(struct phi_http_request *request, void *context)
{
    (void)context;
    struct phi_api_turn turn = {.call = phi_api_call_new(request)};
    if (turn.call == NULL)
        return;
    phi_api_check_callers(&turn, 1);
    if (turn.err == PHI_OK)
        turn.err = phi_api_check(turn.call, &turn.error);
    phi_api_run(&turn);
}

static struct phi_http_route http_route(const struct phi_api_route *route,
                                        struct phi_api_binding *binding)
{
    bool is_lines = route->flags & PHI_API_NDJSON;
    bool has_body = strcmp(route->method, "POST") == 0;
    bool is_together = route->flags & PHI_API_TOGETHER;
    bool is_file = route->flags & PHI_API_FILE;
    return (struct phi_http_route){
        .method = route->method,
        .path = route->path,
        .body_max_bytes = !has_body  ? 0
                          : is_lines ? NDJSON_BODY_MAX
                          : is_file  ? PHI_API_FILE_MAX
                                     : JSON_BODY_MAX,
        .arena_max_bytes = is_file ? FILE_ARENA_MAX : 0,
        .content_type = !has_body  ? NULL
                        : is_lines ? "application/x-ndjson"
                        : is_file  ? "application/octet-stream"
                                   : "application/json",
        .handle = is_together ? NULL : handle,
        .handle_many = is_together ? phi_api_handle_many : NULL,
        .context = binding,
    };
}

enum phi_err phi_api_open(struct phi_service *service, struct phi_http_route *routes,
                          struct phi_api **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_program *program = service->program;
    struct phi_api *api = calloc(1, sizeof(*api));
    PHI_GUARD(api == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *out = api;
    api->service = service;
    api->bindings = calloc(program->route_count + 1, sizeof(*api->bindings));
    PHI_GUARD(api->bindings == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < program->route_count; i++) {
        const struct phi_api_route *route = &program->routes[i];
        assert(!(route->flags & PHI_API_CREATES) || service->answer_seal != NULL);
        assert(route->handle_many == NULL || route->flags & PHI_API_TOGETHER);
        api->bindings[i] = (struct phi_api_binding){.api = api, .route = route};
        routes[i] = http_route(route, &api->bindings[i]);
    }
    PHI_GUARD(phi_api_late_start(api));
out:
    return err;
}

void phi_api_close(struct phi_api *api)
{
    if (api == NULL)
        return;
    phi_api_late_stop(api);
    free(api->bindings);
    free(api);
}

struct phi_service *phi_api_service(struct phi_api_call *call)
{
    return call->service;
}

struct phi_http_request *phi_api_request(struct phi_api_call *call)
{
    return call->request;
}

struct phi_arena *phi_api_arena(struct phi_api_call *call)
{
    return call->arena;
}

struct phi_deadline phi_api_deadline(struct phi_api_call *call)
{
    return call->request == NULL ? call->deadline : phi_http_deadline(call->request);
}

int64_t phi_api_now_us(struct phi_api_call *call)
{
    return call->now_us;
}

const struct phi_registry_app *phi_api_app(struct phi_api_call *call)
{
    return call->caller.app;
}

const struct phi_identity *phi_api_who(struct phi_api_call *call)
{
    return call->has_identity ? &call->identity : NULL;
}

struct phi_json_at phi_api_body(struct phi_api_call *call)
{
    return call->body;
}

struct phi_view phi_api_body_bytes(struct phi_api_call *call)
{
    return phi_http_body(call->request);
}

const char *phi_api_customer(struct phi_api_call *call)
{
    return call->customer == NULL ? "" : call->customer;
}

const char *phi_api_serial(struct phi_api_call *call)
{
    return call->serial == NULL ? "" : call->serial;
}

enum phi_err phi_api_request_key(struct phi_api_call *call, uint8_t out[16])
{
    return phi_api_request_key_of(call, phi_api_serial(call), out);
}

enum phi_err phi_api_request_key_of(struct phi_api_call *call, const char *number, uint8_t out[16])
{
    uint8_t digest[PHI_SM3_LEN];
    const struct phi_view line = phi_view_of("\n", 1);
    const struct phi_view parts[] = {phi_view_text(call->caller.app->app_id), line,
                                     phi_view_text(phi_api_customer(call)), line,
                                     phi_view_text(number)};
    enum phi_err err = phi_sm3_parts(parts, sizeof(parts) / sizeof(parts[0]), digest);
    if (err == PHI_OK)
        memcpy(out, digest, 16);
    return err;
}

enum phi_err phi_api_who_digest(struct phi_api_call *call, uint8_t out[PHI_SM3_LEN])
{
    const struct phi_view parts[] = {phi_view_text(call->identity.issuer), phi_view_of("\n", 1),
                                     phi_view_text(call->identity.sub)};
    return phi_sm3_parts(parts, sizeof(parts) / sizeof(parts[0]), out);
}

enum phi_err phi_api_row(struct phi_api_call *call, int table, const struct phi_param *params,
                         size_t count)
{
    if (call->commit == NULL)
        call->commit = phi_commit_new(call->service->lane);
    if (call->commit == NULL)
        return PHI_ERR_MEMORY;
    if (call->row_count++ >= CALL_ROWS_MAX)
        return PHI_ERR_INTERNAL;
    return phi_commit_add(call->commit, (size_t)table, params, count);
}

static enum phi_err event_complete(struct phi_api_call *call, struct phi_event *event)
{
    static const uint8_t none[PHI_EVENT_ID_LEN];
    if (event->time_us == 0)
        event->time_us = call->now_us;
    if (event->source == NULL)
        event->source = phi_service_source(call->service);
    if (event->request_id == NULL && call->request != NULL)
        event->request_id = phi_http_request_id(call->request);
    if (event->traceparent == NULL && call->request != NULL)
        event->traceparent = phi_http_header(call->request, "traceparent");
    if (memcmp(event->id, none, sizeof(none)) == 0)
        return phi_event_new_id(event);
    return PHI_OK;
}

/* Most calls tell one event or none. */
static enum phi_err make_room(struct phi_api_call *call)
{
    if (call->event_count == PHI_API_EVENTS_MAX)
        return PHI_ERR_INTERNAL;
    if (call->event_count > 1)
        return PHI_OK;
    size_t room = call->event_count == 0 ? 1 : PHI_API_EVENTS_MAX;
    struct phi_event *events = phi_arena_alloc(call->arena, room * sizeof(*events));
    if (events == NULL)
        return PHI_ERR_MEMORY;
    if (call->event_count > 0)
        events[0] = call->events[0];
    call->events = events;
    return PHI_OK;
}

enum phi_err phi_api_event(struct phi_api_call *call, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    struct phi_param row[PHI_OUTBOX_COLUMNS];
    PHI_GUARD(make_room(call));
    PHI_GUARD(event_complete(call, event));
    PHI_GUARD(phi_event_to_row(event, call->now_us, call->arena, row));
    PHI_GUARD(phi_api_row(call, PHI_API_OUTBOX, row, PHI_OUTBOX_COLUMNS));
    struct phi_event *kept = &call->events[call->event_count++];
    *kept = *event;
    kept->key = phi_arena_view(call->arena, event->key);
    kept->value = phi_arena_view(call->arena, event->value);
out:
    return err;
}

void phi_api_data(struct phi_api_call *call, json_t *data)
{
    call->data = data;
    if (data != NULL && phi_json_keep(call->arena, data) != PHI_OK)
        call->data = NULL;
}

void phi_api_data_text(struct phi_api_call *call, struct phi_view data)
{
    call->data_text = data;
}

void phi_api_verdict(struct phi_api_call *call, enum phi_err verdict)
{
    call->verdict = verdict;
}

void phi_api_lines(struct phi_api_call *call, struct phi_view lines)
{
    phi_api_text(call, "application/x-ndjson; charset=utf-8", lines);
}

enum phi_err phi_api_file(struct phi_api_call *call, const char *content_type, const char *name,
                          struct phi_view bytes)
{
    call->disposition = phi_arena_printf(call->arena, "attachment; filename=\"%s\"", name);
    phi_api_text(call, content_type, bytes);
    return call->disposition == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

void phi_api_text(struct phi_api_call *call, const char *content_type, struct phi_view text)
{
    call->lines = text;
    call->lines_type = content_type;
    call->has_lines = true;
}

enum phi_err phi_api_etag(struct phi_api_call *call, const char *etag)
{
    call->etag = phi_arena_text(call->arena, phi_view_text(etag));
    return call->etag == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

void phi_api_finish_alone(struct phi_api_call *call,
                          enum phi_err (*finish)(struct phi_api_call *call, void *context,
                                                 struct phi_error *error),
                          void *context)
{
    call->finish = finish;
    call->finish_context = context;
}

void phi_api_after_commit(struct phi_api_call *call, void (*after)(struct phi_api_call *, void *),
                          void *context)
{
    call->after = after;
    call->after_context = context;
}
