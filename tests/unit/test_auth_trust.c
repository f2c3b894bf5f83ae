/* The trust list: written, read back, signed, taken in; versions only rise; lookups by what a code
 * names. */
#include "auth/trust.h"
#include "case.h"
#include "test_auth_support.h"

#include <stdio.h>
#include <string.h>

static struct test_key owner;
static struct test_key code_key;
static struct test_key receipt_key;
static int64_t now_us = TEST_NOW_US;

static int64_t test_now(void *context)
{
    (void)context;
    return now_us;
}
static const struct phi_clock test_clock = {.now_us = test_now};

static int set_up(void **state)
{
    (void)state;
    test_key_make(&owner);
    test_key_make(&code_key);
    test_key_make(&receipt_key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_key_drop(&owner);
    test_key_drop(&code_key);
    test_key_drop(&receipt_key);
    return 0;
}

static struct phi_view encoded(uint64_t version, struct phi_arena *arena)
{
    struct phi_trust_key keys[2] = {
        {.use = PHI_TRUST_CODE,
         .key_set_id = 7,
         .from_us = 1000000,
         .to_us = TEST_NOW_US + 1000000},
        {.use = PHI_TRUST_RECEIPT, .to_us = INT64_MAX},
    };
    memcpy(keys[0].xy, code_key.xy, sizeof(keys[0].xy));
    memcpy(keys[0].serial, code_key.serial, sizeof(keys[0].serial));
    memcpy(keys[1].xy, receipt_key.xy, sizeof(keys[1].xy));
    memcpy(keys[1].serial, receipt_key.serial, sizeof(keys[1].serial));
    const struct phi_trust_endpoint verify = {.address = "tcp://127.0.0.1:5102",
                                              .curve = {1, 2, 3}};
    const struct phi_trust_platform platforms[2] = {
        {.id = "320000",
         .name = "江苏",
         .keys = keys,
         .key_count = 2,
         .endpoints = {&verify},
         .endpoint_counts = {1}},
        {.id = "330000", .name = "浙江", .status = PHI_TRUST_SUSPENDED},
    };
    const struct phi_trust_list list = {
        .version = version, .issued_us = TEST_NOW_US, .platforms = platforms, .platform_count = 2};
    struct phi_view out = {NULL, 0};
    assert_int_equal(phi_trust_encode(&list, arena, &out, NULL), PHI_OK);
    return out;
}

static struct phi_trust *trust_open(void)
{
    struct phi_trust *trust = NULL;
    struct phi_trust_options options = {.clock = &test_clock};
    memcpy(options.owner, owner.xy, sizeof(options.owner));
    assert_int_equal(phi_trust_open(&options, &trust, NULL), PHI_OK);
    return trust;
}

static struct phi_record signed_list(const struct test_key *by, uint64_t version, uint64_t said,
                                     struct phi_arena *arena)
{
    const struct phi_signer signer = {.key_serial = by->serial, .key = by->private_key};
    struct phi_record record = {.key = phi_view_text(PHI_TRUST_KEY), .version = version};
    record.value = encoded(said, arena);
    assert_int_equal(phi_record_sign(PHI_TRUST_TOPIC, &signer, arena, &record), PHI_OK);
    return record;
}

static void a_list_is_read_as_it_was_written(void **state)
{
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct phi_trust_list list;
    struct phi_view again;
    (void)state;
    struct phi_view json = encoded(3, arena);
    assert_int_equal(phi_trust_decode(json, arena, &list, NULL), PHI_OK);
    assert_int_equal(list.platform_count, 2);
    assert_string_equal(list.platforms[0].name, "江苏");
    assert_int_equal(list.platforms[0].keys[0].key_set_id, 7);
    assert_int_equal(list.platforms[0].keys[1].to_us, INT64_MAX);
    assert_string_equal(list.platforms[0].endpoints[PHI_TRUST_VERIFY][0].address,
                        "tcp://127.0.0.1:5102");
    assert_int_equal(phi_trust_encode(&list, arena, &again, NULL), PHI_OK);
    assert_true(phi_view_equal(json, again));
    phi_arena_free(arena);
}

static void lookups_go_by_use_and_time(void **state)
{
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct phi_trust *trust = trust_open();
    (void)state;
    assert_false(phi_trust_is_usable(trust));
    assert_int_equal(phi_trust_age_s(trust), -1);
    struct phi_record record = signed_list(&owner, 3, 3, arena);
    assert_int_equal(phi_trust_apply(trust, &record, NULL), PHI_OK);
    const struct phi_trust_view *view = phi_trust_acquire(trust);
    const struct phi_trust_platform *platform = phi_trust_platform(view, "320000");
    assert_non_null(platform);
    assert_null(phi_trust_platform(view, "310000"));
    assert_int_equal(phi_trust_platform(view, "330000")->status, PHI_TRUST_SUSPENDED);
    assert_non_null(phi_trust_code_key(platform, 7, TEST_NOW_US));
    assert_null(phi_trust_code_key(platform, 8, TEST_NOW_US));
    assert_null(phi_trust_code_key(platform, 7, 999999));
    assert_null(phi_trust_code_key(platform, 7, TEST_NOW_US + 1000000));
    assert_non_null(phi_trust_key(platform, PHI_TRUST_RECEIPT, receipt_key.serial, TEST_NOW_US));
    assert_null(phi_trust_key(platform, PHI_TRUST_CODE, receipt_key.serial, TEST_NOW_US));
    phi_trust_close(trust);
    assert_non_null(phi_trust_code_key(platform, 7, TEST_NOW_US)->public_key);
    phi_trust_release(view);
    phi_arena_free(arena);
}

static void only_the_owner_and_newer_versions_count(void **state)
{
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct phi_trust *trust = trust_open();
    (void)state;
    struct phi_record three = signed_list(&owner, 3, 3, arena);
    struct phi_record two = signed_list(&owner, 2, 2, arena);
    struct phi_record foreign = signed_list(&code_key, 4, 4, arena);
    struct phi_record lying = signed_list(&owner, 5, 4, arena);
    assert_int_equal(phi_trust_apply(trust, &three, NULL), PHI_OK);
    now_us += 30 * 1000000;
    assert_int_equal(phi_trust_age_s(trust), 30);
    assert_int_equal(phi_trust_apply(trust, &two, NULL), PHI_ERR_STATE);
    assert_int_equal(phi_trust_age_s(trust), 30);
    assert_int_equal(phi_trust_apply(trust, &foreign, NULL), PHI_ERR_KEY);
    assert_int_equal(phi_trust_apply(trust, &lying, NULL), PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_trust_apply(trust, &three, NULL), PHI_ERR_STATE);
    assert_int_equal(phi_trust_age_s(trust), 0);
    struct phi_trust_reader reader = {0};
    const struct phi_trust_view *view = phi_trust_acquire(trust);
    assert_ptr_equal(phi_trust_read(trust, &reader), view);
    assert_ptr_equal(phi_trust_read(trust, &reader), view);
    struct phi_record six = signed_list(&owner, 6, 6, arena);
    assert_int_equal(phi_trust_apply(trust, &six, NULL), PHI_OK);
    assert_int_equal(phi_trust_list(phi_trust_read(trust, &reader))->version, 6);
    phi_trust_reader_drop(&reader);
    assert_int_equal(phi_trust_list(view)->version, 3);
    assert_true(phi_view_equal(phi_trust_json(view), three.value));
    phi_trust_release(view);
    phi_trust_close(trust);
    phi_arena_free(arena);
}

static void a_list_has_its_age_and_its_grace(void **state)
{
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct phi_trust *trust = NULL;
    struct phi_trust_options options = {.clock = &test_clock, .grace_s = 3 * PHI_TRUST_FRESH_S};
    (void)state;
    memcpy(options.owner, owner.xy, sizeof(options.owner));
    assert_int_equal(phi_trust_open(&options, &trust, NULL), PHI_OK);
    struct phi_record record = signed_list(&owner, 3, 3, arena);
    now_us = TEST_NOW_US + 3600 * INT64_C(1000000);
    assert_int_equal(phi_trust_apply(trust, &record, NULL), PHI_OK);
    assert_int_equal(phi_trust_age_s(trust), 0);
    assert_int_equal(phi_trust_version(trust), 3);
    /* said again and again, a list is at most a day younger than its issue */
    now_us = TEST_NOW_US + 3 * PHI_TRUST_FRESH_S * INT64_C(1000000);
    assert_int_equal(phi_trust_apply(trust, &record, NULL), PHI_ERR_STATE);
    assert_int_equal(phi_trust_age_s(trust), 2 * PHI_TRUST_FRESH_S);
    assert_true(phi_trust_is_usable(trust));
    now_us += (PHI_TRUST_FRESH_S + 1) * INT64_C(1000000);
    assert_int_equal(phi_trust_apply(trust, &record, NULL), PHI_ERR_STATE);
    assert_false(phi_trust_is_usable(trust));
    phi_trust_close(trust);
    phi_arena_free(arena);
    now_us = TEST_NOW_US;
}

#define HEAD "{\"version\":1,\"issuedAt\":\"2026-01-01T00:00:00Z\",\"platforms\":["
#define X64  "0000000000000000000000000000000000000000000000000000000000000000"

static void broken_lists_are_refused(void **state)
{
    static const struct {
        const char *name;
        const char *json;
        enum phi_err err;
    } cases[] = {
        {"no platforms", HEAD "]}", PHI_OK},
        {"two of one id",
         HEAD "{\"id\":\"320000\",\"name\":\"a\",\"status\":\"active\",\"keys\":[]},"
              "{\"id\":\"320000\",\"name\":\"a\",\"status\":\"active\",\"keys\":[]}]}",
         PHI_ERR_FIELD_VALUE},
        {"id of letters",
         HEAD "{\"id\":\"32000a\",\"name\":\"a\",\"status\":\"active\",\"keys\":[]}]}",
         PHI_ERR_FIELD_VALUE},
        {"unknown status", HEAD "{\"id\":\"320000\",\"name\":\"a\",\"status\":\"x\",\"keys\":[]}]}",
         PHI_ERR_FIELD_VALUE},
        {"unknown use",
         HEAD
         "{\"id\":\"320000\",\"name\":\"a\",\"status\":\"active\",\"keys\":[{\"use\":\"x\"}]}]}",
         PHI_ERR_FIELD_VALUE},
        {"code key without its set",
         HEAD
         "{\"id\":\"320000\",\"name\":\"a\",\"status\":\"active\",\"keys\":[{\"use\":\"code\"}]}]}",
         PHI_ERR_FIELD_MISSING},
        {"key set past a byte",
         HEAD "{\"id\":\"320000\",\"name\":\"a\",\"status\":\"active\",\"keys\":[{\"use\":\"code\","
              "\"keySetId\":256}]}]}",
         PHI_ERR_FIELD_VALUE},
        {"key not on the curve",
         HEAD
         "{\"id\":\"320000\",\"name\":\"a\",\"status\":\"active\",\"keys\":[{\"use\":\"receipt\","
         "\"serial\":\"0000000000000000\",\"public\":\"" X64 X64 "\"}]}]}",
         PHI_ERR_FIELD_VALUE},
        {"version 0", "{\"version\":0,\"issuedAt\":\"2026-01-01T00:00:00Z\",\"platforms\":[]}",
         PHI_ERR_FIELD_VALUE},
        {"no date", "{\"version\":1,\"issuedAt\":\"2026-13-01\",\"platforms\":[]}",
         PHI_ERR_FIELD_VALUE},
        {"not an object", "[]", PHI_ERR_FIELD_TYPE},
        {"not JSON", "{", PHI_ERR_JSON},
    };
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_trust_list list;
        struct phi_arena *arena = phi_arena_new(1 << 20);
        phi_check(cases[i].name, phi_trust_decode(phi_view_text(cases[i].json), arena, &list,
                                                  NULL) == cases[i].err);
        phi_arena_free(arena);
    }
}

static void a_list_that_readers_would_refuse_is_not_written(void **state)
{
    const struct phi_trust_platform platforms[2] = {{.id = "330000", .name = "b"},
                                                    {.id = "320000", .name = "a"}};
    const struct phi_trust_list list = {
        .version = 1, .issued_us = TEST_NOW_US, .platforms = platforms, .platform_count = 2};
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct phi_view out;
    (void)state;
    assert_int_equal(phi_trust_encode(&list, arena, &out, NULL), PHI_ERR_FIELD_VALUE);
    phi_arena_free(arena);
}

static void uses_have_names(void **state)
{
    (void)state;
    for (int use = 0; use < PHI_TRUST_USE_COUNT; use++) {
        enum phi_trust_use out = PHI_TRUST_USE_COUNT;
        assert_int_equal(phi_trust_use_from_name(phi_trust_use_name((enum phi_trust_use)use), &out),
                         PHI_OK);
        assert_int_equal(out, use);
    }
    enum phi_trust_use out = PHI_TRUST_CODE;
    assert_int_equal(phi_trust_use_from_name("x", &out), PHI_ERR_FIELD_VALUE);
}

static void one_key(struct phi_trust_key *out, const struct test_key *key,
                    enum phi_trust_holder holder, int64_t to_us)
{
    *out = (struct phi_trust_key){.use = PHI_TRUST_ENCRYPTION, .holder = holder, .to_us = to_us};
    memcpy(out->xy, key->xy, sizeof(out->xy));
    memcpy(out->serial, key->serial, sizeof(out->serial));
}

/* Written and read back, then asked; how many keys, of which the first has this serial. */
static void seals_to(const struct phi_trust_key *keys, size_t count, enum phi_trust_holder holder,
                     size_t wanted, const char *serial)
{
    struct phi_arena *arena = phi_arena_new(1 << 20);
    const struct phi_trust_platform platform = {
        .id = "320000", .name = "a", .keys = keys, .key_count = count};
    const struct phi_trust_list list = {
        .version = 1, .issued_us = TEST_NOW_US, .platforms = &platform, .platform_count = 1};
    const struct phi_trust_key *found[4];
    struct phi_trust_list read;
    struct phi_view json;
    assert_int_equal(phi_trust_encode(&list, arena, &json, NULL), PHI_OK);
    assert_int_equal(phi_trust_decode(json, arena, &read, NULL), PHI_OK);
    size_t told = phi_trust_encryption_keys(&read.platforms[0], holder, TEST_NOW_US, found, 4);
    assert_int_equal(told, wanted);
    if (serial != NULL)
        assert_string_equal(found[0]->serial, serial);
    phi_arena_free(arena);
}

static void an_envelope_is_sealed_to_the_service_that_is_meant(void **state)
{
    struct phi_trust_key keys[3];
    (void)state;
    one_key(&keys[0], &owner, PHI_TRUST_FOR_VERIFY, INT64_MAX);
    one_key(&keys[1], &code_key, PHI_TRUST_FOR_DIRECTORY, INT64_MAX);
    one_key(&keys[2], &receipt_key, PHI_TRUST_FOR_OTHER, INT64_MAX);
    seals_to(keys, 3, PHI_TRUST_FOR_VERIFY, 1, owner.serial);
    seals_to(keys, 3, PHI_TRUST_FOR_DIRECTORY, 1, code_key.serial);
    seals_to(keys, 3, PHI_TRUST_FOR_DECLARE, 0, NULL);
    keys[2].holder = PHI_TRUST_FOR_ANY; /* lists of before name nobody: sealed to as ever */
    seals_to(keys, 3, PHI_TRUST_FOR_DECLARE, 1, receipt_key.serial);
    seals_to(keys, 3, PHI_TRUST_FOR_VERIFY, 2, owner.serial);
    keys[0].to_us = TEST_NOW_US; /* over */
    seals_to(keys, 3, PHI_TRUST_FOR_VERIFY, 1, receipt_key.serial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read_as_it_was_written),
        cmocka_unit_test(lookups_go_by_use_and_time),
        cmocka_unit_test(only_the_owner_and_newer_versions_count),
        cmocka_unit_test(a_list_has_its_age_and_its_grace),
        cmocka_unit_test(broken_lists_are_refused),
        cmocka_unit_test(a_list_that_readers_would_refuse_is_not_written),
        cmocka_unit_test(uses_have_names),
        cmocka_unit_test(an_envelope_is_sealed_to_the_service_that_is_meant),
    };
    return cmocka_run_group_tests_name("auth: trust list", tests, set_up, tear_down);
}
