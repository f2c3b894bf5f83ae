/* Lives of connections and requests in the HTTP room: late, slow, many, and broken off. */
#include "http_fixture.h"

#include "base/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static void answers_in_many_ways(void **state)
{
    (void)state;
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.io_threads = 1, .retry_after_s = 3});
    struct client client;
    char value[32];
    client_open(&client, phi_http_port(server));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(http_ask(&client, GET("/hello")), 200);
        assert_int_equal(http_ask(&client, GET("/here")), 200);
        assert_int_equal(http_ask(&client, GET("/defer")), 200);
        assert_int_equal(http_ask(&client, GET("/defer-here")), 200);
        assert_int_equal(http_ask(&client, GET("/refuse")), 422);
    }
    client_send_text(&client, GET("/throttle"));
    struct reply reply = client_read(&client, false);
    reply_header(&reply, "Retry-After", value, sizeof(value));
    assert_int_equal(reply.status, 429);
    assert_string_equal(value, "77");
    client_close(&client);
    http_shut(server);
}

static void two_requests_in_one_packet(void **state)
{
    (void)state;
    struct phi_http_server *server = http_open_with((struct phi_http_options){.io_threads = 1});
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
    http_shut(server);
}

static void slow_headers_are_cut(void **state)
{
    (void)state;
    struct phi_http_server *server = http_open_with(
        (struct phi_http_options){.header_deadline_ms = 300, .total_deadline_ms = 300});
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
    assert_int_equal(http_handled(), 0);
    assert_int_equal(http_ask_once(server, GET("/hello")), 200);
    client_close(&silent);
    client_close(&slow);
    http_shut(server);
}

static void slow_body_is_cut(void **state)
{
    (void)state;
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.total_deadline_ms = 300});
    struct client slow;
    client_open(&slow, phi_http_port(server));
    client_send_text(&slow, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 10000\r\n\r\n");
    bool is_open_still = true;
    int64_t start = phi_monotonic_us();
    while (is_open_still && phi_monotonic_us() - start < CLIENT_WAIT_MS * INT64_C(1000))
        is_open_still = client_send_text(&slow, "x") && !client_is_closed(&slow, 20);
    assert_false(is_open_still);
    assert_int_equal(http_handled(), 0);
    client_close(&slow);
    http_shut(server);
}

static void idle_connections_are_cut(void **state)
{
    (void)state;
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.idle_deadline_ms = 200});
    struct client client;
    client_open(&client, phi_http_port(server));
    assert_int_equal(http_ask(&client, GET("/hello")), 200);
    assert_true(client_is_closed(&client, CLIENT_WAIT_MS));
    client_close(&client);
    http_shut(server);
}

static void unread_answers_are_cut(void **state)
{
    (void)state;
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.total_deadline_ms = 1000});
    struct phi_counter *cuts =
        phi_counter_new("phi_http_connections_cut_total", "", "reason=\"deadline\"");
    uint64_t before = phi_counter_value(cuts);
    struct phi_deadline until = phi_deadline_in_ms(CLIENT_WAIT_MS);
    struct client client;
    client_open(&client, phi_http_port(server));
    client_send_text(&client, GET("/big"));
    while (phi_counter_value(cuts) == before && !phi_deadline_is_past(until))
        assert_int_equal(http_ask_once(server, GET("/hello")), 200);
    assert_int_equal(phi_counter_value(cuts), before + 1);
    size_t got = 0;
    ssize_t len = 0;
    while ((len = recv(client.fd, client.data, sizeof(client.data), 0)) > 0)
        got += (size_t)len;
    assert_true(got < BIG_BYTES);
    client_close(&client);
    http_shut(server);
}

static void half_a_body_then_gone(void **state)
{
    (void)state;
    struct phi_http_server *server = http_open_with((struct phi_http_options){.io_threads = 1});
    for (int i = 0; i < 20; i++) {
        struct client client;
        client_open(&client, phi_http_port(server));
        client_send_text(&client,
                         "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 10000\r\n\r\nhalf");
        client_close(&client);
    }
    assert_int_equal(http_ask_once(server, GET("/hello")), 200);
    assert_int_equal(http_handled(), 1);
    http_shut(server);
}

static void client_gone_before_the_answer(void **state)
{
    (void)state;
    struct phi_http_server *server = http_open_with((struct phi_http_options){.workers = 8});
    for (int i = 0; i < 8; i++) {
        struct client client;
        client_open(&client, phi_http_port(server));
        client_send_text(&client, GET("/stand"));
        client_close(&client);
    }
    http_wait_for_standing(8);
    http_set_gate(true);
    assert_int_equal(http_ask_once(server, GET("/hello")), 200);
    http_shut(server);
}

static void answer_after_the_deadline(const char *request)
{
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.total_deadline_ms = 200, .retry_after_s = 3});
    struct client client;
    char value[32];
    client_open(&client, phi_http_port(server));
    client_send_text(&client, request);
    struct reply reply = client_read(&client, false);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "\"resultCode\":\"5002\""));
    reply_header(&reply, "Retry-After", value, sizeof(value));
    assert_string_equal(value, "3");
    struct phi_http_request *late = http_wait_for_kept();
    assert_true(phi_deadline_is_past(phi_http_deadline(late)));
    assert_string_equal(phi_http_path(late), strstr(request, "-here") ? "/keep-here" : "/keep");
    http_hello(late, NULL); /* dropped */
    assert_int_equal(http_ask(&client, GET("/hello")), 200);
    client_close(&client);
    http_shut(server);
}

static void late_answers_are_dropped(void **state)
{
    (void)state;
    answer_after_the_deadline(GET("/keep"));
    answer_after_the_deadline(GET("/keep-here"));
}

static void full_queue(void **state)
{
    (void)state;
    enum { MORE = 10 };
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.workers = 1, .queue_max = 2, .io_threads = 1});
    struct client first;
    struct client more[MORE];
    char value[32];
    client_open(&first, phi_http_port(server));
    client_send_text(&first, GET("/stand"));
    http_wait_for_standing(1);
    int taken = 0;
    for (int i = 0; i < MORE; i++) {
        client_open(&more[i], phi_http_port(server));
        client_send_text(&more[i], GET("/hello"));
    }
    /* I/O threads still answer while the worker stands */
    assert_int_equal(http_ask_once(server, GET("/here")), 200);
    http_set_gate(true);
    for (int i = 0; i < MORE; i++) {
        struct reply reply = client_read(&more[i], false);
        taken += reply.status == 200;
        if (reply.status == 200)
            continue;
        assert_int_equal(reply.status, 503);
        assert_non_null(strstr(reply.body, "\"resultCode\":\"5001\""));
        reply_header(&reply, "Retry-After", value, sizeof(value));
        assert_string_equal(value, "1");
        assert_int_equal(http_ask(&more[i], GET("/here")), 200);
    }
    assert_int_equal(taken, 2);
    assert_int_equal(client_read(&first, false).status, 200);
    client_close(&first);
    for (int i = 0; i < MORE; i++)
        client_close(&more[i]);
    http_shut(server);
}

static void full_memory(void **state)
{
    (void)state;
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.bodies_max_bytes = 10000});
    struct client holder;
    char request[9000];
    client_open(&holder, phi_http_port(server));
    int len = snprintf(request, sizeof(request),
                       "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 8000\r\n\r\n");
    memset(request + len, 'x', 8000);
    assert_true(client_send(&holder, request, (size_t)len + 7999));
    http_wait_until_shown("phi_http_body_bytes 8000\n");
    struct client client;
    client_open(&client, phi_http_port(server));
    client_send(&client, request, (size_t)len + 8000);
    assert_int_equal(client_read(&client, false).status, 503);
    assert_int_equal(http_ask(&client, GET("/hello")), 200);
    client_close(&client);
    client_send_text(&holder, "x");
    assert_int_equal(client_read(&holder, false).status, 200);
    client_close(&holder);
    http_shut(server);
}

/* With one I/O thread too: 128 connections that speak at the same moment are a case of their own.
 */
static void ask_over_many(size_t io_threads)
{
    enum { MANY = 200 };
    static const char *const asks[] = {GET("/hello"), GET("/defer"), GET("/here"),
                                       GET("/defer-here")};
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.io_threads = io_threads});
    struct client *clients = calloc(MANY, sizeof(*clients));
    for (int i = 0; i < MANY; i++)
        client_open(&clients[i], phi_http_port(server));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MANY; i++)
            client_send_text(&clients[i], asks[(i + round) % 4]);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(client_read(&clients[i], false).status, 200);
    }
    assert_int_equal(http_handled(), MANY * 5);
    for (int i = 0; i < MANY; i++)
        client_close(&clients[i]);
    free(clients);
    http_shut(server);
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
    struct phi_http_server *server = http_open_with((struct phi_http_options){.io_threads = 1});
    struct client *clients = calloc(LOT, sizeof(*clients));
    struct client stopper;
    client_open(&stopper, phi_http_port(server));
    for (int i = 0; i < LOT; i++) {
        client_open(&clients[i], phi_http_port(server));
        assert_int_equal(http_ask(&clients[i], GET("/here")), 200);
    }
    client_send_text(&stopper, GET("/stand-here"));
    http_wait_for_standing(1);
    for (int i = 0; i < LOT; i++)
        client_send_text(&clients[i], GET("/here"));
    http_set_gate(true);
    for (int i = 0; i < LOT; i++) {
        assert_int_equal(client_read(&clients[i], false).status, 200);
        client_close(&clients[i]);
    }
    client_close(&stopper);
    free(clients);
    http_shut(server);
}

static void crowd_of_silent_connections(void **state)
{
    (void)state;
    enum { SILENT = 40 };
    struct phi_http_server *server =
        http_open_with((struct phi_http_options){.connections_max = 64, .waiting_max = 10});
    struct client silent[SILENT];
    for (int i = 0; i < SILENT; i++)
        client_open(&silent[i], phi_http_port(server));
    assert_int_equal(http_ask_once(server, GET("/hello")), 200);
    int cut = 0;
    for (int i = 0; i < SILENT; i++) {
        cut += client_is_closed(&silent[i], i < SILENT - 10 ? CLIENT_WAIT_MS : 1);
        client_close(&silent[i]);
    }
    assert_true(cut >= SILENT - 10);
    http_shut(server);
}

static void what_is_counted(void **state)
{
    (void)state;
    struct phi_http_server *server = http_open_with((struct phi_http_options){0});
    size_t len = 0;
    assert_int_equal(http_ask_once(server, GET("/refuse")), 422);
    assert_int_equal(http_ask_once(server, GET("/nowhere")), 404);
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
    http_shut(server);
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
        cmocka_unit_test(full_queue),
        cmocka_unit_test(full_memory),
        cmocka_unit_test(many_connections),
        cmocka_unit_test(full_lots_of_events),
        cmocka_unit_test(crowd_of_silent_connections),
        cmocka_unit_test(what_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
