#include "http/internal.h"

/* The library wants one of its own calls to end in a queued response; a missing one closes the
 * connection. */
static enum MHD_Result queue(struct phi_http_request *request, int status,
                             struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    phi_http_meter_answer(request, status);
    phi_http_conn_send(request);
    return MHD_queue_response(request->connection, (unsigned)status, response);
}

enum MHD_Result phi_http_send(struct phi_http_request *request)
{
    return queue(request, request->status, request->response);
}

enum MHD_Result phi_http_send_error(struct phi_http_request *request)
{
    enum phi_err code = request->error.code;
    struct MHD_Response *response = phi_http_error_response(request, code, &request->error);
    phi_http_settle(request, phi_err_http_status(code), response);
    return phi_http_send(request);
}

static enum MHD_Result refuse(struct phi_http_request *request, enum phi_err code)
{
    phi_error_set(&request->error, code, "", "%s", "");
    return phi_http_send_error(request);
}

/* Without holding the worker's queue up: suspended first, since a worker may answer at once. */
static enum MHD_Result hand_to_worker(struct phi_http_request *request)
{
    pthread_mutex_lock(&request->lock);
    if (request->state != PHI_HTTP_ANSWERED) {
        MHD_suspend_connection(request->connection);
        request->is_suspended = true;
    }
    bool is_suspended = request->is_suspended;
    pthread_mutex_unlock(&request->lock);
    if (!is_suspended) { /* past its deadline before it began */
        phi_http_request_drop(request);
        return phi_http_send(request);
    }
    enum phi_err err = phi_http_workers_push(request);
    if (err != PHI_OK)
        phi_http_answer_error(request, err, NULL);
    return MHD_YES;
}

/* A handler on the I/O thread has mostly answered before it returns. */
static enum MHD_Result call_here(struct phi_http_request *request)
{
    request->route->handle(request, request->route->context);
    pthread_mutex_lock(&request->lock);
    bool answered = request->state == PHI_HTTP_ANSWERED;
    if (!answered) {
        MHD_suspend_connection(request->connection);
        request->is_suspended = true;
    }
    pthread_mutex_unlock(&request->lock);
    return answered ? phi_http_send(request) : MHD_YES;
}

enum MHD_Result phi_http_dispatch(struct phi_http_request *request)
{
    pthread_mutex_lock(&request->lock);
    request->state = PHI_HTTP_HANDED;
    pthread_mutex_unlock(&request->lock);
    if (!phi_http_conn_hand_over(request))
        return refuse(request, PHI_ERR_DRAINING);
    phi_http_request_hold(request); /* the handler's */
    return request->route->on_io_thread ? call_here(request) : hand_to_worker(request);
}
