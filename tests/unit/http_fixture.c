#include "http_fixture.h"

#include "base/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* A gate that handlers stand at until the test opens it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_open;
static int standing;
static struct phi_http_request *kept; /* by a handler that answers later */
static _Atomic int handled;

static void wait_for(const bool *flag, const int *count, int wanted)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_WAIT_MS / 1000;
    pthread_mutex_lock(&lock);
    while (flag != NULL ? !*flag : count != NULL && *count < wanted)
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0)
            break;
    pthread_mutex_unlock(&lock);
}

void http_set_gate(bool open)
{
    pthread_mutex_lock(&lock);
    is_open = open;
    if (!open)
        standing = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void http_hello(struct phi_http_request *request, void *context)
{
    (void)context;
    atomic_fetch_add(&handled, 1);
    phi_http_answer(request, 200, "text/plain", phi_http_body(request), NULL, 0);
}

static void stand(struct phi_http_request *request, void *context)
{
    pthread_mutex_lock(&lock);
    standing++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    wait_for(&is_open, NULL, 0);
    http_hello(request, context);
}

static void keep(struct phi_http_request *request, void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    kept = request;
    standing++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

struct phi_http_request *http_wait_for_kept(void)
{
    wait_for(NULL, &standing, 1);
    pthread_mutex_lock(&lock);
    struct phi_http_request *request = kept;
    pthread_mutex_unlock(&lock);
    return request;
}

static void *answer_from_another_thread(void *argument)
{
    struct phi_http_request *request = argument;
    http_hello(request, NULL);
    return NULL;
}

static void defer(struct phi_http_request *request, void *context)
{
    (void)context;
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, answer_from_another_thread, request) != 0)
        phi_http_answer_error(request, PHI_ERR_MEMORY, NULL);
    pthread_attr_destroy(&attributes);
}

static void refuse(struct phi_http_request *request, void *context)
{
    (void)context;
    struct phi_error error = {.code = PHI_ERR_RULE, .place = "$.a", .text = "why"};
    phi_http_answer_error(request, PHI_ERR_RULE, &error);
}

static void throttle(struct phi_http_request *request, void *context)
{
    (void)context;
    struct phi_http_header own = {.name = "Retry-After", .value = "77"};
    phi_http_answer(request, 429, "text/plain", phi_view_text("slow"), &own, 1);
}

/* More than the buffers of two sockets hold. */
static void big(struct phi_http_request *request, void *context)
{
    (void)context;
    char *body = calloc(1, BIG_BYTES);
    phi_http_answer(request, 200, "text/plain", phi_view_of(body, body == NULL ? 0 : BIG_BYTES),
                    NULL, 0);
    free(body);
}

static const struct phi_http_route routes[] = {
    {.method = "GET", .path = "/big", .handle = big},
    {.method = "GET", .path = "/hello", .handle = http_hello},
    {.method = "POST", .path = "/hello", .handle = http_hello, .body_max_bytes = 20000},
    {.method = "GET", .path = "/here", .handle = http_hello, .on_io_thread = true},
    {.method = "GET", .path = "/stand", .handle = stand},
    {.method = "GET", .path = "/stand-here", .handle = stand, .on_io_thread = true},
    {.method = "GET", .path = "/keep", .handle = keep},
    {.method = "GET", .path = "/keep-here", .handle = keep, .on_io_thread = true},
    {.method = "GET", .path = "/defer", .handle = defer},
    {.method = "GET", .path = "/defer-here", .handle = defer, .on_io_thread = true},
    {.method = "GET", .path = "/refuse", .handle = refuse},
    {.method = "GET", .path = "/throttle", .handle = throttle},
};

struct phi_http_server *http_open_with(struct phi_http_options options)
{
    struct phi_http_server *server = NULL;
    struct phi_error error = {.text = ""};
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    if (phi_http_open(&options, &server, &error) != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    http_set_gate(false);
    atomic_store(&handled, 0);
    return server;
}

void http_shut(struct phi_http_server *server)
{
    http_set_gate(true);
    phi_http_close(server, phi_deadline_in_ms(5000));
}

int http_ask(struct client *client, const char *request)
{
    client_send_text(client, request);
    return client_read(client, false).status;
}

int http_ask_once(struct phi_http_server *server, const char *request)
{
    struct client client;
    client_open(&client, phi_http_port(server));
    int status = http_ask(&client, request);
    client_close(&client);
    return status;
}

/* A line of the metrics. */
void http_wait_until_shown(const char *line)
{
    struct phi_deadline until = phi_deadline_in_ms(CLIENT_WAIT_MS);
    bool is_shown = false;
    size_t len = 0;
    while (!is_shown && !phi_deadline_is_past(until)) {
        char *text = phi_metrics_render(&len);
        assert_non_null(text);
        is_shown = strstr(text, line) != NULL;
        free(text);
    }
    assert_true(is_shown);
}

int http_handled(void)
{
    return atomic_load(&handled);
}

void http_wait_for_standing(int count)
{
    wait_for(NULL, &standing, count);
}
