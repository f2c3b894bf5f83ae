/* The registry of callers: forms of records, pinned owner, rising versions, snapshots. */
#include "auth/registry.h"
#include "case.h"
#include "test_auth_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURVE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct test_key owner;
static struct test_key app;

static int set_up(void **state)
{
    (void)state;
    test_key_make(&owner);
    test_key_make(&app);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_key_drop(&owner);
    test_key_drop(&app);
    return 0;
}

static void records_have_their_form(void **state)
{
    static const struct {
        const char *name;
        const char *key;
        const char *value;
        enum phi_err err;
    } cases[] = {
        {"peer", "peer:" CURVE,
         "{\"kind\":\"peer\",\"curve\":\"" CURVE
         "\",\"platform\":\"320000\",\"program\":\"svc-directory\","
         "\"scopes\":[\"pass\"]}",
         PHI_OK},
        {"peer, more members", "peer:" CURVE,
         "{\"kind\":\"peer\",\"curve\":\"" CURVE
         "\",\"platform\":\"320000\",\"program\":\"p\",\"x\":1}",
         PHI_OK},
        {"peer under another key", "peer:" CURVE "0",
         "{\"kind\":\"peer\",\"curve\":\"" CURVE "\",\"platform\":\"320000\",\"program\":\"p\"}",
         PHI_ERR_FIELD_VALUE},
        {"peer as an app", "app:" CURVE,
         "{\"kind\":\"peer\",\"curve\":\"" CURVE "\",\"platform\":\"320000\",\"program\":\"p\"}",
         PHI_ERR_FIELD_VALUE},
        {"peer, curve short", "peer:00",
         "{\"kind\":\"peer\",\"curve\":\"00\",\"platform\":\"320000\",\"program\":\"p\"}",
         PHI_ERR_FIELD_VALUE},
        {"peer, platform of letters", "peer:" CURVE,
         "{\"kind\":\"peer\",\"curve\":\"" CURVE "\",\"platform\":\"32000x\",\"program\":\"p\"}",
         PHI_ERR_FIELD_VALUE},
        {"unknown kind", "x:1", "{\"kind\":\"x\"}", PHI_ERR_FIELD_VALUE},
        {"no kind", "x:1", "{}", PHI_ERR_FIELD_MISSING},
        {"not an object", "x:1", "[]", PHI_ERR_FIELD_TYPE},
        {"not JSON", "x:1", "{", PHI_ERR_JSON},
        {"empty", "x:1", "", PHI_ERR_JSON},
        {"unknown status", "x:1", "{\"kind\":\"peer\",\"status\":\"x\"}", PHI_ERR_FIELD_VALUE},
        {"provider without URL", "provider:i", "{\"kind\":\"provider\",\"issuer\":\"i\"}",
         PHI_ERR_FIELD_MISSING},
        {"provider of another kind", "provider:i",
         "{\"kind\":\"provider\",\"issuer\":\"i\",\"jwksUrl\":\"https://x/\",\"serves\":\"x\"}",
         PHI_ERR_FIELD_VALUE},
        {"staff", "staff:i|s",
         "{\"kind\":\"staff\",\"issuer\":\"i\",\"sub\":\"s\",\"unit\":\"u\",\"roles\":[\"decide\"]"
         "}",
         PHI_OK},
        {"staff, role not a text", "staff:i|s",
         "{\"kind\":\"staff\",\"issuer\":\"i\",\"sub\":\"s\",\"unit\":\"u\",\"roles\":[1]}",
         PHI_ERR_FIELD_TYPE},
        {"app without keys", "app:a",
         "{\"kind\":\"app\",\"appId\":\"a\",\"name\":\"n\",\"clientId\":\"c\",\"keys\":[]}",
         PHI_ERR_FIELD_VALUE},
        {"app, key not on the curve", "app:a",
         "{\"kind\":\"app\",\"appId\":\"a\",\"name\":\"n\",\"clientId\":\"c\",\"keys\":[{"
         "\"serial\":"
         "\"0123456789abcdef\",\"public\":\"" CURVE CURVE "\"}]}",
         PHI_ERR_FIELD_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_error error = {.code = PHI_OK};
        enum phi_err err =
            phi_registry_check(phi_view_text(cases[i].key), phi_view_text(cases[i].value), &error);
        phi_check(cases[i].name, err == cases[i].err);
        phi_check(cases[i].name, err == PHI_OK || error.code == err);
    }
}

static void an_app_is_found_with_its_keys_in_force(void **state)
{
    struct phi_registry *registry = test_registry(&owner);
    char *json = test_app_json(&app, "active");
    (void)state;
    assert_false(phi_registry_is_usable(registry));
    assert_int_equal(test_put(registry, &owner, "app:hz-app", 1, json), PHI_OK);
    assert_true(phi_registry_is_usable(registry));
    const struct phi_registry_view *view = phi_registry_acquire(registry);
    const struct phi_registry_app *found = phi_registry_app(view, "hz-app");
    assert_non_null(found);
    assert_null(phi_registry_app(view, "hz-ap"));
    assert_null(phi_registry_app(view, ""));
    assert_true(phi_words_has(&found->roles, "mint"));
    assert_false(phi_words_has(&found->roles, "min"));
    assert_non_null(phi_registry_app_key(found, app.serial, TEST_NOW_US));
    assert_null(phi_registry_app_key(found, owner.serial, TEST_NOW_US));
    assert_null(phi_registry_app_key(found, app.serial, TEST_NOW_US * 2));
    assert_null(phi_registry_app_key(found, app.serial, 0));
    phi_registry_close(registry);
    /* a view outlives its registry */
    assert_string_equal(found->name, "杭州");
    phi_registry_release(view);
    free(json);
}

static void staff_and_providers_are_found(void **state)
{
    struct phi_registry *registry = test_registry(&owner);
    struct phi_arena *arena = phi_arena_new(4096);
    const struct phi_registry_view *view = NULL;
    (void)state;
    assert_int_equal(phi_registry_hold(registry, arena, &view), PHI_OK);
    assert_int_equal(phi_registry_provider(view, TEST_STAFF)->kind, PHI_PROVIDER_STAFF);
    assert_null(phi_registry_provider(view, "https://id.example"));
    assert_string_equal(phi_registry_staff(view, TEST_STAFF, "officer-1")->unit, "cdc");
    assert_null(phi_registry_staff(view, TEST_STAFF, "officer-2"));
    assert_null(phi_registry_staff(view, TEST_STAFF "|officer-1", ""));
    phi_arena_free(arena);
    phi_registry_close(registry);
}

static int changes;
static void on_changed(void *context)
{
    (void)context;
    changes++;
}

static struct phi_registry *registry_that_tells(void)
{
    struct phi_registry *registry = NULL;
    struct phi_registry_options options = {.region = "320000", .changed = on_changed};
    memcpy(options.owner, owner.xy, sizeof(options.owner));
    assert_int_equal(phi_registry_open(&options, &registry, NULL), PHI_OK);
    changes = 0;
    return registry;
}

static void peers_come_and_go(void **state)
{
    static const char *const forms[] = {
        "{\"kind\":\"peer\",\"curve\":\"" CURVE "\",\"platform\":\"320000\",\"program\":\"p\"}",
        "{\"kind\":\"peer\",\"curve\":\"" CURVE "\",\"platform\":\"320000\",\"program\":\"p\","
        "\"status\":\"suspended\"}"};
    struct phi_registry *registry = registry_that_tells();
    uint8_t curve[32];
    (void)state;
    assert_int_equal(phi_hex_decode(phi_view_text(CURVE), curve, sizeof(curve)), PHI_OK);
    assert_int_equal(test_put(registry, &owner, "peer:" CURVE, 1, forms[0]), PHI_OK);
    assert_int_equal(changes, 1);
    const struct phi_registry_view *view = phi_registry_acquire(registry);
    assert_string_equal(phi_registry_peer(view, curve)->platform, "320000");
    assert_non_null(phi_registry_peer_at(view, 0));
    assert_null(phi_registry_peer_at(view, 1));
    assert_int_equal(test_put(registry, &owner, "peer:" CURVE, 2, forms[1]), PHI_OK);
    const struct phi_registry_view *later = phi_registry_acquire(registry);
    assert_null(phi_registry_peer(later, curve));
    assert_null(phi_registry_peer_at(later, 0));
    assert_non_null(phi_registry_peer(view, curve));
    phi_registry_release(view);
    phi_registry_release(later);
    phi_registry_close(registry);
}

static void only_the_owner_and_newer_versions_count(void **state)
{
    static const char form[] =
        "{\"kind\":\"peer\",\"curve\":\"" CURVE "\",\"platform\":\"320000\",\"program\":\"p\"}";
    struct phi_registry *registry = registry_that_tells();
    struct phi_arena *arena = phi_arena_new(65536);
    (void)state;
    struct phi_record good = test_record(&owner, TEST_TOPIC, "peer:" CURVE, 7, form, arena);
    struct phi_record foreign = test_record(&app, TEST_TOPIC, "peer:" CURVE, 9, form, arena);
    struct phi_record elsewhere =
        test_record(&owner, "phi.330000.access.registry", "peer:" CURVE, 9, form, arena);
    struct phi_record raised = good;
    struct phi_record posing = foreign;
    raised.version = 8;
    posing.key_serial = good.key_serial;
    assert_int_equal(phi_registry_apply(registry, &foreign, NULL), PHI_ERR_KEY);
    assert_int_equal(phi_registry_apply(registry, &posing, NULL), PHI_ERR_SIGNATURE);
    assert_int_equal(phi_registry_apply(registry, &elsewhere, NULL), PHI_ERR_SIGNATURE);
    assert_int_equal(phi_registry_apply(registry, &raised, NULL), PHI_ERR_SIGNATURE);
    assert_int_equal(phi_registry_count(registry), 0);
    assert_int_equal(phi_registry_apply(registry, &good, NULL), PHI_OK);
    assert_int_equal(phi_registry_apply(registry, &good, NULL), PHI_ERR_STATE);
    assert_int_equal(test_put(registry, &owner, "peer:" CURVE, 6, form), PHI_ERR_STATE);
    assert_int_equal(test_put(registry, &owner, "peer:" CURVE, 8, form), PHI_OK);
    assert_int_equal(phi_registry_count(registry), 1);
    assert_int_equal(changes, 2);
    phi_arena_free(arena);
    phi_registry_close(registry);
}

static void many_records_are_kept_in_order(void **state)
{
    struct phi_registry *registry = registry_that_tells();
    (void)state;
    for (int i = 0; i < 200; i++) {
        char key[64];
        char value[256];
        int sub = (i * 77) % 200;
        (void)snprintf(key, sizeof(key), "staff:i|s%d", sub);
        (void)snprintf(value, sizeof(value),
                       "{\"kind\":\"staff\",\"issuer\":\"i\",\"sub\":\"s%d\",\"unit\":\"u\"}", sub);
        assert_int_equal(test_put(registry, &owner, key, 1, value), PHI_OK);
    }
    const struct phi_registry_view *view = phi_registry_acquire(registry);
    for (int i = 0; i < 200; i++) {
        char sub[16];
        (void)snprintf(sub, sizeof(sub), "s%d", i);
        assert_string_equal(phi_registry_staff(view, "i", sub)->sub, sub);
    }
    phi_registry_release(view);
    phi_registry_close(registry);
}

static void a_wrong_pin_is_refused(void **state)
{
    struct phi_registry *registry = NULL;
    struct phi_registry_options options = {.region = "320000"};
    struct phi_error error = {.code = PHI_OK};
    (void)state;
    assert_int_not_equal(phi_registry_open(&options, &registry, &error), PHI_OK);
    assert_null(registry);
    assert_int_not_equal(error.code, PHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_have_their_form),
        cmocka_unit_test(an_app_is_found_with_its_keys_in_force),
        cmocka_unit_test(staff_and_providers_are_found),
        cmocka_unit_test(peers_come_and_go),
        cmocka_unit_test(only_the_owner_and_newer_versions_count),
        cmocka_unit_test(many_records_are_kept_in_order),
        cmocka_unit_test(a_wrong_pin_is_refused),
    };
    return cmocka_run_group_tests_name("auth: registry", tests, set_up, tear_down);
}
