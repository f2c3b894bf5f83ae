#include "test_auth_support.h"

#include "case.h"
#include "crypto/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void test_key_make(struct test_key *key)
{
    assert_int_equal(phi_sm2_private_generate(&key->private_key), PHI_OK);
    phi_sm2_private_public(key->private_key, key->xy);
    phi_hex_encode(phi_view_of(key->xy, sizeof(key->xy)), key->hex);
    assert_int_equal(phi_key_id_of(key->xy, key->serial), PHI_OK);
}

void test_key_drop(struct test_key *key)
{
    phi_sm2_private_free(key->private_key);
    key->private_key = NULL;
}

struct phi_record test_record(const struct test_key *owner, const char *topic, const char *key,
                              uint64_t version, const char *value, struct phi_arena *arena)
{
    const struct phi_signer signer = {.key_serial = owner->serial, .key = owner->private_key};
    struct phi_record record = {
        .key = phi_view_text(key), .version = version, .value = phi_view_text(value)};
    assert_int_equal(phi_record_sign(topic, &signer, arena, &record), PHI_OK);
    return record;
}

enum phi_err test_put(struct phi_registry *registry, const struct test_key *owner, const char *key,
                      uint64_t version, const char *value)
{
    struct phi_error detail = {.code = PHI_OK};
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_record record = test_record(owner, TEST_TOPIC, key, version, value, arena);
    enum phi_err err = phi_registry_apply(registry, &record, &detail);
    phi_arena_free(arena);
    return err;
}

char *test_app_json(const struct test_key *app, const char *status)
{
    char *json = NULL;
    assert_true(
        asprintf(&json,
                 "{\"kind\":\"app\",\"appId\":\"hz-app\",\"name\":\"杭州\",\"status\":\"%s\","
                 "\"clientId\":\"client-1\",\"keys\":[{\"serial\":\"%s\",\"public\":\"%s\","
                 "\"from\":\"2023-01-01T00:00:00+08:00\",\"to\":\"2024-01-01T00:00:00+08:00\"}],"
                 "\"roles\":[\"mint\",\"query\"],\"scopes\":[\"pass\"],\"sources\":[]}",
                 status, app->serial, app->hex) > 0);
    return json;
}

struct phi_registry *test_registry(const struct test_key *owner)
{
    struct phi_registry *registry = NULL;
    struct phi_registry_options options = {.region = "320000"};
    memcpy(options.owner, owner->xy, sizeof(options.owner));
    assert_int_equal(phi_registry_open(&options, &registry, NULL), PHI_OK);
    assert_int_equal(test_put(registry, owner, "provider:" TEST_CITIZEN, 1,
                              "{\"kind\":\"provider\",\"issuer\":\"" TEST_CITIZEN "\",\"jwksUrl\":"
                              "\"https://id.example/citizens/jwks\",\"serves\":\"citizen\","
                              "\"acr\":\"real-name\"}"),
                     PHI_OK);
    assert_int_equal(test_put(registry, owner, "provider:" TEST_STAFF, 1,
                              "{\"kind\":\"provider\",\"issuer\":\"" TEST_STAFF "\",\"jwksUrl\":"
                              "\"https://id.example/staff/jwks\",\"serves\":\"staff\"}"),
                     PHI_OK);
    assert_int_equal(test_put(registry, owner, "staff:" TEST_STAFF "|officer-1", 1,
                              "{\"kind\":\"staff\",\"issuer\":\"" TEST_STAFF
                              "\",\"sub\":\"officer-1\","
                              "\"unit\":\"cdc\",\"roles\":[\"decide\"],\"regions\":[\"320000\"],"
                              "\"sources\":[\"self\"]}"),
                     PHI_OK);
    return registry;
}
