#include "http/internal.h"

#include <stdio.h>
#include <string.h>

#define PARAM_NAME_MAX 32

/* The next segment of a path: *at stands on its slash before and on the next one, or the end,
 * after. */
static struct phi_view next_segment(const char **at)
{
    const char *start = *at + 1;
    size_t len = strcspn(start, "/?");
    *at = start + len;
    return phi_view_of(start, len);
}

static bool is_param(struct phi_view segment)
{
    return segment.len > 2 && segment.data[0] == '{' && segment.data[segment.len - 1] == '}';
}

enum phi_err phi_http_route_check(const struct phi_http_route *route)
{
    bool has_one = (route->handle == NULL) != (route->handle_many == NULL);
    if (!has_one || (route->on_io_thread && route->handle == NULL) || route->method == NULL ||
        strlen(route->method) > 15 || route->path == NULL || route->path[0] != '/')
        return PHI_ERR_CONFIG;
    size_t params = 0;
    for (const char *at = route->path; *at == '/';) {
        struct phi_view segment = next_segment(&at);
        if (is_param(segment) && (segment.len > PARAM_NAME_MAX || ++params > PHI_HTTP_PARAMS_MAX))
            return PHI_ERR_CONFIG;
    }
    return PHI_OK;
}

static bool is_path_of(const struct phi_http_route *route, const char *target)
{
    const char *pattern = route->path;
    while (*pattern == '/' && *target == '/') {
        struct phi_view wanted = next_segment(&pattern);
        struct phi_view given = next_segment(&target);
        if (is_param(wanted) ? given.len == 0 : !phi_view_equal(wanted, given))
            return false;
    }
    return *pattern == '\0' && (*target == '\0' || *target == '?');
}

static bool is_method_of(const struct phi_http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void allow(struct phi_http_request *request, const char *method)
{
    size_t len = strlen(request->allow);
    if (strstr(request->allow, method) != NULL)
        return;
    snprintf(request->allow + len, sizeof(request->allow) - len, "%s%s%s", len > 0 ? ", " : "",
             method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

enum phi_err phi_http_route_find(struct phi_http_request *request)
{
    const struct phi_http_options *options = &request->server->options;
    for (size_t i = 0; i < options->route_count; i++) {
        const struct phi_http_route *route = &options->routes[i];
        if (!is_path_of(route, request->target))
            continue;
        if (is_method_of(route, request->method)) {
            request->route = route;
            return PHI_OK;
        }
        allow(request, route->method);
    }
    return phi_error_set(&request->error,
                         request->allow[0] == '\0' ? PHI_ERR_NO_ROUTE : PHI_ERR_METHOD, "", "%s",
                         "");
}

enum phi_err phi_http_route_params(struct phi_http_request *request)
{
    const char *pattern = request->route->path;
    const char *target = request->target;
    enum phi_err err = PHI_OK;
    while (*pattern == '/') {
        struct phi_view wanted = next_segment(&pattern);
        struct phi_view given = next_segment(&target);
        if (!is_param(wanted))
            continue;
        struct phi_http_pair *pair = &request->params[request->param_count];
        pair->name = phi_arena_text(request->arena, phi_view_of(wanted.data + 1, wanted.len - 2));
        if (pair->name == NULL)
            return PHI_ERR_MEMORY;
        PHI_GUARD(phi_http_decode(request, given, false, &pair->value));
        request->param_count++;
    }
out:
    return err;
}
