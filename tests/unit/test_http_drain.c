/* How the HTTP room stops: what is under way is finished, what is late is refused, nothing dangles.
 */
#include "http_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void answer_after_the_server_is_gone(void **state)
{
    (void)state;
    struct phi_http_server *server = http_open_with((struct phi_http_options){0});
    struct client client;
    client_open(&client, phi_http_port(server));
    client_send_text(&client, GET("/keep"));
    struct phi_http_request *late = http_wait_for_kept();
    phi_http_close(server, phi_deadline_in_ms(50));
    struct reply reply = client_read(&client, false);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "\"resultCode\":\"5007\""));
    assert_true(client_is_closed(&client, CLIENT_WAIT_MS));
    http_hello(late, NULL);
    client_close(&client);
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
        http_open_with((struct phi_http_options){.total_deadline_ms = 30000});
    struct client client;
    struct client idle;
    char value[32];
    client_open(&idle, phi_http_port(server));
    assert_int_equal(http_ask(&idle, GET("/hello")), 200);
    client_open(&client, phi_http_port(server));
    client_send_text(&client, GET("/stand"));
    http_wait_for_standing(1);
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
    http_set_gate(true);
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
        http_open_with((struct phi_http_options){.workers = 4, .total_deadline_ms = 30000});
    struct client *clients = calloc(MANY, sizeof(*clients));
    for (int i = 0; i < MANY; i++) {
        client_open(&clients[i], phi_http_port(server));
        client_send_text(&clients[i], GET("/stand"));
    }
    http_wait_until_shown("phi_http_in_flight 100\n");
    pthread_t thread;
    struct closing closing = {.server = server, .until = phi_deadline_in_ms(300)};
    assert_int_equal(pthread_create(&thread, NULL, close_in_thread, &closing), 0);
    int refused = 0;
    for (int i = 0; i < MANY; i++)
        refused += client_read(&clients[i], false).status == 503;
    http_set_gate(true);
    pthread_join(thread, NULL);
    assert_int_equal(refused, MANY);
    for (int i = 0; i < MANY; i++)
        client_close(&clients[i]);
    free(clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_after_the_server_is_gone),
        cmocka_unit_test(drain_with_a_request_under_way),
        cmocka_unit_test(drain_past_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
