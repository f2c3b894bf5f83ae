/* The pure half of the bus: partitions, envelopes, signatures, dead letters. */
#include "bus/bus.h"
#include "bus/dlq.h"
#include "bus/event.h"
#include "bus/signed.h"

#include "case.h"

#include <stdio.h>
#include <string.h>

#define assert_ok(expression) assert_int_equal((expression), PHI_OK)

static void test_partition(void **state)
{
    (void)state;
    /* first 12 bits, big-endian, modulo count */
    static const struct {
        const char *name;
        uint8_t head[2];
        int32_t count;
        int32_t partition;
    } cases[] = {
        {"all zero", {0x00, 0x00}, 8, 0},
        {"low nibble of the second byte", {0x00, 0x0f}, 8, 0},
        {"high nibble", {0x00, 0x10}, 8, 1},
        {"0x123 in 8", {0x12, 0x3f}, 8, 0x123 % 8},
        {"0x123 in 7", {0x12, 0x30}, 7, 0x123 % 7},
        {"all ones in 8", {0xff, 0xff}, 8, 0xfff % 8},
        {"all ones in 1024", {0xff, 0xf0}, 1024, 0xfff % 1024},
        {"one partition", {0xab, 0xcd}, 1, 0},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        uint8_t key[16] = {cases[i].head[0], cases[i].head[1], 0x55};
        phi_check(cases[i].name,
                  phi_partition_of(phi_view_of(key, 16), cases[i].count) == cases[i].partition);
    }
    /* SM3("abc") begins 66c7f0f4…: 0x66c */
    assert_int_equal(phi_partition_of(phi_view_text("abc"), 4096), 0x66c);
    assert_int_equal(phi_partition_of(phi_view_text("abc"), 8), 0x66c % 8);
    assert_int_equal(phi_partition_of(phi_view_text(""), 8), -1);
    assert_int_equal(phi_partition_of(phi_view_text("abc"), 0), -1);
}

static const uint8_t subject[16] = {0x12, 0x34, 0x0a, 0x31, 0x0a, 6,  7,  8,
                                    9,    10,   11,   12,   13,   14, 15, 16};

static struct phi_event sample(void)
{
    struct phi_event event = {.topic = "phi.320000.code.minted",
                              .type = "cn.phi.code.minted",
                              .source = "/phi/320000/svc-codegen",
                              .time_us = 1795259711123456,
                              .key = phi_view_of(subject, sizeof(subject)),
                              .value = phi_view_text("{\"a\":1}"),
                              .traceparent =
                                  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                              .request_id = "req-1"};
    assert_ok(phi_event_new_id(&event));
    return event;
}

/* An event as a consumer would get it. */
static struct phi_msg as_msg(const struct phi_event *event, struct phi_arena *arena)
{
    struct phi_msg msg = {.topic = event->topic,
                          .partition = 3,
                          .offset = 42,
                          .time_ms = 1,
                          .key = event->key,
                          .value = event->value,
                          .is_tombstone = event->is_tombstone};
    assert_ok(phi_event_headers(event, arena, msg.headers, &msg.header_count));
    return msg;
}

static void test_envelope(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    struct phi_event event = sample();
    struct phi_event back;
    struct phi_error error = {0};
    struct phi_view value;
    assert_ok(phi_event_add(&event, "phi-mac", phi_view_text("AAAA")));
    struct phi_msg msg = as_msg(&event, arena);
    assert_true(phi_msg_header(&msg, "ce_specversion", &value));
    assert_true(phi_view_equal(value, phi_view_text("1.0")));
    assert_true(phi_msg_header(&msg, "content-type", &value));
    assert_true(phi_view_equal(value, phi_view_text("application/json")));
    assert_ok(phi_event_parse(&msg, arena, &back, &error));
    assert_memory_equal(back.id, event.id, 16);
    assert_string_equal(back.type, event.type);
    assert_string_equal(back.source, event.source);
    assert_string_equal(back.topic, event.topic);
    assert_string_equal(back.traceparent, event.traceparent);
    assert_string_equal(back.request_id, event.request_id);
    assert_true(back.time_us == event.time_us);
    assert_true(phi_view_equal(back.value, event.value));
    assert_true(phi_view_equal(back.key, event.key));
    assert_int_equal(back.partition, 3);
    assert_int_equal(back.extra_count, 1);
    assert_string_equal(back.extra[0].name, "phi-mac");
    phi_arena_free(arena);
}

static void test_envelope_broken(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *header;
        const char *value; /* NULL: removed */
    } cases[] = {
        {"no version", "ce_specversion", NULL},
        {"another version", "ce_specversion", "0.3"},
        {"no id", "ce_id", NULL},
        {"id not an id", "ce_id", "12345"},
        {"id with junk", "ce_id", "0190a5f2-7d3c-7b1a-9c2e-0123456789abX"},
        {"no type", "ce_type", NULL},
        {"empty type", "ce_type", ""},
        {"type with a space", "ce_type", "a b"},
        {"type in Chinese", "ce_type", "码"},
        {"no source", "ce_source", NULL},
        {"no time", "ce_time", NULL},
        {"time not a time", "ce_time", "today"},
        {"time in February's 30th", "ce_time", "2026-02-30T00:00:00Z"},
        {"no content type", "content-type", NULL},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(64 * 1024);
        struct phi_event event = sample();
        struct phi_event back;
        struct phi_error error = {0};
        struct phi_msg msg = as_msg(&event, arena);
        for (size_t h = 0; h < msg.header_count; h++) {
            if (strcmp(msg.headers[h].name, cases[i].header) != 0)
                continue;
            if (cases[i].value)
                msg.headers[h].value = phi_view_text(cases[i].value);
            else
                msg.headers[h].name = "gone";
        }
        phi_check(cases[i].name, phi_event_parse(&msg, arena, &back, &error) == PHI_ERR_HEADER);
        phi_check(cases[i].name, strcmp(error.place, cases[i].header) == 0);
        phi_arena_free(arena);
    }
}

/* Tracing is optional: what is malformed is as good as none. */
static void test_envelope_tracing(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "", "00-x", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\n"};
    for (size_t i = 0; i < PHI_COUNT(broken); i++) {
        struct phi_arena *arena = phi_arena_new(64 * 1024);
        struct phi_event event = sample();
        struct phi_event back;
        struct phi_view value;
        event.traceparent = broken[i];
        struct phi_msg msg = as_msg(&event, arena);
        phi_check(broken[i], !phi_msg_header(&msg, "traceparent", &value));
        msg.headers[msg.header_count++] =
            (struct phi_header){.name = "traceparent", .value = phi_view_text(broken[i])};
        assert_ok(phi_event_parse(&msg, arena, &back, NULL));
        phi_check(broken[i], back.traceparent == NULL);
        phi_arena_free(arena);
    }
}

static void break_event(struct phi_event *event, int how)
{
    static uint8_t large[PHI_EVENT_VALUE_MAX + 1];
    switch (how) {
    case 0:
        event->topic = NULL;
        break;
    case 1:
        event->topic = "a b";
        break;
    case 2:
        event->type = NULL;
        break;
    case 3:
        event->source = "with space ";
        break;
    case 4:
        memset(event->id, 0, sizeof(event->id));
        break;
    case 5:
        event->time_us = -1;
        break;
    case 6:
        event->value = phi_view_of(NULL, 0);
        break;
    case 7:
        event->is_tombstone = true;
        break;
    case 8:
        event->value = phi_view_of(large, sizeof(large));
        break;
    case 9:
        event->is_placed = true;
        event->partition = -2;
        break;
    case 10:
        (void)!phi_event_add(event, "ce_id", phi_view_text("x"));
        break;
    case 11:
        (void)!phi_event_add(event, "Upper", phi_view_text("x"));
        break;
    default:
        break;
    }
}

static void test_check(void **state)
{
    (void)state;
    static const struct {
        const char *place;
        enum phi_err err;
    } wants[] = {
        {"topic", PHI_ERR_FIELD_MISSING},  {"topic", PHI_ERR_FIELD_VALUE},
        {"type", PHI_ERR_FIELD_MISSING},   {"source", PHI_ERR_FIELD_VALUE},
        {"id", PHI_ERR_FIELD_MISSING},     {"time", PHI_ERR_FIELD_VALUE},
        {"value", PHI_ERR_FIELD_VALUE},    {"value", PHI_ERR_FIELD_VALUE},
        {"value", PHI_ERR_BODY_TOO_LARGE}, {"partition", PHI_ERR_FIELD_VALUE},
        {"extra", PHI_ERR_FIELD_VALUE},    {"extra", PHI_ERR_FIELD_VALUE},
    };
    for (size_t i = 0; i < PHI_COUNT(wants); i++) {
        struct phi_event event = sample();
        struct phi_error error = {0};
        char name[32];
        snprintf(name, sizeof(name), "%zu %s", i, wants[i].place);
        break_event(&event, (int)i);
        phi_check(name, phi_event_check(&event, &error) == wants[i].err);
        phi_check(name, strcmp(error.place, wants[i].place) == 0);
    }
    struct phi_event fine = sample();
    assert_ok(phi_event_check(&fine, NULL));
    fine.is_tombstone = true;
    fine.value = phi_view_of(NULL, 0);
    assert_ok(phi_event_check(&fine, NULL));
}

struct keys {
    struct phi_sm2_private *private_key;
    struct phi_signer signer;
    struct phi_pinned_key pinned;
};

static void keys_make(struct keys *keys, const char *serial)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_sm2_public *public_key = NULL;
    assert_ok(phi_sm2_private_generate(&keys->private_key));
    phi_sm2_private_public(keys->private_key, xy);
    assert_ok(phi_sm2_public_new(xy, &public_key));
    keys->signer = (struct phi_signer){serial, keys->private_key};
    keys->pinned.key = public_key;
    snprintf(keys->pinned.key_serial, sizeof(keys->pinned.key_serial), "%s", serial);
}

static void keys_free(struct keys *keys)
{
    phi_sm2_private_free(keys->private_key);
    phi_sm2_public_free((struct phi_sm2_public *)keys->pinned.key);
}

static void set_header(struct phi_msg *msg, const char *name, const char *value)
{
    for (size_t i = 0; i < msg->header_count; i++)
        if (strcmp(msg->headers[i].name, name) == 0)
            msg->headers[i].value = phi_view_text(value);
}

static void drop_header(struct phi_msg *msg, const char *name)
{
    for (size_t i = 0; i < msg->header_count; i++)
        if (strcmp(msg->headers[i].name, name) == 0)
            msg->headers[i].name = "gone";
}

static void tamper(struct phi_msg *msg, int how)
{
    static uint8_t other[16];
    switch (how) {
    case 0:
        msg->topic = "phi.330000.code.minted";
        break;
    case 1:
        memcpy(other, subject, 16);
        other[15] ^= 1;
        msg->key = phi_view_of(other, 16);
        break;
    case 2:
        msg->value = phi_view_text("{\"a\":2}");
        break;
    case 3:
        set_header(msg, "phi-version", "8");
        break;
    case 4:
        set_header(msg, "phi-version", "07");
        break;
    case 5:
        set_header(msg, "phi-version", "18446744073709551616");
        break;
    case 6:
        set_header(msg, "phi-key", "ffffffffffffffff");
        break;
    case 7:
        set_header(msg, "phi-signature", "AAAA");
        break;
    case 8:
        drop_header(msg, "phi-signature");
        break;
    case 9:
        drop_header(msg, "phi-version");
        break;
    case 10:
        drop_header(msg, "phi-key");
        break;
    case 11:
        set_header(msg, "phi-key", "2222222222222222");
        break;
    case 12:
        msg->value = phi_view_text("{\"a\":1}\n7\n{\"a\":1}");
        break;
    default:
        break;
    }
}

static void test_signed(void **state)
{
    (void)state;
    static const enum phi_err wants[] = {PHI_ERR_SIGNATURE, PHI_ERR_SIGNATURE,
                                         PHI_ERR_SIGNATURE, PHI_ERR_SIGNATURE,
                                         PHI_ERR_HEADER,    PHI_ERR_HEADER,
                                         PHI_ERR_KEY,       PHI_ERR_HEADER,
                                         PHI_ERR_UNSIGNED,  PHI_ERR_UNSIGNED,
                                         PHI_ERR_UNSIGNED,  PHI_ERR_SIGNATURE,
                                         PHI_ERR_SIGNATURE, PHI_OK};
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    struct keys mine;
    struct keys other;
    keys_make(&mine, "1111111111111111");
    keys_make(&other, "2222222222222222");
    struct phi_pinned_key pinned[] = {other.pinned, mine.pinned};
    struct phi_event event = sample();
    assert_ok(phi_signed_add(&event, &mine.signer, 7, arena));
    for (size_t i = 0; i < PHI_COUNT(wants); i++) {
        struct phi_msg msg = as_msg(&event, arena);
        uint64_t version = 99;
        char name[32];
        snprintf(name, sizeof(name), "tampered %zu", i);
        tamper(&msg, (int)i);
        phi_check(name, phi_signed_verify(&msg, pinned, 2, &version, NULL) == wants[i]);
        phi_check(name, version == (wants[i] == PHI_OK ? 7 : 99));
    }
    struct phi_msg msg = as_msg(&event, arena);
    uint64_t version = 0;
    assert_int_equal(phi_signed_verify(&msg, pinned, 1, &version, NULL), PHI_ERR_KEY);
    keys_free(&mine);
    keys_free(&other);
    phi_arena_free(arena);
}

/* A value with a line feed could be read in two ways: it is never signed. */
/* Many at once say what the single calls say. */
static void test_signed_many(void **state)
{
    (void)state;
    enum { COUNT = 150, TAMPERED = 14 };
    struct phi_arena *arena = phi_arena_new(1024 * 1024);
    struct keys mine;
    keys_make(&mine, "1111111111111111");
    static struct phi_event events[COUNT];
    static struct phi_msg msgs[COUNT];
    static struct phi_signed_job jobs[COUNT];
    uint64_t versions[COUNT];
    enum phi_err errs[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        events[i] = sample();
        versions[i] = 7;
        if (i % 17 == 16)
            events[i].value = phi_view_text("{\n}");
    }
    phi_signed_add_many(events, versions, errs, COUNT, &mine.signer, arena);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(errs[i], i % 17 == 16 ? PHI_ERR_FIELD_VALUE : PHI_OK);
        assert_int_equal(events[i].extra_count, i % 17 == 16 ? 0 : 3);
        msgs[i] = as_msg(&events[i], arena);
        tamper(&msgs[i], (int)(i % TAMPERED));
        jobs[i] = (struct phi_signed_job){
            .msg = &msgs[i], .pinned = &mine.pinned, .pinned_count = 1, .version = 99};
    }
    phi_signed_verify_many(jobs, COUNT, arena);
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t version = 99;
        enum phi_err err = phi_signed_verify(&msgs[i], &mine.pinned, 1, &version, NULL);
        assert_int_equal(jobs[i].err, err);
        assert_int_equal(jobs[i].version, version);
        if (i % 17 != 16 && i % TAMPERED == TAMPERED - 1)
            assert_int_equal(err, PHI_OK);
    }
    keys_free(&mine);
    phi_arena_free(arena);
}

static void test_signed_line_feed(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    struct keys mine;
    keys_make(&mine, "1111111111111111");
    struct phi_event event = sample();
    event.value = phi_view_text("{\n}");
    assert_int_equal(phi_signed_add(&event, &mine.signer, 7, arena), PHI_ERR_FIELD_VALUE);
    assert_int_equal(event.extra_count, 0);
    keys_free(&mine);
    phi_arena_free(arena);
}

static void test_mac(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    struct phi_hmac_key *key = NULL;
    struct phi_hmac_key *wrong = NULL;
    assert_ok(phi_hmac_key_new(phi_view_text("a health-side bus key of 32 bytes"), &key));
    assert_ok(phi_hmac_key_new(phi_view_text("another bus key"), &wrong));
    struct phi_event event = sample();
    assert_ok(phi_mac_add(&event, key, arena));
    struct phi_msg msg = as_msg(&event, arena);
    assert_ok(phi_mac_verify(&msg, key, NULL));
    assert_int_equal(phi_mac_verify(&msg, wrong, NULL), PHI_ERR_SIGNATURE);
    for (int how = 0; how < 3; how++) {
        struct phi_msg broken = msg;
        tamper(&broken, how);
        assert_int_equal(phi_mac_verify(&broken, key, NULL), PHI_ERR_SIGNATURE);
    }
    struct phi_msg broken = msg;
    set_header(&broken, "phi-mac", "AAAA");
    assert_int_equal(phi_mac_verify(&broken, key, NULL), PHI_ERR_HEADER);
    drop_header(&broken, "phi-mac");
    assert_int_equal(phi_mac_verify(&broken, key, NULL), PHI_ERR_UNSIGNED);
    phi_hmac_key_free(key);
    phi_hmac_key_free(wrong);
    phi_arena_free(arena);
}

static struct phi_dlq *open_dlq(const struct phi_seal_key *key)
{
    struct phi_dlq *dlq = NULL;
    assert_ok(phi_dlq_open(
        &(struct phi_dlq_options){.region = "320000", .program = "svc-directory", .seal_key = key},
        &dlq, NULL));
    return dlq;
}

static void test_letter(void **state)
{
    (void)state;
    static const char secret[] = "{\"name\":\"personal\"}";
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    struct phi_seal_key *key = NULL;
    assert_ok(phi_seal_key_new(7, phi_view_text("0123456789abcdef0123456789abcdef"), &key));
    struct phi_dlq *dlq = open_dlq(key);
    struct phi_event event = sample();
    event.value = phi_view_text(secret);
    struct phi_msg msg = as_msg(&event, arena);
    struct phi_event letter;
    assert_ok(phi_dlq_write(dlq, &msg, PHI_ERR_JSON, arena, &letter));
    assert_string_equal(letter.topic, "phi.320000.dlq.svc-directory");
    assert_int_equal(letter.key.len, 0);
    assert_null(memmem(letter.value.data, letter.value.len, "personal", 8));
    assert_ok(phi_event_check(&letter, NULL));

    struct phi_msg carried = as_msg(&letter, arena);
    struct phi_msg back;
    const char *reason = NULL;
    assert_ok(phi_dlq_read(&carried, key, arena, &back, &reason, NULL));
    assert_string_equal(reason, "json");
    assert_string_equal(back.topic, msg.topic);
    assert_int_equal(back.partition, 3);
    assert_int_equal(back.offset, 42);
    assert_true(phi_view_equal(back.value, msg.value));
    assert_true(phi_view_equal(back.key, msg.key));
    assert_int_equal(back.header_count, msg.header_count);
    assert_string_equal(back.headers[0].name, msg.headers[0].name);

    uint8_t *bytes = (uint8_t *)letter.value.data;
    for (size_t i = 0; i < letter.value.len; i += 7) {
        bytes[i] ^= 0x10;
        assert_int_equal(phi_dlq_read(&carried, key, arena, &back, &reason, NULL),
                         PHI_ERR_DATA_BROKEN);
        bytes[i] ^= 0x10;
    }
    drop_header(&carried, "phi-dlq-reason");
    assert_int_equal(phi_dlq_read(&carried, key, arena, &back, &reason, NULL), PHI_ERR_HEADER);
    phi_dlq_close(dlq);
    phi_seal_key_free(key);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_envelope_broken),
        cmocka_unit_test(test_envelope_tracing),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_signed_line_feed),
        cmocka_unit_test(test_signed_many),
        cmocka_unit_test(test_mac),
        cmocka_unit_test(test_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
