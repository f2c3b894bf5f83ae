/* Lives of connections and requests in the HTTP room: late, slow, many, and broken off. */
#include "base/metrics.h"
#include "http/http.h"
#include "http_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#define HOST      "Host: x\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

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
    while (flag != NULL ? !*flag : *count < wanted)
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0)
            break;
    pthread_mutex_unlock(&lock);
}

static void set_gate(bool open)
{
    pthread_mutex_lock(&lock);
    is_open = open;
    if (!open)
        standing = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void hello(struct phi_http_request *request, void *context)
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
    hello(request, context);
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

static struct phi_http_request *wait_for_kept(void)
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
    hello(request, NULL);
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

#define BIG_BYTES ((size_t)16 << 20)

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
    {.method = "GET", .path = "/hello", .handle = hello},
    {.method = "POST", .path = "/hello", .handle = hello, .body_max_bytes = 20000},
    {.method = "GET", .path = "/here", .handle = hello, .on_io_thread = true},
    {.method = "GET", .path = "/stand", .handle = stand},
    {.method = "GET", .path = "/stand-here", .handle = stand, .on_io_thread = true},
    {.method = "GET", .path = "/keep", .handle = keep},
    {.method = "GET", .path = "/keep-here", .handle = keep, .on_io_thread = true},
    {.method = "GET", .path = "/defer", .handle = defer},
    {.method = "GET", .path = "/defer-here", .handle = defer, .on_io_thread = true},
    {.method = "GET", .path = "/refuse", .handle = refuse},
    {.method = "GET", .path = "/throttle", .handle = throttle},
};

static struct phi_http_server *open_with(struct phi_http_options options)
{
    struct phi_http_server *server = NULL;
    struct phi_error error = {.text = ""};
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    if (phi_http_open(&options, &server, &error) != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    set_gate(false);
    atomic_store(&handled, 0);
    return server;
}

static void shut(struct phi_http_server *server)
{
    set_gate(true);
    phi_http_close(server, phi_deadline_in_ms(5000));
}

static int ask(struct client *client, const char *request)
{
    client_send_text(client, request);
    return client_read(client, false).status;
}

static int ask_once(struct phi_http_server *server, const char *request)
{
    struct client client;
    client_open(&client, phi_http_port(server));
    int status = ask(&client, request);
    client_close(&client);
    return status;
}

/* A line of the metrics. */
static void wait_until_shown(const char *line)
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

static void answers_in_many_ways(void **state)
{
    (void)state;
    struct phi_http_server *server =
        open_with((struct phi_http_options){.io_threads = 1, .retry_after_s = 3});
    struct client client;
    char value[32];
    client_open(&client, phi_http_port(server));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ask(&client, GET("/hello")), 200);
        assert_int_equal(ask(&client, GET("/here")), 200);
        assert_int_equal(ask(&client, GET("/defer")), 200);
        assert_int_equal(ask(&client, GET("/defer-here")), 200);
        assert_int_equal(ask(&client, GET("/refuse")), 422);
    }
    client_send_text(&client, GET("/throttle"));
    struct reply reply = client_read(&client, false);
    reply_header(&reply, "Retry-After", value, sizeof(value));
    assert_int_equal(reply.status, 429);
    assert_string_equal(value, "77");
    client_close(&client);
    shut(server);
}

static void two_requests_in_one_packet(void **state)
{
    (void)state;
    struct phi_http_server *server = open_with((struct phi_http_options){.io_threads = 1});
    struct client client;
    client_open(&client, phi_http_port(server));
    client_send_text(&client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\none" GET(
                                  "/defer") GET("/nowhere") GET("/here"));
    struct reply reply = client_read(&client, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "one");
    assert_int_equal(client_read(&client, false).status, 200);
    assert_int_equal(client_read(&client, false).status, 404);
    assert_int_equal(client_read(&client, false).status, 200);
    client_close(&client);
    shut(server);
}

static void slow_headers_are_cut(void **state)
{
    (void)state;
    struct phi_http_server *server =
        open_with((struct phi_http_options){.header_deadline_ms = 300, .total_deadline_ms = 300});
    struct client silent;
    struct client slow;
    client_open(&silent, phi_http_port(server));
    client_open(&slow, phi_http_port(server));
    client_send_text(&slow, "GET /hello HTTP/1.1\r\n");
    bool is_open_still = true;
    int64_t start = phi_monotonic_us();
    while (is_open_still && phi_monotonic_us() - start < CLIENT_WAIT_MS * INT64_C(1000))
        is_open_still = client_send_text(&slow, "A: b\r\n") && !client_is_closed(&slow, 20);
    assert_false(is_open_still);
    assert_true(phi_monotonic_us() - start > 200000);
    assert_true(client_is_closed(&silent, CLIENT_WAIT_MS));
    assert_int_equal(atomic_load(&handled), 0);
    assert_int_equal(ask_once(server, GET("/hello")), 200);
    client_close(&silent);
    client_close(&slow);
    shut(server);
}

static void slow_body_is_cut(void **state)
{
    (void)state;
    struct phi_http_server *server = open_with((struct phi_http_options){.total_deadline_ms = 300});
    struct client slow;
    client_open(&slow, phi_http_port(server));
    client_send_text(&slow, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 10000\r\n\r\n");
    bool is_open_still = true;
    int64_t start = phi_monotonic_us();
    while (is_open_still && phi_monotonic_us() - start < CLIENT_WAIT_MS * INT64_C(1000))
        is_open_still = client_send_text(&slow, "x") && !client_is_closed(&slow, 20);
    assert_false(is_open_still);
    assert_int_equal(atomic_load(&handled), 0);
    client_close(&slow);
    shut(server);
}

static void idle_connections_are_cut(void **state)
{
    (void)state;
    struct phi_http_server *server = open_with((struct phi_http_options){.idle_deadline_ms = 200});
    struct client client;
    client_open(&client, phi_http_port(server));
    assert_int_equal(ask(&client, GET("/hello")), 200);
    assert_true(client_is_closed(&client, CLIENT_WAIT_MS));
    client_close(&client);
    shut(server);
}

static void unread_answers_are_cut(void **state)
{
    (void)state;
    struct phi_http_server *server =
        open_with((struct phi_http_options){.total_deadline_ms = 1000});
    struct phi_counter *cuts =
        phi_counter_new("phi_http_connections_cut_total", "", "reason=\"deadline\"");
    uint64_t before = phi_counter_value(cuts);
    struct phi_deadline until = phi_deadline_in_ms(CLIENT_WAIT_MS);
    struct client client;
    client_open(&client, phi_http_port(server));
    client_send_text(&client, GET("/big"));
    while (phi_counter_value(cuts) == before && !phi_deadline_is_past(until))
        assert_int_equal(ask_once(server, GET("/hello")), 200);
    assert_int_equal(phi_counter_value(cuts), before + 1);
    size_t got = 0;
    ssize_t len = 0;
    while ((len = recv(client.fd, client.data, sizeof(client.data), 0)) > 0)
        got += (size_t)len;
    assert_true(got < BIG_BYTES);
    client_close(&client);
    shut(server);
}

static void half_a_body_then_gone(void **state)
{
    (void)state;
    struct phi_http_server *server = open_with((struct phi_http_options){.io_threads = 1});
    for (int i = 0; i < 20; i++) {
        struct client client;
        client_open(&client, phi_http_port(server));
        client_send_text(&client,
                         "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 10000\r\n\r\nhalf");
        client_close(&client);
    }
    assert_int_equal(ask_once(server, GET("/hello")), 200);
    assert_int_equal(atomic_load(&handled), 1);
    shut(server);
}

static void client_gone_before_the_answer(void **state)
{
    (void)state;
    struct phi_http_server *server = open_with((struct phi_http_options){.workers = 8});
    for (int i = 0; i < 8; i++) {
        struct client client;
        client_open(&client, phi_http_port(server));
        client_send_text(&client, GET("/stand"));
        client_close(&client);
    }
    wait_for(NULL, &standing, 8);
    set_gate(true);
    assert_int_equal(ask_once(server, GET("/hello")), 200);
    shut(server);
}

static void answer_after_the_deadline(const char *request)
{
    struct phi_http_server *server =
        open_with((struct phi_http_options){.total_deadline_ms = 200, .retry_after_s = 3});
    struct client client;
    char value[32];
    client_open(&client, phi_http_port(server));
    client_send_text(&client, request);
    struct reply reply = client_read(&client, false);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "\"resultCode\":\"5002\""));
    reply_header(&reply, "Retry-After", value, sizeof(value));
    assert_string_equal(value, "3");
    struct phi_http_request *late = wait_for_kept();
    assert_true(phi_deadline_is_past(phi_http_deadline(late)));
    assert_string_equal(phi_http_path(late), strstr(request, "-here") ? "/keep-here" : "/keep");
    hello(late, NULL); /* dropped */
    assert_int_equal(ask(&client, GET("/hello")), 200);
    client_close(&client);
    shut(server);
}

static void late_answers_are_dropped(void **state)
{
    (void)state;
    answer_after_the_deadline(GET("/keep"));
    answer_after_the_deadline(GET("/keep-here"));
}

static void answer_after_the_server_is_gone(void **state)
{
    (void)state;
    struct phi_http_server *server = open_with((struct phi_http_options){0});
    struct client client;
    client_open(&client, phi_http_port(server));
    client_send_text(&client, GET("/keep"));
    struct phi_http_request *late = wait_for_kept();
    phi_http_close(server, phi_deadline_in_ms(50));
    struct reply reply = client_read(&client, false);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "\"resultCode\":\"5007\""));
    assert_true(client_is_closed(&client, CLIENT_WAIT_MS));
    hello(late, NULL);
    client_close(&client);
}

static void full_queue(void **state)
{
    (void)state;
    enum { MORE = 10 };
    struct phi_http_server *server =
        open_with((struct phi_http_options){.workers = 1, .queue_max = 2, .io_threads = 1});
    struct client first;
    struct client more[MORE];
    char value[32];
    client_open(&first, phi_http_port(server));
    client_send_text(&first, GET("/stand"));
    wait_for(NULL, &standing, 1);
    int taken = 0;
    for (int i = 0; i < MORE; i++) {
        client_open(&more[i], phi_http_port(server));
        client_send_text(&more[i], GET("/hello"));
    }
    /* I/O threads still answer while the worker stands */
    assert_int_equal(ask_once(server, GET("/here")), 200);
    set_gate(true);
    for (int i = 0; i < MORE; i++) {
        struct reply reply = client_read(&more[i], false);
        taken += reply.status == 200;
        if (reply.status == 200)
            continue;
        assert_int_equal(reply.status, 503);
        assert_non_null(strstr(reply.body, "\"resultCode\":\"5001\""));
        reply_header(&reply, "Retry-After", value, sizeof(value));
        assert_string_equal(value, "1");
        assert_int_equal(ask(&more[i], GET("/here")), 200);
    }
    assert_int_equal(taken, 2);
    assert_int_equal(client_read(&first, false).status, 200);
    client_close(&first);
    for (int i = 0; i < MORE; i++)
        client_close(&more[i]);
    shut(server);
}

static void full_memory(void **state)
{
    (void)state;
    struct phi_http_server *server =
        open_with((struct phi_http_options){.bodies_max_bytes = 10000});
    struct client holder;
    char request[9000];
    client_open(&holder, phi_http_port(server));
    int len = snprintf(request, sizeof(request),
                       "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 8000\r\n\r\n");
    memset(request + len, 'x', 8000);
    assert_true(client_send(&holder, request, (size_t)len + 7999));
    wait_until_shown("phi_http_body_bytes 8000\n");
    struct client client;
    client_open(&client, phi_http_port(server));
    client_send(&client, request, (size_t)len + 8000);
    assert_int_equal(client_read(&client, false).status, 503);
    assert_int_equal(ask(&client, GET("/hello")), 200);
    client_close(&client);
    client_send_text(&holder, "x");
    assert_int_equal(client_read(&holder, false).status, 200);
    client_close(&holder);
    shut(server);
}

struct closing {
    struct phi_http_server *server;
    struct phi_deadline until;
};

static void *close_in_thread(void *argument)
{
    struct closing *closing = argument;
    phi_http_close(closing->server, closing->until);
    return NULL;
}

/* No one listens any more. */
static bool refuses_soon(struct phi_http_server *server)
{
    struct phi_deadline until = phi_deadline_in_ms(CLIENT_WAIT_MS);
    bool is_refused = false;
    while (!is_refused && !phi_deadline_is_past(until)) {
        struct client client;
        is_refused = !client_try(&client, phi_http_port(server));
        client_close(&client);
    }
    return is_refused;
}

static void drain_with_a_request_under_way(void **state)
{
    (void)state;
    struct phi_http_server *server =
        open_with((struct phi_http_options){.total_deadline_ms = 30000});
    struct client client;
    struct client idle;
    char value[32];
    client_open(&idle, phi_http_port(server));
    assert_int_equal(ask(&idle, GET("/hello")), 200);
    client_open(&client, phi_http_port(server));
    client_send_text(&client, GET("/stand"));
    wait_for(NULL, &standing, 1);
    phi_http_stop_accepting(server);
    client_send_text(&idle, GET("/hello")); /* still served, and told to go */
    struct reply reply = client_read(&idle, false);
    assert_int_equal(reply.status, 200);
    reply_header(&reply, "Connection", value, sizeof(value));
    assert_string_equal(value, "close");
    assert_true(refuses_soon(server));

    pthread_t thread;
    struct closing closing = {.server = server, .until = phi_deadline_in_ms(20000)};
    assert_int_equal(pthread_create(&thread, NULL, close_in_thread, &closing), 0);
    assert_false(client_is_closed(&client, 100));
    set_gate(true);
    reply = client_read(&client, false);
    assert_int_equal(reply.status, 200);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(client_is_closed(&client, CLIENT_WAIT_MS));
    client_close(&client);
    client_close(&idle);
}

static void drain_past_its_deadline(void **state)
{
    (void)state;
    enum { MANY = 100 };
    struct phi_http_server *server =
        open_with((struct phi_http_options){.workers = 4, .total_deadline_ms = 30000});
    struct client *clients = calloc(MANY, sizeof(*clients));
    for (int i = 0; i < MANY; i++) {
        client_open(&clients[i], phi_http_port(server));
        client_send_text(&clients[i], GET("/stand"));
    }
    wait_until_shown("phi_http_in_flight 100\n");
    pthread_t thread;
    struct closing closing = {.server = server, .until = phi_deadline_in_ms(300)};
    assert_int_equal(pthread_create(&thread, NULL, close_in_thread, &closing), 0);
    int refused = 0;
    for (int i = 0; i < MANY; i++)
        refused += client_read(&clients[i], false).status == 503;
    set_gate(true);
    pthread_join(thread, NULL);
    assert_int_equal(refused, MANY);
    for (int i = 0; i < MANY; i++)
        client_close(&clients[i]);
    free(clients);
}

/* With one I/O thread too: 128 connections that speak at the same moment are a case of their own.
 */
static void ask_over_many(size_t io_threads)
{
    enum { MANY = 200 };
    static const char *const asks[] = {GET("/hello"), GET("/defer"), GET("/here"),
                                       GET("/defer-here")};
    struct phi_http_server *server = open_with((struct phi_http_options){.io_threads = io_threads});
    struct client *clients = calloc(MANY, sizeof(*clients));
    for (int i = 0; i < MANY; i++)
        client_open(&clients[i], phi_http_port(server));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MANY; i++)
            client_send_text(&clients[i], asks[(i + round) % 4]);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(client_read(&clients[i], false).status, 200);
    }
    assert_int_equal(atomic_load(&handled), MANY * 5);
    for (int i = 0; i < MANY; i++)
        client_close(&clients[i]);
    free(clients);
    shut(server);
}

static void many_connections(void **state)
{
    (void)state;
    ask_over_many(0);
    ask_over_many(1);
}

/* All are ready at once, before the one I/O thread looks: full lots of events. */
static void full_lots_of_events(void **state)
{
    (void)state;
    enum { LOT = 128 };
    struct phi_http_server *server = open_with((struct phi_http_options){.io_threads = 1});
    struct client *clients = calloc(LOT, sizeof(*clients));
    struct client stopper;
    client_open(&stopper, phi_http_port(server));
    for (int i = 0; i < LOT; i++) {
        client_open(&clients[i], phi_http_port(server));
        assert_int_equal(ask(&clients[i], GET("/here")), 200);
    }
    client_send_text(&stopper, GET("/stand-here"));
    wait_for(NULL, &standing, 1);
    for (int i = 0; i < LOT; i++)
        client_send_text(&clients[i], GET("/here"));
    set_gate(true);
    for (int i = 0; i < LOT; i++) {
        assert_int_equal(client_read(&clients[i], false).status, 200);
        client_close(&clients[i]);
    }
    client_close(&stopper);
    free(clients);
    shut(server);
}

static void crowd_of_silent_connections(void **state)
{
    (void)state;
    enum { SILENT = 40 };
    struct phi_http_server *server =
        open_with((struct phi_http_options){.connections_max = 64, .waiting_max = 10});
    struct client silent[SILENT];
    for (int i = 0; i < SILENT; i++)
        client_open(&silent[i], phi_http_port(server));
    assert_int_equal(ask_once(server, GET("/hello")), 200);
    int cut = 0;
    for (int i = 0; i < SILENT; i++) {
        cut += client_is_closed(&silent[i], i < SILENT - 10 ? CLIENT_WAIT_MS : 1);
        client_close(&silent[i]);
    }
    assert_true(cut >= SILENT - 10);
    shut(server);
}

static void what_is_counted(void **state)
{
    (void)state;
    struct phi_http_server *server = open_with((struct phi_http_options){0});
    size_t len = 0;
    assert_int_equal(ask_once(server, GET("/refuse")), 422);
    assert_int_equal(ask_once(server, GET("/nowhere")), 404);
    char *text = phi_metrics_render(&len);
    assert_non_null(text);
    static const char *const lines[] = {
        "phi_http_requests_total{route=\"GET /refuse\",status=\"422\"}",
        "phi_http_requests_total{route=\"none\",status=\"404\"}",
        "phi_http_request_seconds_bucket{route=\"GET /refuse\",",
        "phi_http_queue_length ",
        "phi_http_connections ",
        "phi_http_connections_cut_total{reason=\"deadline\"}",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strstr(text, lines[i]) == NULL)
            fail_msg("%s is not in %s", lines[i], text);
    }
    free(text);
    shut(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_in_many_ways),
        cmocka_unit_test(two_requests_in_one_packet),
        cmocka_unit_test(slow_headers_are_cut),
        cmocka_unit_test(slow_body_is_cut),
        cmocka_unit_test(idle_connections_are_cut),
        cmocka_unit_test(unread_answers_are_cut),
        cmocka_unit_test(half_a_body_then_gone),
        cmocka_unit_test(client_gone_before_the_answer),
        cmocka_unit_test(late_answers_are_dropped),
        cmocka_unit_test(answer_after_the_server_is_gone),
        cmocka_unit_test(full_queue),
        cmocka_unit_test(full_memory),
        cmocka_unit_test(drain_with_a_request_under_way),
        cmocka_unit_test(drain_past_its_deadline),
        cmocka_unit_test(many_connections),
        cmocka_unit_test(full_lots_of_events),
        cmocka_unit_test(crowd_of_silent_connections),
        cmocka_unit_test(what_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
