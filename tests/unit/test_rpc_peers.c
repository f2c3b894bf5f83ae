/* Who gets in and what they may send: strangers, wrong keys, no handler, broken frames, removed
 * peers. */
#include "rpc_kit.h"

#include "rpc/server_internal.h"

#include <string.h>

static struct rpc_keys keys;

/* Sends a sound request over a bare DEALER; whether any answer came within 300 ms. */
static bool is_answered(const struct rpc_keys *with, const struct rpc_kit *kit)
{
    void *context = zmq_ctx_new();
    void *dealer = rpc_raw_dealer(context, with, &kit->endpoint);
    uint8_t bytes[PHI_RPC_FRAME_HEADER_LEN + 1];
    struct phi_rpc_frame frame = {.kind = PHI_RPC_FRAME_REQUEST, .number = 5000, .call = 1};
    phi_rpc_frame_encode_header(&frame, bytes);
    bytes[PHI_RPC_FRAME_HEADER_LEN] = 'e';
    zmq_send(dealer, bytes, sizeof(bytes), 0);
    int got = zmq_recv(dealer, bytes, sizeof(bytes), 0);
    zmq_close(dealer);
    zmq_ctx_term(context);
    return got >= 0;
}

static void strangers_stay_out(void **state)
{
    (void)state;
    struct rpc_kit kit;
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct rpc_keys stranger = rpc_keys_new();
    struct rpc_kit impostor = kit;
    impostor.endpoint.server_key[0] ^= 1;
    assert_true(is_answered(&keys, &kit));
    assert_false(is_answered(&stranger, &kit));
    assert_false(is_answered(NULL, &kit));
    assert_false(is_answered(&keys, &impostor));
    assert_int_equal(atomic_load(&kit.handled), 1);
    rpc_kit_close(&kit);
}

/* libzmq lets everyone in when the handler is gone; the enforced domain must hold it shut, so that
 * nothing gets as far as the second look at each message. */
static void without_the_handler_nobody_gets_in(void **state)
{
    (void)state;
    struct rpc_kit kit;
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct rpc_keys stranger = rpc_keys_new();
    phi_rpc_zap_handler_close(kit.server->zap);
    kit.server->zap = NULL;
    uint64_t seen = phi_counter_value(kit.server->strangers_total);
    assert_false(is_answered(&stranger, &kit));
    assert_false(is_answered(&keys, &kit));
    assert_false(is_answered(NULL, &kit));
    assert_int_equal(atomic_load(&kit.handled), 0);
    assert_true(phi_counter_value(kit.server->strangers_total) == seen);
    rpc_kit_close(&kit);
}

static void a_client_with_a_wrong_key_learns_it_in_time(void **state)
{
    (void)state;
    struct rpc_kit kit;
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct rpc_keys stranger = rpc_keys_new();
    struct phi_rpc_client *client = rpc_client(&stranger, &kit.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e", 500, NULL), PHI_ERR_NEIGHBOUR);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

static void a_removed_peer_is_cut_off_in_mid_connection(void **state)
{
    (void)state;
    struct rpc_kit kit;
    atomic_int handled;
    rpc_kit_open(&kit, 'A', &keys, NULL);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    rpc_kit_allow(&kit, false);
    atomic_init(&handled, atomic_load(&kit.handled));
    assert_int_equal(rpc_ask(client, "e", 200, NULL), PHI_ERR_DEADLINE);
    assert_int_equal(atomic_load(&kit.handled), atomic_load(&handled));
    rpc_kit_allow(&kit, true);
    assert_int_equal(rpc_ask(client, "e", 5000, NULL), PHI_OK);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

/* As when the registry comes to the server after its neighbours have knocked. */
static void a_peer_that_was_refused_comes_in_once_it_is_listed(void **state)
{
    (void)state;
    struct rpc_kit kit;
    rpc_kit_open(&kit, 'A', &keys, NULL);
    rpc_kit_allow(&kit, false);
    struct phi_rpc_client *client = rpc_client(&keys, &kit.endpoint, 1);
    assert_int_not_equal(rpc_ask(client, "e", 1500, NULL), PHI_OK);
    rpc_kit_allow(&kit, true);
    enum phi_err err = PHI_ERR_NEIGHBOUR;
    struct phi_deadline until = phi_deadline_in_ms(8000);
    while (err != PHI_OK && !phi_deadline_is_past(until))
        err = rpc_ask(client, "e", 1000, NULL);
    assert_int_equal(err, PHI_OK);
    phi_rpc_client_close(client);
    rpc_kit_close(&kit);
}

static void an_answer_to_a_removed_peer_is_kept_back(void **state)
{
    (void)state;
    struct rpc_kit kit;
    struct phi_rpc_call *held = NULL;
    void *context = zmq_ctx_new();
    uint8_t bytes[PHI_RPC_FRAME_HEADER_LEN + 1];
    struct phi_rpc_frame frame = {.kind = PHI_RPC_FRAME_REQUEST, .number = 5000, .call = 1};
    rpc_kit_open(&kit, 'A', &keys, NULL);
    void *dealer = rpc_raw_dealer(context, &keys, &kit.endpoint);
    phi_rpc_frame_encode_header(&frame, bytes);
    bytes[PHI_RPC_FRAME_HEADER_LEN] = 'h';
    assert_true(zmq_send(dealer, bytes, sizeof(bytes), 0) > 0);
    struct phi_deadline until = phi_deadline_in_ms(5000);
    while ((held = atomic_load(&kit.held)) == NULL && !phi_deadline_is_past(until))
        continue;
    assert_non_null(held);
    rpc_kit_allow(&kit, false);
    phi_rpc_reply(held, phi_view_text("secret"));
    assert_true(zmq_recv(dealer, bytes, sizeof(bytes), 0) < 0);
    zmq_close(dealer);
    zmq_ctx_term(context);
    rpc_kit_close(&kit);
}

/* What comes back to a message of `len` bytes that begins as a sound request does: nothing under
 * the header's length, an answer from there on. */
static void frames_of_every_length(void **state)
{
    (void)state;
    struct rpc_kit kit;
    uint8_t bytes[301];
    uint8_t answer[400];
    struct phi_rpc_frame frame = {.kind = PHI_RPC_FRAME_REQUEST, .number = 5000};
    void *context = zmq_ctx_new();
    rpc_kit_open(&kit, 'A', &keys, NULL);
    void *dealer = rpc_raw_dealer(context, &keys, &kit.endpoint);
    int wait_ms = 5000;
    zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
    memset(bytes, 'e', sizeof(bytes));
    for (size_t len = 0; len <= 300; len++) {
        frame.call = len;
        phi_rpc_frame_encode_header(&frame, bytes);
        assert_int_equal(zmq_send(dealer, bytes, len, 0), (int)len);
        if (len < PHI_RPC_FRAME_HEADER_LEN)
            continue;
        int got = zmq_recv(dealer, answer, sizeof(answer), 0);
        assert_true(got >= PHI_RPC_FRAME_HEADER_LEN);
        struct phi_rpc_frame back;
        assert_int_equal(phi_rpc_frame_decode(phi_view_of(answer, (size_t)got), &back), PHI_OK);
        assert_int_equal(back.call, len);
        assert_int_equal(back.kind, len == PHI_RPC_FRAME_HEADER_LEN ? PHI_RPC_FRAME_REFUSAL
                                                                    : PHI_RPC_FRAME_REPLY);
    }
    zmq_close(dealer);
    zmq_ctx_term(context);
    rpc_kit_close(&kit);
}

/* Noise of every length, many parts, a later version, too large a message: the server lives. */
static void noise_harms_nobody(void **state)
{
    (void)state;
    struct rpc_kit kit;
    static uint8_t large[PHI_RPC_WIRE_MAX + 1000];
    uint32_t seed = 1;
    uint8_t bytes[300];
    struct phi_rpc_frame back;
    void *context = zmq_ctx_new();
    rpc_kit_open(&kit, 'A', &keys, NULL);
    void *dealer = rpc_raw_dealer(context, &keys, &kit.endpoint);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        zmq_send(dealer, bytes, len, len % 3 == 0 ? ZMQ_SNDMORE : 0);
    }
    struct phi_rpc_frame frame = {.kind = PHI_RPC_FRAME_REQUEST, .number = 5000, .call = 77};
    phi_rpc_frame_encode_header(&frame, bytes);
    bytes[2] = 2;
    zmq_send(dealer, "", 0, 0); /* ends the parts that are open */
    zmq_send(dealer, bytes, PHI_RPC_FRAME_HEADER_LEN, 0);
    int wait_ms = 5000;
    zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
    int got = zmq_recv(dealer, bytes, sizeof(bytes), 0);
    assert_int_equal(got, PHI_RPC_FRAME_HEADER_LEN);
    assert_int_equal(phi_rpc_frame_decode(phi_view_of(bytes, 32), &back), PHI_OK);
    assert_int_equal(back.call, 77);
    assert_int_equal(phi_rpc_refusal_err(back.number), PHI_ERR_FRAME);
    zmq_send(dealer, large, sizeof(large), 0);
    zmq_close(dealer);
    zmq_ctx_term(context);
    assert_int_equal(atomic_load(&kit.handled), 0);
    assert_true(is_answered(&keys, &kit));
    rpc_kit_close(&kit);
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
        cmocka_unit_test(strangers_stay_out),
        cmocka_unit_test(without_the_handler_nobody_gets_in),
        cmocka_unit_test(a_client_with_a_wrong_key_learns_it_in_time),
        cmocka_unit_test(a_removed_peer_is_cut_off_in_mid_connection),
        cmocka_unit_test(a_peer_that_was_refused_comes_in_once_it_is_listed),
        cmocka_unit_test(an_answer_to_a_removed_peer_is_kept_back),
        cmocka_unit_test(frames_of_every_length),
        cmocka_unit_test(noise_harms_nobody),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
