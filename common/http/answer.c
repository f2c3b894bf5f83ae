#include "http/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A copy that the library gives back when it is sent, to be wiped: answers hold personal data. */
struct copy {
    size_t len;
    uint8_t data[];
};

static void drop_copy(void *context)
{
    struct copy *copy = context;
    phi_wipe(copy->data, copy->len);
    free(copy);
}

static struct MHD_Response *response_of(struct phi_view body)
{
    struct copy *copy = malloc(sizeof(*copy) + body.len);
    if (copy == NULL)
        return NULL;
    copy->len = body.len;
    if (body.len > 0)
        memcpy(copy->data, body.data, body.len);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        body.len, copy->data, drop_copy, copy);
    if (response == NULL)
        drop_copy(copy);
    return response;
}

static bool has(const struct phi_http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(headers[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool add_own_headers(struct phi_http_request *request, int status, const char *content_type,
                            struct MHD_Response *response, bool retry_after)
{
    char seconds[16];
    snprintf(seconds, sizeof(seconds), "%d", request->server->options.retry_after_s);
    if (MHD_add_response_header(response, "X-Request-Id", request->request_id) != MHD_YES)
        return false;
    if (content_type != NULL &&
        MHD_add_response_header(response, "Content-Type", content_type) != MHD_YES)
        return false;
    if (retry_after && (status == 503 || status == 429) &&
        MHD_add_response_header(response, "Retry-After", seconds) != MHD_YES)
        return false;
    return !atomic_load(&request->server->is_stopping) ||
           MHD_add_response_header(response, "Connection", "close") == MHD_YES;
}

static struct MHD_Response *build(struct phi_http_request *request, int status,
                                  const char *content_type, struct phi_view body,
                                  const struct phi_http_header *headers, size_t count)
{
    struct MHD_Response *response = response_of(body);
    if (response == NULL)
        return NULL;
    bool good = add_own_headers(request, status, content_type, response,
                                !has(headers, count, "Retry-After"));
    for (size_t i = 0; good && i < count; i++)
        good = MHD_add_response_header(response, headers[i].name, headers[i].value) == MHD_YES;
    if (good)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

struct MHD_Response *phi_http_error_response(struct phi_http_request *request, enum phi_err code,
                                             const struct phi_error *error)
{
    const struct phi_http_options *options = &request->server->options;
    char body[PHI_HTTP_ERROR_MAX];
    struct phi_error full = {.code = code};
    if (error != NULL)
        full = *error;
    full.code = code;
    struct phi_http_header allow = {.name = "Allow", .value = request->allow};
    size_t len = options->render_error(&full, phi_clock_now_us(options->clock), body, sizeof(body),
                                       options->render_context);
    return build(request, phi_err_http_status(code), "application/json", phi_view_of(body, len),
                 &allow, code == PHI_ERR_METHOD && allow.value[0] != '\0' ? 1 : 0);
}

/* Under the request's lock also for resuming: who closes the server takes the same lock, and so
 * knows that no connection is left suspended. */
bool phi_http_settle(struct phi_http_request *request, int status, struct MHD_Response *response)
{
    pthread_mutex_lock(&request->lock);
    bool is_first = request->state != PHI_HTTP_ANSWERED;
    if (is_first) {
        request->state = PHI_HTTP_ANSWERED;
        request->status = status;
        request->response = response;
        if (request->is_suspended) {
            MHD_resume_connection(request->connection);
            phi_http_io_wake(request->io); /* polled from outside, the library wakes nobody */
        }
    }
    pthread_mutex_unlock(&request->lock);
    if (!is_first && response != NULL)
        MHD_destroy_response(response);
    return is_first;
}

void phi_http_answer(struct phi_http_request *request, int status, const char *content_type,
                     struct phi_view body, const struct phi_http_header *headers, size_t count)
{
    struct MHD_Response *response = build(request, status, content_type, body, headers, count);
    if (response == NULL) {
        status = phi_err_http_status(PHI_ERR_INTERNAL);
        response = phi_http_error_response(request, PHI_ERR_INTERNAL, NULL);
    }
    phi_http_settle(request, status, response);
    phi_http_request_drop(request);
}

void phi_http_answer_error(struct phi_http_request *request, enum phi_err code,
                           const struct phi_error *error)
{
    struct MHD_Response *response = phi_http_error_response(request, code, error);
    phi_http_settle(request, phi_err_http_status(code), response);
    phi_http_request_drop(request);
}
