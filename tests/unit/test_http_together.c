/* Requests of routes with `handle_many`: what has arrived is handed over at once, in its order. */
#include "http_fixture.h"

#include "base/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENTS 70

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
    size_t standing;
    size_t sizes[CLIENTS]; /* of each group that was handed over */
    size_t groups;
    char order[2 * CLIENTS + 1];
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void answer(struct phi_http_request *request)
{
    phi_http_answer(request, 200, "text/plain", phi_view_text("done"), NULL, 0);
}

static void handle_gate(struct phi_http_request *request, void *context)
{
    (void)context;
    pthread_mutex_lock(&seen.lock);
    seen.standing++;
    pthread_cond_broadcast(&seen.changed);
    while (!seen.is_open)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    answer(request);
}

static void note(const char *what)
{
    pthread_mutex_lock(&seen.lock);
    strncat(seen.order, what, sizeof(seen.order) - strlen(seen.order) - 1);
    pthread_mutex_unlock(&seen.lock);
}

static void handle_alone(struct phi_http_request *request, void *context)
{
    (void)context;
    note("-");
    answer(request);
}

static void handle_rest(struct phi_http_request *request, void *context)
{
    note(context);
    answer(request);
}

static char rest[] = "r";

static void handle_many(struct phi_http_request **requests, size_t count)
{
    pthread_mutex_lock(&seen.lock);
    seen.sizes[seen.groups++] = count;
    pthread_mutex_unlock(&seen.lock);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(phi_http_path(requests[i]), "/rest") == 0) {
            assert_true(phi_http_hand_on(requests[i], handle_rest, rest));
            continue;
        }
        note(phi_http_path(requests[i]) + 1);
        answer(requests[i]);
    }
}

static const struct phi_http_route routes[] = {
    {.method = "GET", .path = "/gate", .handle = handle_gate},
    {.method = "GET", .path = "/alone", .handle = handle_alone},
    {.method = "GET", .path = "/a", .handle_many = handle_many},
    {.method = "GET", .path = "/b", .handle_many = handle_many},
    {.method = "GET", .path = "/rest", .handle_many = handle_many},
};

static struct phi_http_server *open_server(void)
{
    struct phi_http_server *server = NULL;
    struct phi_error error;
    const struct phi_http_options options = {
        .workers = 1, .routes = routes, .route_count = sizeof(routes) / sizeof(routes[0])};
    assert_int_equal(phi_http_open(&options, &server, &error), PHI_OK);
    pthread_mutex_lock(&seen.lock);
    seen.is_open = false;
    seen.standing = seen.groups = 0;
    seen.order[0] = '\0';
    pthread_mutex_unlock(&seen.lock);
    return server;
}

/* Sends each while the only worker stands at the gate, opens it, reads all answers. */
static void send_all(struct phi_http_server *server, const char *const *requests, size_t count)
{
    static struct client clients[CLIENTS];
    struct client gate;
    client_open(&gate, phi_http_port(server));
    client_send_text(&gate, GET("/gate"));
    pthread_mutex_lock(&seen.lock);
    while (seen.standing == 0)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    for (size_t i = 0; i < count; i++) {
        char line[64];
        client_open(&clients[i], phi_http_port(server));
        client_send_text(&clients[i], requests[i]);
        snprintf(line, sizeof(line), "phi_http_queue_length %zu\n", i + 1);
        http_wait_until_shown(line);
    }
    pthread_mutex_lock(&seen.lock);
    seen.is_open = true;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
    assert_int_equal(client_read(&gate, false).status, 200);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(client_read(&clients[i], false).status, 200);
        client_close(&clients[i]);
    }
    client_close(&gate);
}

static void what_has_arrived_goes_together(void **state)
{
    static const char *const requests[] = {GET("/a"),     GET("/b"), GET("/a"),
                                           GET("/alone"), GET("/b"), GET("/b")};
    (void)state;
    struct phi_http_server *server = open_server();
    send_all(server, requests, 6);
    assert_string_equal(seen.order, "aba-bb");
    assert_int_equal(seen.groups, 2);
    assert_int_equal(seen.sizes[0], 3);
    assert_int_equal(seen.sizes[1], 2);
    phi_http_close(server, phi_deadline_in_ms(CLIENT_WAIT_MS));
}

/* The rest goes to the queue's end, alone, and once. */
static void what_takes_long_is_handed_on(void **state)
{
    static const char *const requests[] = {GET("/a"), GET("/rest"), GET("/b"), GET("/alone"),
                                           GET("/a")};
    (void)state;
    struct phi_http_server *server = open_server();
    send_all(server, requests, 5);
    assert_string_equal(seen.order, "ab-ar");
    assert_int_equal(seen.groups, 2);
    assert_int_equal(seen.sizes[0], 3);
    assert_int_equal(seen.sizes[1], 1);
    phi_http_close(server, phi_deadline_in_ms(CLIENT_WAIT_MS));
}

static void no_more_than_64_go_together(void **state)
{
    static const char *requests[CLIENTS];
    (void)state;
    struct phi_http_server *server = open_server();
    for (size_t i = 0; i < CLIENTS; i++)
        requests[i] = GET("/a");
    send_all(server, requests, CLIENTS);
    assert_int_equal(seen.groups, 2);
    assert_int_equal(seen.sizes[0], PHI_HTTP_TOGETHER_MAX);
    assert_int_equal(seen.sizes[1], CLIENTS - PHI_HTTP_TOGETHER_MAX);
    phi_http_close(server, phi_deadline_in_ms(CLIENT_WAIT_MS));
}

/* One that was answered at its deadline while it waited is not handed over. */
static void the_late_are_left_out(void **state)
{
    (void)state;
    struct phi_http_server *server = NULL;
    struct phi_error error;
    struct client gate, late;
    const struct phi_http_options options = {.workers = 1,
                                             .routes = routes,
                                             .route_count = sizeof(routes) / sizeof(routes[0]),
                                             .total_deadline_ms = 300};
    assert_int_equal(phi_http_open(&options, &server, &error), PHI_OK);
    seen.is_open = false;
    seen.standing = seen.groups = 0;
    client_open(&gate, phi_http_port(server));
    client_send_text(&gate, GET("/gate"));
    client_open(&late, phi_http_port(server));
    client_send_text(&late, GET("/a"));
    assert_int_equal(client_read(&late, false).status, 503);
    pthread_mutex_lock(&seen.lock);
    seen.is_open = true;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
    client_close(&gate);
    client_close(&late);
    phi_http_close(server, phi_deadline_in_ms(CLIENT_WAIT_MS));
    assert_int_equal(seen.groups, 0);
}

static void a_route_has_one_handler(void **state)
{
    static const struct phi_http_route wrong[] = {
        {.method = "GET", .path = "/x"},
        {.method = "GET", .path = "/x", .handle = handle_alone, .handle_many = handle_many},
        {.method = "GET", .path = "/x", .handle_many = handle_many, .on_io_thread = true},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct phi_http_server *server = NULL;
        struct phi_error error;
        const struct phi_http_options options = {.routes = &wrong[i], .route_count = 1};
        assert_int_equal(phi_http_open(&options, &server, &error), PHI_ERR_CONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_arrived_goes_together),
        cmocka_unit_test(what_takes_long_is_handed_on),
        cmocka_unit_test(no_more_than_64_go_together),
        cmocka_unit_test(the_late_are_left_out),
        cmocka_unit_test(a_route_has_one_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
