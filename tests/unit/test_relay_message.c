/* The relay's bytes: both ways, and what is refused. */
#include "case.h"
#include "codes/relay_message.h"

#include <string.h>

static const uint8_t request_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct phi_relay_request a_request(void)
{
    struct phi_relay_request request = {.left_ms = 900,
                                        .target = "330000",
                                        .service = PHI_RELAY_QUERY,
                                        .envelope = phi_view_text("sealed")};
    memcpy(request.request_id, request_id, sizeof(request_id));
    return request;
}

static void a_request_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct phi_relay_request request = a_request(), found;
    struct phi_writer to = phi_writer_of(bytes, sizeof(bytes));
    assert_int_equal(phi_relay_request_encode(&request, &to), PHI_OK);
    struct phi_view frame = phi_view_of(bytes, phi_writer_len(&to));
    assert_int_equal(frame.len, 2 + 4 + 16 + 6 + 1 + 4 + 6);
    assert_true(phi_relay_is(frame));
    assert_int_equal(phi_relay_request_decode(frame, &found), PHI_OK);
    assert_int_equal(found.left_ms, 900);
    assert_string_equal(found.target, "330000");
    assert_int_equal(found.service, PHI_RELAY_QUERY);
    assert_memory_equal(found.request_id, request_id, sizeof(request_id));
    assert_true(phi_view_equal(found.envelope, phi_view_text("sealed")));
    for (size_t len = 0; len < frame.len; len++)
        assert_int_equal(phi_relay_request_decode(phi_view_of(bytes, len), &found), PHI_ERR_FRAME);
}

struct change {
    const char *name;
    size_t at;
    uint8_t value;
};

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"a reply", 0, 0xb1},        {"another operation", 1, 5}, {"no platform", 22, '9'},
        {"no digit", 23, 'x'},       {"no such service", 28, 2},  {"an envelope too long", 29, 1},
        {"a byte left over", 32, 5}, {"an empty envelope", 32, 0}};
    for (size_t i = 0; i < PHI_COUNT(changes); i++) {
        uint8_t bytes[128];
        struct phi_relay_request request = a_request(), found;
        struct phi_writer to = phi_writer_of(bytes, sizeof(bytes));
        assert_int_equal(phi_relay_request_encode(&request, &to), PHI_OK);
        bytes[changes[i].at] = changes[i].value;
        phi_check(changes[i].name, phi_relay_request_decode(phi_view_of(bytes, phi_writer_len(&to)),
                                                            &found) == PHI_ERR_FRAME);
    }
    struct phi_relay_request request = a_request();
    uint8_t bytes[128];
    struct phi_writer to = phi_writer_of(bytes, sizeof(bytes));
    request.target[0] = '9';
    assert_int_equal(phi_relay_request_encode(&request, &to), PHI_ERR_FIELD_VALUE);
    request = a_request();
    request.envelope.len = 0;
    assert_int_equal(phi_relay_request_encode(&request, &to), PHI_ERR_FIELD_VALUE);
}

static void a_letter_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct phi_relay_letter letter = {.platform = "320000",
                                      .key_serial = "0123456789abcdef",
                                      .target = "330000",
                                      .service = PHI_RELAY_VERIFY,
                                      .time_us = 1795219200000000,
                                      .frame = phi_view_text("inner")};
    struct phi_relay_letter found;
    struct phi_view signed_part;
    const uint8_t *sig = NULL;
    uint8_t signature[PHI_SM2_SIG_LEN];
    memset(signature, 7, sizeof(signature));
    memset(letter.answer_key, 9, sizeof(letter.answer_key));
    memcpy(letter.request_id, request_id, sizeof(request_id));
    struct phi_writer to = phi_writer_of(bytes, sizeof(bytes));
    assert_int_equal(phi_relay_letter_encode(&letter, &to), PHI_OK);
    size_t signed_len = phi_writer_len(&to);
    phi_write_bytes(&to, signature, sizeof(signature));
    struct phi_view plain = phi_view_of(bytes, phi_writer_len(&to));
    assert_int_equal(phi_relay_letter_decode(plain, &found, &signed_part, &sig), PHI_OK);
    assert_int_equal(signed_part.len, signed_len);
    assert_memory_equal(sig, signature, sizeof(signature));
    assert_string_equal(found.platform, "320000");
    assert_string_equal(found.key_serial, "0123456789abcdef");
    assert_string_equal(found.target, "330000");
    assert_true(found.time_us == letter.time_us);
    assert_memory_equal(found.answer_key, letter.answer_key, sizeof(letter.answer_key));
    assert_true(phi_view_equal(found.frame, phi_view_text("inner")));
    for (size_t len = 0; len < plain.len; len++)
        assert_int_equal(
            phi_relay_letter_decode(phi_view_of(bytes, len), &found, &signed_part, &sig),
            PHI_ERR_FRAME);
    bytes[0] = 2;
    assert_int_equal(phi_relay_letter_decode(plain, &found, &signed_part, &sig), PHI_ERR_FRAME);
}

static void an_answer_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct phi_relay_answer answer = {.envelope = phi_view_text("sealed")}, found;
    struct phi_writer to = phi_writer_of(bytes, sizeof(bytes));
    memcpy(answer.request_id, request_id, sizeof(request_id));
    assert_int_equal(phi_relay_answer_encode(&answer, &to), PHI_OK);
    struct phi_view frame = phi_view_of(bytes, phi_writer_len(&to));
    assert_false(phi_relay_is(frame));
    assert_int_equal(phi_relay_answer_decode(frame, &found), PHI_OK);
    assert_memory_equal(found.request_id, request_id, sizeof(request_id));
    for (size_t len = 0; len < frame.len; len++)
        assert_int_equal(phi_relay_answer_decode(phi_view_of(bytes, len), &found), PHI_ERR_FRAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_both_ways),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(a_letter_goes_both_ways),
        cmocka_unit_test(an_answer_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
