#include "case.h"

#include "rpc/call_heap.h"
#include "rpc/circuit.h"
#include "rpc/frame.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t request_id[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The example of docs/rpc.md. */
static const char example_hex[] = "504801010000032000000000000100020001020304050607"
                                  "08090a0b0c0d0e0f"
                                  "6869";

static void the_documented_bytes(void **state)
{
    (void)state;
    uint8_t bytes[34];
    uint8_t header[PHI_RPC_FRAME_HEADER_LEN];
    struct phi_rpc_frame frame;
    assert_int_equal(phi_hex_decode(phi_view_text(example_hex), bytes, sizeof(bytes)), PHI_OK);
    assert_int_equal(phi_rpc_frame_decode(phi_view_of(bytes, sizeof(bytes)), &frame), PHI_OK);
    assert_int_equal(frame.kind, PHI_RPC_FRAME_REQUEST);
    assert_int_equal(frame.number, 800);
    assert_true(frame.call == 65538);
    assert_memory_equal(frame.request_id, request_id, sizeof(request_id));
    assert_true(phi_view_equal(frame.payload, phi_view_text("hi")));
    phi_rpc_frame_encode_header(&frame, header);
    assert_memory_equal(header, bytes, sizeof(header));
}

static void what_is_no_frame(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        bool can_refuse;
    } cases[] = {
        {"another magic", 0, 'Q', false},
        {"another magic, second byte", 1, 'Q', false},
        {"version 0", 2, 0, true},
        {"version 2", 2, 2, true},
        {"kind 0", 3, 0, true},
        {"kind 4", 3, 4, true},
        {"a reply with a number", 3, PHI_RPC_FRAME_REPLY, false},
        {"a refusal with a payload", 3, PHI_RPC_FRAME_REFUSAL, false},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        uint8_t bytes[34];
        struct phi_rpc_frame frame;
        assert_int_equal(phi_hex_decode(phi_view_text(example_hex), bytes, sizeof(bytes)), PHI_OK);
        bytes[cases[i].at] = cases[i].value;
        enum phi_err err = phi_rpc_frame_decode(phi_view_of(bytes, sizeof(bytes)), &frame);
        phi_check(cases[i].name, err == PHI_ERR_FRAME);
        phi_check(cases[i].name, frame.can_refuse == cases[i].can_refuse);
        phi_check(cases[i].name, !frame.can_refuse || frame.call == 65538);
    }
}

/* On the heap and exact, so that the sanitizer sees a read past the end. */
static void every_length(void **state)
{
    (void)state;
    uint8_t whole[34];
    assert_int_equal(phi_hex_decode(phi_view_text(example_hex), whole, sizeof(whole)), PHI_OK);
    for (size_t len = 0; len <= 300; len++) {
        uint8_t *bytes = malloc(len == 0 ? 1 : len);
        struct phi_rpc_frame frame;
        memset(bytes, 0x5a, len);
        memcpy(bytes, whole, len < 32 ? len : 32);
        enum phi_err err = phi_rpc_frame_decode(phi_view_of(bytes, len), &frame);
        assert_int_equal(err, len < PHI_RPC_FRAME_HEADER_LEN ? PHI_ERR_FRAME : PHI_OK);
        if (err == PHI_OK)
            assert_int_equal(frame.payload.len, len - PHI_RPC_FRAME_HEADER_LEN);
        free(bytes);
    }
}

static void a_payload_has_a_bound(void **state)
{
    (void)state;
    uint8_t *bytes = calloc(1, PHI_RPC_FRAME_MAX + 1);
    struct phi_rpc_frame frame;
    assert_int_equal(phi_hex_decode(phi_view_of(example_hex, 64), bytes, 32), PHI_OK);
    assert_int_equal(phi_rpc_frame_decode(phi_view_of(bytes, PHI_RPC_FRAME_MAX), &frame), PHI_OK);
    assert_int_equal(phi_rpc_frame_decode(phi_view_of(bytes, PHI_RPC_FRAME_MAX + 1), &frame),
                     PHI_ERR_FRAME);
    free(bytes);
}

static void refusals_name_an_error(void **state)
{
    (void)state;
    for (int err = PHI_OK + 1; err < PHI_ERR_COUNT; err++) {
        uint32_t number = phi_rpc_refusal_number((enum phi_err)err);
        assert_int_equal(phi_rpc_refusal_err(number), err);
    }
    assert_int_equal(phi_rpc_refusal_number(PHI_ERR_OVERLOAD), 5001);
    assert_int_equal(phi_rpc_refusal_number(PHI_OK), 9001);
    assert_int_equal(phi_rpc_refusal_err(0), PHI_ERR_NEIGHBOUR);
    assert_int_equal(phi_rpc_refusal_err(UINT32_MAX), PHI_ERR_NEIGHBOUR);
}

static void a_circuit_opens_and_tries_one(void **state)
{
    (void)state;
    struct phi_rpc_circuit circuit = {
        .failures_max = 3, .backoff_first_us = 100, .backoff_max_us = 300};
    phi_rpc_circuit_failed(&circuit, 10);
    phi_rpc_circuit_failed(&circuit, 11);
    phi_rpc_circuit_succeeded(&circuit);
    phi_rpc_circuit_failed(&circuit, 12);
    phi_rpc_circuit_failed(&circuit, 13);
    assert_true(phi_rpc_circuit_is_closed(&circuit));
    phi_rpc_circuit_failed(&circuit, 14);
    assert_false(phi_rpc_circuit_is_closed(&circuit));
    phi_rpc_circuit_failed(&circuit, 15); /* a straggler doesn't stretch it */
    assert_false(phi_rpc_circuit_allows(&circuit, 113));
    assert_true(phi_rpc_circuit_allows(&circuit, 114));
    phi_rpc_circuit_sent(&circuit, 200);
    assert_false(phi_rpc_circuit_allows(&circuit, 150));
    assert_true(phi_rpc_circuit_allows(&circuit, 200)); /* a probe that was lost blocks nobody */
    phi_rpc_circuit_failed(&circuit, 200);
    assert_false(phi_rpc_circuit_allows(&circuit, 399));
    assert_true(phi_rpc_circuit_allows(&circuit, 400));
    phi_rpc_circuit_failed(&circuit, 400);
    assert_true(phi_rpc_circuit_allows(&circuit, 700)); /* not 800: the back-off has its bound */
    phi_rpc_circuit_succeeded(&circuit);
    assert_true(phi_rpc_circuit_is_closed(&circuit));
}

static void the_heap_gives_the_soonest(void **state)
{
    (void)state;
    struct phi_rpc_timer timers[100];
    struct phi_rpc_call_heap heap;
    int64_t last_us = 0;
    assert_int_equal(phi_rpc_call_heap_init(&heap, 100), PHI_OK);
    for (size_t i = 0; i < 100; i++)
        phi_rpc_call_heap_add(&heap, &timers[i], (int64_t)(i * 37 % 101));
    for (size_t i = 0; i < 100; i += 3)
        phi_rpc_call_heap_move(&heap, &timers[i], (int64_t)(i * 53 % 103));
    for (size_t i = 1; i < 100; i += 4)
        phi_rpc_call_heap_remove(&heap, &timers[i]);
    size_t count = 0;
    for (struct phi_rpc_timer *first; (first = phi_rpc_call_heap_first(&heap)) != NULL; count++) {
        assert_true(first->at_us >= last_us);
        last_us = first->at_us;
        phi_rpc_call_heap_remove(&heap, first);
    }
    assert_int_equal(count, 75);
    phi_rpc_call_heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_bytes),
        cmocka_unit_test(what_is_no_frame),
        cmocka_unit_test(every_length),
        cmocka_unit_test(a_payload_has_a_bound),
        cmocka_unit_test(refusals_name_an_error),
        cmocka_unit_test(a_circuit_opens_and_tries_one),
        cmocka_unit_test(the_heap_gives_the_soonest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
