#include "http/internal.h"

#include "base/mutant.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES ((size_t)4096)

static bool reserve_bytes(struct phi_http_server *server, size_t len)
{
    size_t before = atomic_fetch_add(&server->bodies_bytes, len);
    bool fits = before + len <= server->options.bodies_max_bytes;
    if (!fits)
        atomic_fetch_sub(&server->bodies_bytes, len);
    else
        phi_gauge_set(server->bodies_gauge, (int64_t)(before + len));
    return fits;
}

static void give_back(struct phi_http_server *server, size_t len)
{
    size_t before = atomic_fetch_sub(&server->bodies_bytes, len);
    phi_gauge_set(server->bodies_gauge, (int64_t)(before - len));
}

void phi_http_body_free(struct phi_http_request *request)
{
    if (request->body == NULL)
        return;
    phi_wipe(request->body, request->body_len);
    free(request->body);
    give_back(request->server, request->body_size);
    request->body = NULL;
    request->body_len = 0;
    request->body_size = 0;
}

static size_t body_max(const struct phi_http_request *request)
{
    return request->route->body_max_bytes + PHI_MUTANT(body_unbounded);
}

/* Doubled, and no further than what is declared or allowed: a promise of bytes costs no memory yet.
 */
static size_t next_size(const struct phi_http_request *request, size_t wanted)
{
    size_t most = body_max(request);
    if (request->body_declared > 0 && request->body_declared < most)
        most = (size_t)request->body_declared;
    size_t size = request->body_size == 0 ? FIRST_BYTES : request->body_size * 2;
    while (size < wanted)
        size *= 2;
    return size < most ? size : most;
}

static enum phi_err grow(struct phi_http_request *request, size_t wanted)
{
    if (wanted <= request->body_size)
        return PHI_OK;
    size_t size = next_size(request, wanted);
    size_t more = size - request->body_size;
    if (!reserve_bytes(request->server, more))
        return PHI_ERR_OVERLOAD;
    uint8_t *body = malloc(size);
    if (body == NULL) {
        give_back(request->server, more);
        return PHI_ERR_MEMORY;
    }
    if (request->body_len > 0)
        memcpy(body, request->body, request->body_len);
    phi_wipe(request->body, request->body_len);
    free(request->body);
    request->body = body;
    request->body_size = size;
    return PHI_OK;
}

static size_t discard_limit(const struct phi_http_request *request)
{
    size_t body_max = request->route == NULL ? 0 : request->route->body_max_bytes;
    return body_max + request->server->options.discard_max_bytes;
}

bool phi_http_body_is_hopeless(const struct phi_http_request *request)
{
    return request->body_declared > discard_limit(request);
}

static void give_up(struct phi_http_request *request, enum phi_err code)
{
    request->discarded = request->body_len;
    phi_http_body_free(request);
    phi_error_set(&request->error, code, "", "%s", "");
}

enum MHD_Result phi_http_body_take(struct phi_http_request *request, const char *data, size_t *size)
{
    size_t len = *size;
    *size = 0;
    if (request->error.code == PHI_OK && len > body_max(request) - request->body_len)
        give_up(request, PHI_ERR_BODY_TOO_LARGE);
    if (request->error.code == PHI_OK) {
        enum phi_err err = grow(request, request->body_len + len);
        if (err != PHI_OK)
            give_up(request, err);
    }
    if (request->error.code != PHI_OK) {
        request->discarded += len;
        return request->discarded > discard_limit(request) ? MHD_NO : MHD_YES;
    }
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    return MHD_YES;
}
