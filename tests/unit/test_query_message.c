/* The query RPC's frames: what is written is read back; what is broken is refused. */
#include "vector_file.h"

#include "codes/query_message.h"

static uint8_t buffer[PHI_QUERY_REPLY_MAX + 16];
static char large[PHI_QUERY_JSON_MAX + 2];

static struct phi_query_request a_request(void)
{
    return (struct phi_query_request){.operation = PHI_QUERY_QUERY,
                                      .left_ms = 450,
                                      .request_id = {1, 2, 3},
                                      .receipt = phi_view_text("receipt")};
}

static struct phi_query_request a_seen(void)
{
    return (struct phi_query_request){
        .operation = PHI_QUERY_SEEN, .left_ms = 450, .request_id = {1, 2, 3}, .subject = {9, 8, 7}};
}

static struct phi_query_reply a_reply(enum phi_err status, const char *json)
{
    return (struct phi_query_reply){.operation = PHI_QUERY_QUERY,
                                    .request_id = {1, 2, 3},
                                    .status = status,
                                    .json = phi_view_text(json)};
}

static struct phi_view write_request(const struct phi_query_request *request)
{
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    assert_int_equal(phi_query_request_encode(request, &writer), PHI_OK);
    return phi_view_of(buffer, phi_writer_len(&writer));
}

static struct phi_view write_reply(const struct phi_query_reply *reply)
{
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    assert_int_equal(phi_query_reply_encode(reply, &writer), PHI_OK);
    return phi_view_of(buffer, phi_writer_len(&writer));
}

static void requests_go_both_ways(void **state)
{
    (void)state;
    struct phi_query_request request = a_request(), found;
    assert_int_equal(phi_query_request_decode(write_request(&request), &found), PHI_OK);
    assert_int_equal(found.left_ms, 450);
    assert_memory_equal(found.request_id, request.request_id, 16);
    assert_view(found.receipt, request.receipt);
    request = a_seen();
    assert_int_equal(phi_query_request_decode(write_request(&request), &found), PHI_OK);
    assert_int_equal(found.operation, PHI_QUERY_SEEN);
    assert_memory_equal(found.subject, request.subject, sizeof(found.subject));
}

static void replies_go_both_ways(void **state)
{
    (void)state;
    static const struct {
        enum phi_err status;
        const char *json;
    } cases[] = {
        {PHI_OK, "{\"entries\":[]}"}, {PHI_ERR_RECEIPT, ""}, {PHI_ERR_STORE, ""}, {PHI_OK, large}};
    memset(large, ' ', PHI_QUERY_JSON_MAX);
    large[PHI_QUERY_JSON_MAX] = '\0';
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_query_reply reply = a_reply(cases[i].status, cases[i].json), found;
        assert_int_equal(phi_query_reply_decode(write_reply(&reply), &found), PHI_OK);
        assert_int_equal(found.status, cases[i].status);
        assert_memory_equal(found.request_id, reply.request_id, 16);
        assert_view(found.json, phi_view_text(cases[i].json));
    }
}

static void the_bytes_are_those_of_the_document(void **state)
{
    (void)state;
    static const uint8_t request_bytes[] = {
        0xa1, 5, 0, 0, 1, 0xc2, 1, 2, 3, [22] = 0, 7, 'r', 'e', 'c', 'e', 'i', 'p', 't'};
    static const uint8_t reply_bytes[] = {0xb1, 5,   1, 2, 3,   [18] = '3', '0',
                                          '1',  '2', 0, 2, '{', '}'};
    struct phi_query_request request = a_request();
    struct phi_query_reply reply = a_reply(phi_err_from_return_code("3012"), "{}");
    assert_view(write_request(&request), phi_view_of(request_bytes, sizeof(request_bytes)));
    assert_view(write_reply(&reply), phi_view_of(reply_bytes, sizeof(reply_bytes)));
}

static enum phi_err read_request(struct phi_view frame)
{
    struct phi_query_request found;
    return phi_query_request_decode(frame, &found);
}

static enum phi_err read_reply(struct phi_view frame)
{
    struct phi_query_reply found;
    return phi_query_reply_decode(frame, &found);
}

/* Copies of the exact size let the sanitizer see a read past the end. */
static void assert_refused_when_broken(struct phi_view frame, enum phi_err (*read)(struct phi_view))
{
    const uint8_t kind = frame.data[1];
    uint8_t *copy = malloc(frame.len + 1);
    assert_non_null(copy);
    for (size_t len = 0; len < frame.len; len++) {
        uint8_t *cut = malloc(len > 0 ? len : 1);
        assert_non_null(cut);
        memcpy(cut, frame.data, len);
        assert_int_equal(read(phi_view_of(cut, len)), PHI_ERR_FRAME);
        free(cut);
    }
    memcpy(copy, frame.data, frame.len);
    copy[frame.len] = 0;
    assert_int_equal(read(phi_view_of(copy, frame.len + 1)), PHI_ERR_FRAME); /* a byte left over */
    for (int operation = 0; operation < 256; operation++) {
        bool is_reply_of_seen = frame.data[0] == 0xb1 && operation == PHI_QUERY_SEEN;
        copy[1] = (uint8_t)operation;
        assert_int_equal(read(phi_view_of(copy, frame.len)),
                         operation == kind || is_reply_of_seen ? PHI_OK : PHI_ERR_FRAME);
    }
    copy[1] = kind;
    copy[0] ^= 0xa1 ^ 0xb1; /* the other direction's */
    assert_int_equal(read(phi_view_of(copy, frame.len)), PHI_ERR_FRAME);
    free(copy);
}

static void broken_frames_are_refused(void **state)
{
    (void)state;
    struct phi_query_request request = a_request(), seen = a_seen();
    struct phi_query_reply reply = a_reply(PHI_OK, "{}");
    assert_refused_when_broken(write_request(&request), read_request);
    assert_refused_when_broken(write_request(&seen), read_request);
    assert_refused_when_broken(write_reply(&reply), read_reply);
}

static void an_unknown_return_code_is_an_internal_error(void **state)
{
    (void)state;
    struct phi_query_reply reply = a_reply(PHI_OK, ""), found;
    struct phi_view frame = write_reply(&reply);
    buffer[18] = '8';
    assert_int_equal(phi_query_reply_decode(frame, &found), PHI_OK);
    assert_int_equal(found.status, PHI_ERR_INTERNAL);
}

static void what_is_out_of_bounds_is_not_written(void **state)
{
    (void)state;
    struct phi_query_request request = a_request();
    struct phi_query_reply reply = a_reply(PHI_OK, "{}");
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    memset(large, ' ', sizeof(large));
    request.receipt = phi_view_of(large, 0);
    assert_int_equal(phi_query_request_encode(&request, &writer), PHI_ERR_FIELD_VALUE);
    request.receipt = phi_view_of(large, PHI_RECEIPT_MAX + 1);
    assert_int_equal(phi_query_request_encode(&request, &writer), PHI_ERR_FIELD_VALUE);
    reply.json = phi_view_of(large, PHI_QUERY_JSON_MAX + 1);
    assert_int_equal(phi_query_reply_encode(&reply, &writer), PHI_ERR_FIELD_VALUE);
    request = a_request();
    writer = phi_writer_of(buffer, write_request(&request).len - 1);
    assert_int_equal(phi_query_request_encode(&request, &writer), PHI_ERR_FRAME);
    reply = a_reply(PHI_OK, "{}");
    writer = phi_writer_of(buffer, write_reply(&reply).len - 1);
    assert_int_equal(phi_query_reply_encode(&reply, &writer), PHI_ERR_FRAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_go_both_ways),
        cmocka_unit_test(replies_go_both_ways),
        cmocka_unit_test(the_bytes_are_those_of_the_document),
        cmocka_unit_test(broken_frames_are_refused),
        cmocka_unit_test(an_unknown_return_code_is_an_internal_error),
        cmocka_unit_test(what_is_out_of_bounds_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
