#include "http/internal.h"

#include "base/mutant.h"

#include <stdio.h>
#include <string.h>

#define HEAD_ARENA_BYTES ((size_t)65536)
#define REST_ARENA_BYTES ((size_t)1 << 20)

void *phi_http_on_request_line(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct phi_http_request *request = phi_http_request_new(cls, target, connection);
    if (request != NULL)
        phi_http_conn_begin(request);
    return request;
}

static enum phi_err make_arena(struct phi_http_request *request)
{
    size_t bytes = request->route->arena_max_bytes;
    if (bytes == 0)
        bytes = REST_ARENA_BYTES + 4 * request->route->body_max_bytes;
    request->arena = phi_arena_new(HEAD_ARENA_BYTES + bytes);
    return request->arena == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

static enum phi_err split_path(struct phi_http_request *request)
{
    size_t len = strcspn(request->target, "?");
    request->path = phi_arena_text(request->arena, phi_view_of(request->target, len));
    return request->path == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

static enum phi_err check_declared(struct phi_http_request *request)
{
    if (request->body_declared <= request->route->body_max_bytes + PHI_MUTANT(body_unbounded))
        return PHI_OK;
    return phi_error_set(&request->error, PHI_ERR_BODY_TOO_LARGE, "", "%s", "");
}

static enum phi_err read_head(struct phi_http_request *request)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_http_target_check(request));
    PHI_GUARD(phi_http_route_find(request));
    PHI_GUARD(make_arena(request));
    PHI_GUARD(split_path(request));
    PHI_GUARD(phi_http_head_read(request));
    PHI_GUARD(phi_http_route_params(request));
    PHI_GUARD(phi_http_target_queries(request));
    PHI_GUARD(check_declared(request));
out:
    return err;
}

/* The headers are there. An error waits for the end of the body, so that the connection stays
 * usable, unless the body is not worth reading, or the client waits for leave to send it. */
static enum MHD_Result begin(struct phi_http_request *request, const char *method)
{
    request->has_begun = true;
    snprintf(request->method, sizeof(request->method), "%s", method);
    phi_http_conn_got_head(request);
    phi_http_head_id(request);
    phi_http_head_declared(request);
    enum phi_err err = read_head(request);
    if (err == PHI_OK)
        return MHD_YES;
    request->error.code = err;
    if (phi_http_body_is_hopeless(request) || phi_http_head_expects(request))
        return phi_http_send_error(request);
    return MHD_YES;
}

static bool is_answered(struct phi_http_request *request)
{
    pthread_mutex_lock(&request->lock);
    bool answered = request->state == PHI_HTTP_ANSWERED;
    pthread_mutex_unlock(&request->lock);
    return answered;
}

enum MHD_Result phi_http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *data_size, void **context)
{
    (void)cls, (void)connection, (void)url, (void)version;
    struct phi_http_request *request = *context;
    if (request == NULL)
        return MHD_NO; /* out of memory */
    if (!request->has_begun)
        return begin(request, method);
    if (*data_size > 0)
        return phi_http_body_take(request, data, data_size);
    if (is_answered(request))
        return phi_http_send(request);
    return request->error.code == PHI_OK ? phi_http_dispatch(request)
                                         : phi_http_send_error(request);
}

void phi_http_on_completed(void *cls, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code)
{
    (void)cls, (void)connection, (void)code;
    struct phi_http_request *request = *context;
    *context = NULL;
    if (request == NULL)
        return;
    phi_http_conn_complete(request);
    phi_http_request_drop(request);
}
