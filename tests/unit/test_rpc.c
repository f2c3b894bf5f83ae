/* Calls that go well, go slowly and go nowhere; real sockets, real processes to kill. */
#include "rpc_kit.h"

#include "base/metrics.h"

#include <signal.h>
#include <string.h>
#include <stdlib.h>
#include <stdio.h>
#include <time.h>

static struct rpc_keys keys;

static void an_answer_comes_back(void **state)
{
    (void)state;
    struct rpc_kit kit;
    char text[64];
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e hello", 5000, text), PHI_OK);
    assert_string_equal(text, "A hello");
    assert_int_equal(rpc_ask(client, "p", 5000, text), PHI_OK);
    assert_string_equal(text, "320000 svc-directory 5");
    assert_int_equal(rpc_ask(client, "f", 5000, text), PHI_ERR_FORBIDDEN);
    assert_int_equal(rpc_ask(client, "", 5000, text), PHI_ERR_FORBIDDEN);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

static void the_deadline_ends_a_call(void **state)
{
    (void)state;
    struct rpc_kit kit;
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    int64_t start_us = phi_monotonic_us();
    assert_int_equal(rpc_ask(client, "s", 150, NULL), PHI_ERR_DEADLINE);
    int64_t took_us = phi_monotonic_us() - start_us;
    assert_in_range(took_us, 140000, 1000000);
    assert_int_equal(rpc_ask(client, "e", 0, NULL), PHI_ERR_DEADLINE);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

static void one_worker(struct phi_rpc_server_options *options)
{
    options->workers_count = 1;
}

static void count_done(void *context, enum phi_err err, struct phi_view reply)
{
    atomic_int *counts = context;
    (void)reply;
    atomic_fetch_add(&counts[err == PHI_OK ? 0 : 1], 1);
}

/* One worker busy for 200 ms: the calls behind it, with 50 ms left, must never reach the handler.
 */
static void work_past_its_time_is_not_done(void **state)
{
    (void)state;
    struct rpc_kit kit;
    atomic_int counts[2] = {0, 0};
    uint8_t id[16] = {0};
    rpc_kit_open(&kit, 'A', &keys, one_worker);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    assert_int_equal(phi_rpc_call_start(client, phi_view_text("w"), id, phi_deadline_in_ms(5000),
                                        count_done, counts),
                     PHI_OK);
    assert_true(rpc_wait_for(&kit.handled, 2));
    for (int i = 0; i < 10; i++)
        assert_int_equal(phi_rpc_call_start(client, phi_view_text("e"), id, phi_deadline_in_ms(50),
                                            count_done, counts),
                         PHI_OK);
    assert_true(rpc_wait_for(&counts[0], 1));
    assert_true(rpc_wait_for(&counts[1], 10));
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    assert_int_equal(atomic_load(&kit.handled), 3);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

static void calls_go_to_the_replicas_in_turn(void **state)
{
    (void)state;
    struct rpc_kit a, b;
    char text[64];
    rpc_kit_open(&a, 'A', &keys, NULL);
    rpc_kit_open(&b, 'B', &keys, NULL);
    struct phi_rpc_endpoint endpoints[] = {a.endpoint, b.endpoint};
    struct phi_rpc_client *client = rpc_client(&keys, endpoints, 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
    assert_int_equal(atomic_load(&a.handled) + atomic_load(&b.handled), 100);
    assert_in_range(atomic_load(&a.handled), 30, 70);
    phi_rpc_client_close(client);
    rpc_kit_close(&a);
    rpc_kit_close(&b);
}

static void fail_over(int signal_number)
{
    struct rpc_kit a, b;
    char text[64];
    rpc_kit_fork(&a, 'A', &keys);
    rpc_kit_fork(&b, 'B', &keys);
    struct phi_rpc_endpoint endpoints[] = {a.endpoint, b.endpoint};
    struct phi_rpc_client *client = rpc_client(&keys, endpoints, 2);
    bool a_answered = false;
    struct phi_deadline until = phi_deadline_in_ms(5000); /* for its connection to stand */
    while (!a_answered && !phi_deadline_is_past(until)) {
        assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
        a_answered = text[0] == 'A';
    }
    assert_true(a_answered);
    rpc_kit_kill(&a, signal_number);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(rpc_ask(client, "e", 600, text), PHI_OK);
        assert_int_equal(text[0], 'B');
    }
    phi_rpc_client_close(client);
    if (signal_number != SIGKILL)
        rpc_kit_kill(&a, SIGKILL);
    rpc_kit_kill(&b, SIGKILL);
}

static void a_killed_replica_costs_no_call(void **state)
{
    (void)state;
    fail_over(SIGKILL);
}

static void a_stopped_replica_costs_no_call(void **state)
{
    (void)state;
    fail_over(SIGSTOP);
}

static void the_circuit_opens_and_closes_again(void **state)
{
    (void)state;
    struct rpc_kit kit;
    rpc_kit_fork(&kit, 'A', &keys);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    rpc_kit_kill(&kit, SIGSTOP);
    for (int i = 0; i < 5; i++)
        assert_int_equal(rpc_ask(client, "e", 40, NULL), PHI_ERR_DEADLINE);
    int64_t start_us = phi_monotonic_us();
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_ERR_NEIGHBOUR);
    assert_true(phi_monotonic_us() - start_us < 200000);
    assert_int_equal(phi_rpc_client_usable_count(client), 0);
    rpc_kit_kill(&kit, SIGCONT);
    enum phi_err err = PHI_ERR_NEIGHBOUR;
    for (int i = 0; i < 200 && err != PHI_OK; i++) {
        err = rpc_ask(client, "e", 1000, NULL);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    assert_int_equal(err, PHI_OK);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    assert_int_equal(phi_rpc_client_usable_count(client), 1);
    phi_rpc_client_close(client);
    rpc_kit_kill(&kit, SIGKILL);
}

static void nobody_there_is_said_soon(void **state)
{
    (void)state;
    struct phi_rpc_endpoint nowhere = {.address = "tcp://127.0.0.1:1"};
    struct phi_rpc_client *client = rpc_client(&keys, &nowhere, 1);
    int64_t start_us = phi_monotonic_us();
    assert_int_equal(rpc_ask(client, "e", 10000, NULL), PHI_ERR_NEIGHBOUR);
    assert_in_range(phi_monotonic_us() - start_us, 900000, 5000000);
    start_us = phi_monotonic_us();
    assert_int_equal(rpc_ask(client, "e", 10000, NULL), PHI_ERR_NEIGHBOUR);
    assert_true(phi_monotonic_us() - start_us < 500000);
    phi_rpc_client_close(client);
    client = rpc_client(&keys, NULL, 0);
    assert_int_equal(rpc_ask(client, "e", 10000, NULL), PHI_ERR_NEIGHBOUR);
    phi_rpc_client_close(client);
}

/* A handler that keeps its first batch until `is_open`, lays all answers and sends them at once. */
struct batcher {
    atomic_int batches;
    atomic_int largest;
    atomic_bool is_open;
};

static void handle_batch(struct phi_rpc_call **calls, size_t count, void *context)
{
    struct batcher *batcher = context;
    atomic_fetch_add(&batcher->batches, 1);
    if ((int)count > atomic_load(&batcher->largest))
        atomic_store(&batcher->largest, (int)count);
    while (!atomic_load(&batcher->is_open))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(phi_rpc_lay(calls[i], phi_view_text("first thought")), PHI_OK);
        assert_int_equal(phi_rpc_lay(calls[i], phi_rpc_call_payload(calls[i])), PHI_OK);
    }
    phi_rpc_send(calls, count);
}

static struct batcher batcher;

static void one_batcher(struct phi_rpc_server_options *options)
{
    options->workers_count = 1;
    options->handle = handle_batch;
    options->context = &batcher;
}

/* What arrived while the worker was busy is one batch, and nothing waits for more to come. */
static void what_has_arrived_is_one_batch(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    struct rpc_kit kit;
    atomic_int counts[2] = {0, 0};
    uint8_t id[16] = {0};
    struct phi_counter *read =
        phi_counter_new("phi_rpc_requests_total", "requests read from the verify RPC", NULL);
    rpc_kit_open(&kit, 'A', &keys, one_batcher);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    uint64_t before = phi_counter_value(read);
    for (int i = 0; i < COUNT + 1; i++) {
        assert_int_equal(phi_rpc_call_start(client, phi_view_text("payload"), id,
                                            phi_deadline_in_ms(20000), count_done, counts),
                         PHI_OK);
        if (i == 0)
            assert_true(rpc_wait_for(&batcher.batches, 1));
    }
    struct phi_deadline limit = phi_deadline_in_ms(5000);
    while (phi_counter_value(read) < before + COUNT + 1 && !phi_deadline_is_past(limit))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    atomic_store(&batcher.is_open, true);
    assert_true(rpc_wait_for(&counts[0], COUNT + 1));
    /* what was read last may be on its way to the queue still: two batches then, not one */
    assert_in_range(atomic_load(&batcher.largest), COUNT / 2, PHI_RPC_BATCH_MAX);
    assert_in_range(atomic_load(&batcher.batches), 2, 3);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

static void small_queue(struct phi_rpc_server_options *options)
{
    options->workers_count = 1;
    options->batch_max = 1;
    options->queue_max = 4;
}

/* The worker sleeps; one is with it and four wait: the rest is refused at once, not left hanging.
 */
static void a_full_server_says_so(void **state)
{
    (void)state;
    struct rpc_kit kit;
    atomic_int counts[2] = {0, 0};
    uint8_t id[16] = {0};
    rpc_kit_open(&kit, 'A', &keys, small_queue);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    int64_t start_us = phi_monotonic_us();
    for (int i = 0; i < 50; i++)
        assert_int_equal(phi_rpc_call_start(client, phi_view_text("w"), id,
                                            phi_deadline_in_ms(20000), count_done, counts),
                         PHI_OK);
    assert_true(rpc_wait_for(&counts[1], 40));
    assert_true(phi_monotonic_us() - start_us < 2000000);
    assert_true(rpc_wait_for(&counts[0], 1));
    phi_rpc_client_close(client);
    assert_int_equal(counts[0] + counts[1], 50);
    rpc_kit_close(&kit);
}

static void the_client_has_a_bound_too(void **state)
{
    (void)state;
    struct rpc_kit kit;
    struct phi_error error;
    atomic_int counts[2] = {0, 0};
    uint8_t id[16] = {0};
    static uint8_t big[PHI_RPC_PAYLOAD_MAX + 1];
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct phi_rpc_client *client = NULL;
    struct phi_rpc_client_options options = {
        .endpoints = &kit.endpoint, .endpoints_count = 1, .calls_max = 8};
    memcpy(options.secret_key, keys.secret_key, PHI_CURVE_KEY_LEN);
    assert_int_equal(phi_rpc_client_open(&options, &client, &error), PHI_OK);
    for (int i = 0; i < 8; i++)
        assert_int_equal(phi_rpc_call_start(client, phi_view_text("s"), id,
                                            phi_deadline_in_ms(20000), count_done, counts),
                         PHI_OK);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_ERR_OVERLOAD);
    assert_int_equal(phi_rpc_call_start(client, phi_view_of(big, sizeof(big)), id,
                                        phi_deadline_in_ms(20000), count_done, counts),
                     PHI_ERR_BODY_TOO_LARGE);
    phi_rpc_client_close(client);
    assert_int_equal(counts[1], 8); /* ended as draining */
    rpc_kit_close(&kit);
}

static void the_largest_payload_passes(void **state)
{
    (void)state;
    struct rpc_kit kit;
    static uint8_t big[PHI_RPC_PAYLOAD_MAX];
    uint8_t id[16] = {0};
    struct phi_view reply;
    memset(big, 'e', sizeof(big));
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    struct phi_arena *arena = phi_arena_new(PHI_RPC_PAYLOAD_MAX + 4096);
    assert_int_equal(phi_rpc_call(client, phi_view_of(big, sizeof(big)), id,
                                  phi_deadline_in_ms(5000), arena, &reply),
                     PHI_OK);
    assert_int_equal(reply.len, sizeof(big));
    assert_memory_equal(reply.data + 1, big + 1, sizeof(big) - 1);
    phi_arena_free(arena);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

static void replicas_come_and_go(void **state)
{
    (void)state;
    struct rpc_kit a, b;
    char text[64];
    atomic_int counts[2] = {0, 0};
    uint8_t id[16] = {0};
    rpc_kit_open(&a, 'A', &keys, NULL);
    rpc_kit_open(&b, 'B', &keys, NULL);
    struct phi_rpc_client *client = rpc_client(&keys, &a.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
    assert_int_equal(phi_rpc_call_start(client, phi_view_text("h"), id, phi_deadline_in_ms(20000),
                                        count_done, counts),
                     PHI_OK);
    assert_true(rpc_wait_for(&a.handled, 2));
    assert_int_equal(phi_rpc_client_set_endpoints(client, &b.endpoint, 1), PHI_OK);
    assert_true(rpc_wait_for(&b.handled, 1)); /* the call that A held was sent to B */
    assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
    assert_int_equal(text[0], 'B');
    phi_rpc_reply(atomic_load(&b.held), phi_view_text("done"));
    assert_true(rpc_wait_for(&counts[0], 1));
    phi_rpc_drop(atomic_load(&a.held));
    assert_int_equal(phi_rpc_client_set_endpoints(client, &b.endpoint, 17), PHI_ERR_CONFIG);
    phi_rpc_client_close(client);
    rpc_kit_close(&a);
    rpc_kit_close(&b);
}

static void a_draining_server_sends_callers_on(void **state)
{
    (void)state;
    struct rpc_kit a, b;
    char text[64];
    rpc_kit_open(&a, 'A', &keys, NULL);
    rpc_kit_open(&b, 'B', &keys, NULL);
    struct phi_rpc_endpoint endpoints[] = {a.endpoint, b.endpoint};
    struct phi_rpc_client *client = rpc_client(&keys, endpoints, 2);
    for (int i = 0; i < 10; i++)
        assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
    phi_rpc_server_stop_accepting(a.server);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
        assert_int_equal(text[0], 'B');
    }
    phi_rpc_server_stop_accepting(b.server);
    assert_int_equal(rpc_ask(client, "e", 300, text), PHI_ERR_DRAINING);
    phi_rpc_client_close(client);
    rpc_kit_close(&a);
    rpc_kit_close(&b);
}

/* The first replica drains while the second is only coming up: the call waits for that one. */
static void a_refused_call_waits_for_a_connection(void **state)
{
    (void)state;
    struct rpc_kit a, b;
    char text[64];
    rpc_kit_open(&a, 'A', &keys, NULL);
    rpc_kit_open(&b, 'B', &keys, NULL);
    struct phi_rpc_endpoint endpoints[] = {a.endpoint, b.endpoint};
    struct phi_rpc_client *client = rpc_client(&keys, endpoints, 1);
    assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
    phi_rpc_server_stop_accepting(a.server);
    assert_int_equal(phi_rpc_client_set_endpoints(client, endpoints, 2), PHI_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rpc_ask(client, "e", 5000, text), PHI_OK);
        assert_int_equal(text[0], 'B');
    }
    phi_rpc_client_close(client);
    rpc_kit_close(&a);
    rpc_kit_close(&b);
}

static void an_answer_after_the_end_goes_nowhere(void **state)
{
    (void)state;
    struct rpc_kit kit;
    uint8_t id[16] = {0};
    atomic_int counts[2] = {0, 0};
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_equal(phi_rpc_call_start(client, phi_view_text("h"), id, phi_deadline_in_ms(20000),
                                        count_done, counts),
                     PHI_OK);
    assert_true(rpc_wait_for(&kit.handled, 1));
    phi_rpc_server_close(kit.server, phi_deadline_in_ms(20));
    phi_rpc_reply(atomic_load(&kit.held), phi_view_text("too late"));
    phi_rpc_client_close(client);
    phi_rpc_allow_list_free(kit.allow);
}

#define THREADS 16
#define CALLS   10000

struct crowd {
    struct phi_rpc_client *client;
    atomic_int next;
    atomic_int right;
};

static void *ask_many(void *context)
{
    struct crowd *crowd = context;
    int i;
    while ((i = atomic_fetch_add(&crowd->next, 1)) < CALLS) {
        char question[32];
        char answer[64];
        snprintf(question, sizeof(question), "e%d", i);
        if (rpc_ask(crowd->client, question, 10000, answer) == PHI_OK &&
            strcmp(answer + 1, question + 1) == 0)
            atomic_fetch_add(&crowd->right, 1);
    }
    return NULL;
}

static void ten_thousand_calls_over_sixteen_threads(void **state)
{
    (void)state;
    struct rpc_kit a, b;
    pthread_t threads[THREADS];
    rpc_kit_open(&a, 'A', &keys, NULL);
    rpc_kit_open(&b, 'B', &keys, NULL);
    struct phi_rpc_endpoint endpoints[] = {a.endpoint, b.endpoint};
    struct crowd crowd = {.client = rpc_client(&keys, endpoints, 2)};
    int64_t start_us = phi_monotonic_us();
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int64_t took_us = phi_monotonic_us() - start_us;
    print_message("%d calls in %ld ms, %.1f a batch\n", CALLS, (long)(took_us / 1000),
                  (double)CALLS / (atomic_load(&a.batches) + atomic_load(&b.batches)));
    assert_int_equal(atomic_load(&crowd.right), CALLS);
    assert_int_equal(atomic_load(&a.handled) + atomic_load(&b.handled), CALLS);
    phi_rpc_client_close(crowd.client);
    rpc_kit_close(&a);
    rpc_kit_close(&b);
}

static void bad_options_are_named(void **state)
{
    (void)state;
    struct phi_error error;
    struct phi_rpc_server *server = NULL;
    struct phi_rpc_client *client = NULL;
    struct phi_rpc_server_options options = {.bind = "tcp://127.0.0.1:*"};
    assert_int_equal(phi_rpc_server_open(&options, &server, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.place, "allow");
    struct phi_rpc_endpoint bad = {.address = "ipc:///tmp/x"};
    struct phi_rpc_client_options asking = {.endpoints = &bad, .endpoints_count = 1};
    assert_int_equal(phi_rpc_client_open(&asking, &client, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.place, "endpoints");
    phi_rpc_server_close(NULL, phi_deadline_in_ms(0));
    phi_rpc_client_close(NULL);
}

static int make_keys(void **state)
{
    (void)state;
    keys = rpc_keys_new();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_replica_costs_no_call),
        cmocka_unit_test(a_stopped_replica_costs_no_call),
        cmocka_unit_test(the_circuit_opens_and_closes_again),
        cmocka_unit_test(an_answer_comes_back),
        cmocka_unit_test(the_deadline_ends_a_call),
        cmocka_unit_test(work_past_its_time_is_not_done),
        cmocka_unit_test(calls_go_to_the_replicas_in_turn),
        cmocka_unit_test(nobody_there_is_said_soon),
        cmocka_unit_test(what_has_arrived_is_one_batch),
        cmocka_unit_test(a_full_server_says_so),
        cmocka_unit_test(the_client_has_a_bound_too),
        cmocka_unit_test(the_largest_payload_passes),
        cmocka_unit_test(replicas_come_and_go),
        cmocka_unit_test(a_draining_server_sends_callers_on),
        cmocka_unit_test(a_refused_call_waits_for_a_connection),
        cmocka_unit_test(an_answer_after_the_end_goes_nowhere),
        cmocka_unit_test(ten_thousand_calls_over_sixteen_threads),
        cmocka_unit_test(bad_options_are_named),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
