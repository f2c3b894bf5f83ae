#include "http/internal.h"

#include <time.h>

#define EXPIRE_BATCH 64

/* Waits are on the monotonic clock: a step of the wall clock must not stretch a deadline. */
bool phi_http_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool done = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return done;
}

void phi_http_wait_changed(struct phi_http_server *server, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_cond_timedwait(&server->changed, &server->lock, &until);
}

/* What one pass over the connections found. */
struct pass {
    int64_t now_us;
    bool all;        /* every handler's request, whatever its deadline */
    int64_t next_us; /* the earliest deadline to come */
    size_t count;
    struct phi_http_request *due[EXPIRE_BATCH]; /* held */
};

static void look_at(struct phi_http_server *server, struct phi_http_conn *conn, struct pass *pass)
{
    bool is_due = conn->deadline_us <= pass->now_us;
    if (conn->phase == PHI_HTTP_HANDLING && (is_due || pass->all)) {
        if (pass->count == EXPIRE_BATCH) {
            pass->next_us = pass->now_us;
            return;
        }
        phi_http_request_hold(conn->request);
        pass->due[pass->count++] = conn->request;
        conn->deadline_us = INT64_MAX; /* until its answer is on the way */
    } else if (is_due && !pass->all) {
        phi_counter_add(server->late_counter, 1);
        phi_http_conn_cut(server, conn);
    } else if (conn->deadline_us < pass->next_us) {
        pass->next_us = conn->deadline_us;
    }
}

static void look_at_all(struct phi_http_server *server, struct pass *pass)
{
    struct phi_http_conns *lists[] = {&server->others, &server->waiting};
    for (size_t i = 0; i < 2; i++) {
        struct phi_http_conn *next = NULL;
        for (struct phi_http_conn *conn = lists[i]->first; conn != NULL; conn = next) {
            next = conn->next;
            look_at(server, conn, pass);
        }
    }
}

static void expire(const struct pass *pass, enum phi_err code)
{
    for (size_t i = 0; i < pass->count; i++) {
        struct phi_http_request *request = pass->due[i];
        struct MHD_Response *response = phi_http_error_response(request, code, NULL);
        phi_http_settle(request, phi_err_http_status(code), response);
        phi_http_request_drop(request);
    }
}

void phi_http_expire_all(struct phi_http_server *server, enum phi_err code)
{
    size_t count = EXPIRE_BATCH;
    while (count == EXPIRE_BATCH) {
        struct pass pass = {.now_us = INT64_MIN, .all = true};
        pthread_mutex_lock(&server->lock);
        look_at_all(server, &pass);
        pthread_mutex_unlock(&server->lock);
        expire(&pass, code);
        count = pass.count;
    }
}

/* No deadline set later can lie before now + the shortest, so that nobody has to wake the timer. */
static int64_t shortest_us(const struct phi_http_options *options)
{
    int64_t ms = options->header_deadline_ms;
    ms = options->idle_deadline_ms < ms ? options->idle_deadline_ms : ms;
    ms = options->total_deadline_ms < ms ? options->total_deadline_ms : ms;
    return ms * 1000;
}

static void *run(void *argument)
{
    struct phi_http_server *server = argument;
    pthread_mutex_lock(&server->lock);
    while (!server->timer_ends) {
        struct pass pass = {.now_us = phi_monotonic_us()};
        pass.next_us = pass.now_us + shortest_us(&server->options);
        look_at_all(server, &pass);
        pthread_mutex_unlock(&server->lock);
        expire(&pass, PHI_ERR_DEADLINE);
        pthread_mutex_lock(&server->lock);
        while (!server->timer_ends && phi_monotonic_us() < pass.next_us)
            phi_http_wait_changed(server, pass.next_us);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

enum phi_err phi_http_timer_start(struct phi_http_server *server)
{
    if (pthread_create(&server->timer, NULL, run, server) != 0)
        return PHI_ERR_MEMORY;
    server->has_timer = true;
    return PHI_OK;
}

void phi_http_timer_stop(struct phi_http_server *server)
{
    if (!server->has_timer)
        return;
    pthread_mutex_lock(&server->lock);
    server->timer_ends = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->timer, NULL);
    server->has_timer = false;
}
