/* The verify RPC's frames: what is written is read back; what is broken is refused. */
#include "vector_file.h"

#include "codes/verify_message.h"

static uint8_t buffer[PHI_VERIFY_FRAME_MAX];
static struct phi_verify_request items[PHI_VERIFY_BATCH_MAX];
static struct phi_verify_reply replies[PHI_VERIFY_BATCH_MAX];

static struct phi_verify_request a_request(enum phi_verify_operation operation)
{
    struct phi_verify_request r = {.operation = operation,
                                   .left_ms = 450,
                                   .request_id = {1, 2, 3},
                                   .challenge = {4, 5, 6},
                                   .is_text = true,
                                   .code = phi_view_text("AAAA"),
                                   .platform = "320000",
                                   .program = "svc-directory",
                                   .app = "app-1",
                                   .digest = {7, 8},
                                   .scope = PHI_SCOPE_MEDICAL};
    if (operation == PHI_VERIFY_OWN)
        memset(r.holder, 9, sizeof(r.holder));
    return r;
}

static struct phi_verify_reply a_reply(enum phi_err status)
{
    return (struct phi_verify_reply){.request_id = {1, 2, 3},
                                     .status = status,
                                     .checked = PHI_CHECK_FORM | PHI_CHECK_SIGNATURE,
                                     .unchecked = PHI_CHECK_LEDGER,
                                     .is_repeat = true,
                                     .platform = "320000",
                                     .deadline_s = 1795219200,
                                     .flags = PHI_JKM1_ONE_TIME,
                                     .scope = PHI_SCOPE_PASS,
                                     .receipt = phi_view_text("receipt")};
}

static struct phi_view write_requests(const struct phi_verify_request *from, size_t count)
{
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    assert_int_equal(phi_verify_requests_encode(from, count, &writer), PHI_OK);
    return phi_view_of(buffer, phi_writer_len(&writer));
}

static enum phi_err read_requests(struct phi_view frame, size_t *count)
{
    return phi_verify_requests_decode(frame, items, PHI_VERIFY_BATCH_MAX, count, NULL);
}

static void assert_request(const struct phi_verify_request *a, const struct phi_verify_request *b)
{
    assert_int_equal(a->operation, b->operation);
    assert_int_equal(a->left_ms, b->left_ms);
    assert_memory_equal(a->request_id, b->request_id, 16);
    assert_memory_equal(a->challenge, b->challenge, 16);
    assert_int_equal(a->is_text, b->is_text);
    assert_view(a->code, b->code);
    assert_string_equal(a->platform, b->platform);
    assert_string_equal(a->program, b->program);
    assert_string_equal(a->app, b->app);
    assert_memory_equal(a->digest, b->digest, PHI_SM3_LEN);
    assert_int_equal(a->scope, b->scope);
    assert_memory_equal(a->holder, b->holder, PHI_SUBJECT_LEN);
}

static void requests_go_both_ways(void **state)
{
    (void)state;
    for (int operation = PHI_VERIFY_VERIFY; operation <= PHI_VERIFY_OWN; operation++) {
        struct phi_verify_request request = a_request((enum phi_verify_operation)operation);
        size_t count = 0;
        struct phi_view frame = write_requests(&request, 1);
        assert_false(phi_verify_is_batch(frame));
        assert_int_equal(read_requests(frame, &count), PHI_OK);
        assert_int_equal(count, 1);
        assert_request(&items[0], &request);
    }
}

static void the_bytes_are_those_of_the_document(void **state)
{
    (void)state;
    struct phi_verify_request request = a_request(PHI_VERIFY_VERIFY);
    struct phi_view frame = write_requests(&request, 1);
    uint8_t expected[40 + 2 + 4 + 6 + 1 + 13 + 1 + 5 + 32 + 1] = {
        0xa1, 1,        0,   1,   0,   0,   1,   0xc2, 1,   2,        3,   [24] = 4, 5,
        6,    [40] = 0, 4,   'A', 'A', 'A', 'A', '3',  '2', '0',      '0', '0',      '0',
        13,   's',      'v', 'c', '-', 'd', 'i', 'r',  'e', 'c',      't', 'o',      'r',
        'y',  5,        'a', 'p', 'p', '-', '1', 7,    8,   [104] = 1};
    assert_view(frame, phi_view_of(expected, sizeof(expected)));
}

static void batches_go_both_ways(void **state)
{
    (void)state;
    static const size_t counts[] = {2, 3, PHI_VERIFY_BATCH_MAX};
    static struct phi_verify_request from[PHI_VERIFY_BATCH_MAX];
    for (size_t i = 0; i < PHI_VERIFY_BATCH_MAX; i++) {
        from[i] = a_request((enum phi_verify_operation)(1 + i % 3));
        from[i].request_id[15] = (uint8_t)i;
    }
    for (size_t c = 0; c < 3; c++) {
        size_t count = 0;
        struct phi_view frame = write_requests(from, counts[c]);
        assert_true(phi_verify_is_batch(frame));
        assert_int_equal(read_requests(frame, &count), PHI_OK);
        assert_int_equal(count, counts[c]);
        for (size_t i = 0; i < count; i++)
            assert_request(&items[i], &from[i]);
        assert_int_equal(phi_verify_requests_decode(frame, items, counts[c] - 1, &count, NULL),
                         PHI_ERR_FRAME);
    }
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    assert_int_equal(phi_verify_requests_encode(from, 0, &writer), PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_verify_requests_encode(from, PHI_VERIFY_BATCH_MAX + 1, &writer),
                     PHI_ERR_FIELD_VALUE);
}

/* A copy of the exact size lets the sanitizer see a read past the end. */
static void assert_all_cuts_refused(struct phi_view frame, enum phi_err (*read)(struct phi_view))
{
    for (size_t len = 0; len < frame.len; len++) {
        uint8_t *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, frame.data, len);
        assert_int_equal(read(phi_view_of(copy, len)), PHI_ERR_FRAME);
        free(copy);
    }
}

static enum phi_err read_requests_only(struct phi_view frame)
{
    size_t count = 0;
    return read_requests(frame, &count);
}

static enum phi_err read_replies_only(struct phi_view frame)
{
    size_t count = 0;
    return phi_verify_replies_decode(frame, replies, PHI_VERIFY_BATCH_MAX, &count);
}

static void cut_requests_are_refused(void **state)
{
    (void)state;
    struct phi_verify_request from[2] = {a_request(PHI_VERIFY_VERIFY), a_request(PHI_VERIFY_OWN)};
    assert_all_cuts_refused(write_requests(from, 1), read_requests_only);
    assert_all_cuts_refused(write_requests(from, 2), read_requests_only);
}

struct change {
    const char *name;
    size_t at;
    uint8_t to;
    const char *place;
};

static void changed_requests_are_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"version 2", 0, 0xa2, "version"},
        {"a reply", 0, 0xb1, "version"},
        {"operation 0", 1, 0, "operation"},
        {"operation 5", 1, 5, "operation"},
        {"unknown flag", 3, 3, "flags"},
        {"high flag", 2, 0x80, "flags"},
        {"code longer than the frame", 40, 0x10, "length"},
        {"code of length 0", 41, 0, "length"},
        {"platform of no province", 46, '9', "platform"},
        {"program longer than its bound", 52, 200, "length"},
        {"program with a space", 53, ' ', "program"},
        {"app of length 0", 66, 0, "app"},
        {"app with a zero", 67, 0, "length"},
        {"scope 3", 104, 3, "scope"},
    };
    struct phi_verify_request request = a_request(PHI_VERIFY_VERIFY);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct phi_error error = {0};
        size_t count = 0;
        struct phi_view frame = write_requests(&request, 1);
        buffer[changes[i].at] = changes[i].to;
        enum phi_err err =
            phi_verify_requests_decode(frame, items, PHI_VERIFY_BATCH_MAX, &count, &error);
        if (err != PHI_ERR_FRAME || strcmp(error.place, changes[i].place) != 0)
            fail_msg("%s: %s at %s", changes[i].name, phi_err_name(err), error.place);
    }
}

static void bytes_left_over_are_refused(void **state)
{
    (void)state;
    struct phi_verify_request request = a_request(PHI_VERIFY_VERIFY);
    struct phi_view frame = write_requests(&request, 1);
    buffer[frame.len] = 0;
    frame.len++;
    assert_int_equal(read_requests_only(frame), PHI_ERR_FRAME);
}

static void counts_out_of_bounds_are_refused(void **state)
{
    (void)state;
    struct phi_verify_request from[2] = {a_request(PHI_VERIFY_VERIFY), a_request(PHI_VERIFY_CHECK)};
    struct phi_view frame = write_requests(from, 2);
    static const uint8_t counts[][2] = {{0, 0}, {0, 1}, {0, 3}, {1, 1}, {0xff, 0xff}};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        memcpy(buffer + 6, counts[i], 2);
        assert_int_equal(read_requests_only(frame), PHI_ERR_FRAME);
    }
}

static void unsound_requests_are_not_written(void **state)
{
    (void)state;
    static uint8_t long_code[PHI_JKM1_TEXT_MAX + 1];
    struct phi_verify_request bad[7];
    for (size_t i = 0; i < 7; i++)
        bad[i] = a_request(PHI_VERIFY_VERIFY);
    bad[0].operation = (enum phi_verify_operation)4;
    bad[1].code.len = 0;
    bad[2].code = phi_view_of(long_code, sizeof(long_code));
    bad[3].is_text = false;
    bad[3].code = phi_view_of(long_code, PHI_JKM1_MAX + 1);
    strcpy(bad[4].platform, "99");
    bad[5].program[0] = '\0';
    strcpy(bad[6].app, "a/b");
    for (size_t i = 0; i < 7; i++) {
        struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
        assert_int_equal(phi_verify_requests_encode(&bad[i], 1, &writer), PHI_ERR_FIELD_VALUE);
    }
    struct phi_verify_request longest = a_request(PHI_VERIFY_OWN);
    longest.code = phi_view_of(long_code, PHI_JKM1_TEXT_MAX);
    memset(longest.program, 'p', PHI_VERIFY_PROGRAM_MAX);
    memset(longest.app, 'a', PHI_VERIFY_APP_MAX);
    struct phi_writer writer = phi_writer_of(buffer, PHI_VERIFY_REQUEST_MAX);
    assert_int_equal(phi_verify_requests_encode(&longest, 1, &writer), PHI_OK);
    writer = phi_writer_of(buffer, 20);
    assert_int_equal(phi_verify_requests_encode(&longest, 1, &writer), PHI_ERR_FRAME);
}

static struct phi_view write_replies(const struct phi_verify_reply *from, size_t count,
                                     bool is_batch)
{
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    assert_int_equal(phi_verify_replies_encode(from, count, is_batch, &writer), PHI_OK);
    return phi_view_of(buffer, phi_writer_len(&writer));
}

static void assert_reply(const struct phi_verify_reply *a, const struct phi_verify_reply *b)
{
    assert_memory_equal(a->request_id, b->request_id, 16);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->checked, b->checked);
    assert_int_equal(a->unchecked, b->unchecked);
    assert_int_equal(a->is_repeat, b->is_repeat);
    assert_string_equal(a->platform, b->platform);
    assert_int_equal(a->deadline_s, b->deadline_s);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->scope, b->scope);
    assert_view(a->receipt, b->receipt);
}

static void replies_carry_every_status(void **state)
{
    (void)state;
    for (int i = 0; i < PHI_ERR_COUNT; i++) {
        struct phi_verify_reply reply = a_reply((enum phi_err)i);
        size_t count = 0;
        struct phi_view frame = write_replies(&reply, 1, false);
        assert_int_equal(phi_verify_replies_decode(frame, replies, 1, &count), PHI_OK);
        assert_int_equal(count, 1);
        assert_reply(&replies[0], &reply);
    }
}

static void reply_batches_go_both_ways(void **state)
{
    (void)state;
    static struct phi_verify_reply from[PHI_VERIFY_BATCH_MAX];
    for (size_t i = 0; i < PHI_VERIFY_BATCH_MAX; i++) {
        from[i] = a_reply(i % 2 ? PHI_OK : PHI_ERR_CODE_MALFORMED);
        from[i].receipt.len = i % 8;
        if (i % 2 == 0)
            from[i].platform[0] = '\0';
    }
    static const size_t counts[] = {1, 2, PHI_VERIFY_BATCH_MAX};
    for (size_t c = 0; c < 3; c++) {
        size_t count = 0;
        struct phi_view frame = write_replies(from, counts[c], true);
        assert_true(phi_verify_is_batch(frame));
        assert_int_equal(phi_verify_replies_decode(frame, replies, PHI_VERIFY_BATCH_MAX, &count),
                         PHI_OK);
        assert_int_equal(count, counts[c]);
        for (size_t i = 0; i < count; i++)
            assert_reply(&replies[i], &from[i]);
        assert_int_equal(phi_verify_replies_decode(frame, replies, counts[c] - 1, &count),
                         PHI_ERR_FRAME);
    }
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    assert_int_equal(phi_verify_replies_encode(from, 2, false, &writer), PHI_ERR_FIELD_VALUE);
}

static void cut_replies_are_refused(void **state)
{
    (void)state;
    struct phi_verify_reply from[2] = {a_reply(PHI_OK), a_reply(PHI_ERR_CODE_EXPIRED)};
    assert_all_cuts_refused(write_replies(from, 1, false), read_replies_only);
    assert_all_cuts_refused(write_replies(from, 2, true), read_replies_only);
}

static void changed_replies_are_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"version 2", 0, 0xb2, ""},
        {"a request", 0, 0xa1, ""},
        {"kind 1", 1, 1, ""},
        {"unknown status", 18, 0x70, ""},
        {"unknown check", 20, 0x10, ""},
        {"checked and unchecked", 23, 0x21, ""},
        {"unknown flag", 25, 2, ""},
        {"platform of no province", 27, '9', ""},
        {"time past 2^63", 33, 0xff, ""},
        {"reserved code flag", 41, 0x40, ""},
        {"scope 3", 42, 3, ""},
        {"receipt longer than the frame", 43, 1, ""},
        {"a byte left over", 44, 6, ""},
    };
    struct phi_verify_reply reply = a_reply(PHI_OK);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct phi_view frame = write_replies(&reply, 1, false);
        buffer[changes[i].at] = changes[i].to;
        if (read_replies_only(frame) != PHI_ERR_FRAME)
            fail_msg("%s was taken", changes[i].name);
    }
}

static void checks_have_names(void **state)
{
    (void)state;
    assert_string_equal(phi_verify_check_name(PHI_CHECK_FORM), "form");
    assert_string_equal(phi_verify_check_name(PHI_CHECK_SUBJECT), "subject");
    assert_null(phi_verify_check_name(0));
    assert_null(phi_verify_check_name(3));
    assert_null(phi_verify_check_name(1u << PHI_CHECK_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_go_both_ways),
        cmocka_unit_test(the_bytes_are_those_of_the_document),
        cmocka_unit_test(batches_go_both_ways),
        cmocka_unit_test(cut_requests_are_refused),
        cmocka_unit_test(changed_requests_are_refused),
        cmocka_unit_test(bytes_left_over_are_refused),
        cmocka_unit_test(counts_out_of_bounds_are_refused),
        cmocka_unit_test(unsound_requests_are_not_written),
        cmocka_unit_test(replies_carry_every_status),
        cmocka_unit_test(reply_batches_go_both_ways),
        cmocka_unit_test(cut_replies_are_refused),
        cmocka_unit_test(changed_replies_are_refused),
        cmocka_unit_test(checks_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
