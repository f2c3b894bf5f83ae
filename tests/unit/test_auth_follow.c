/* Registry and trust list on a topic and in a table: followed, kept, and there again without the
 * broker. */
#include "auth/registry.h"
#include "auth/trust.h"
#include "bus_kit.h"
#include "case.h"
#include "store/migrate.h"
#include "test_auth_support.h"

#define CURVE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define WHO   "\"platform\":\"320000\",\"program\":\"p\""
#define PEER  "{\"kind\":\"peer\",\"curve\":\"" CURVE "\"," WHO "}"

static struct test_key owner;
static struct test_key stranger;
static struct kit_cluster cluster;
static struct phi_store *store;
static struct phi_producer *producer;

static int set_up(void **state)
{
    static const struct phi_migration migrations[] = {{1, "auth", phi_auth_ddl}};
    const char *conninfo = getenv("PHI_TEST_DB"); /* NOLINT(concurrency-mt-unsafe) */
    (void)state;
    if (conninfo == NULL) {
        (void)fprintf(stderr, "run me as: tests/tools/with-postgres <program>\n");
        exit(2); /* NOLINT(concurrency-mt-unsafe) */
    }
    const struct phi_store_options options = {.conninfo = conninfo, .schema = "auth_follow"};
    assert_ok(phi_migrate(conninfo, "auth_follow", migrations, 1, NULL));
    assert_ok(phi_store_open(&options, &store, NULL));
    test_key_make(&owner);
    test_key_make(&stranger);
    cluster = kit_cluster_open();
    kit_topic(&cluster, TEST_TOPIC, 1);
    kit_topic(&cluster, PHI_TRUST_TOPIC, 1);
    producer = kit_producer(&cluster, 5000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    phi_producer_close(producer);
    kit_cluster_close(&cluster);
    phi_store_close(store);
    test_key_drop(&owner);
    test_key_drop(&stranger);
    return 0;
}

static void publish(const struct test_key *by, const char *topic, const char *key, uint64_t version,
                    const char *value)
{
    struct phi_event event;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_record record = test_record(by, topic, key, version, value, arena);
    assert_ok(phi_record_event(topic, &record, "/320000/test", arena, &event));
    assert_ok(phi_producer_send(producer, &event, NULL, NULL));
    assert_ok(phi_producer_flush(producer, phi_deadline_in_ms(5000)));
    phi_arena_free(arena);
}

static struct phi_registry *registry_open(const char *brokers)
{
    struct phi_registry *registry = NULL;
    struct phi_registry_options options = {.region = "320000", .brokers = brokers, .store = store};
    memcpy(options.owner, owner.xy, sizeof(options.owner));
    assert_ok(phi_registry_open(&options, &registry, NULL));
    return registry;
}

static bool has_peer(struct phi_registry *registry)
{
    const struct phi_registry_view *view = phi_registry_acquire(registry);
    bool has = phi_registry_peer_at(view, 0) != NULL;
    phi_registry_release(view);
    return has;
}

static void records_are_followed_and_kept(void **state)
{
    (void)state;
    publish(&stranger, TEST_TOPIC, "staff:i|s", 5, "{\"kind\":\"staff\"}");
    publish(&owner, TEST_TOPIC, "peer:" CURVE, 5, PEER);
    struct phi_registry *registry = registry_open(cluster.brokers);
    kit_wait(10000, phi_registry_is_following(registry));
    kit_wait(5000, has_peer(registry));
    assert_int_equal(phi_registry_count(registry), 1);
    phi_registry_close(registry);

    struct phi_registry *alone = registry_open(NULL);
    assert_true(has_peer(alone));
    assert_false(phi_registry_is_following(alone));
    phi_registry_close(alone);
}

/* An older record on the topic, as after a restore, does not take the kept one's place. */
static void the_kept_copy_holds_against_an_older_topic(void **state)
{
    (void)state;
    struct phi_registry *registry = registry_open(NULL);
    assert_int_equal(test_put(registry, &owner, "peer:" CURVE, 9,
                              "{\"kind\":\"peer\",\"curve\":\"" CURVE "\",\"platform\":\"320000\","
                              "\"program\":\"p\",\"status\":\"suspended\"}"),
                     PHI_OK);
    phi_registry_close(registry);
    registry = registry_open(cluster.brokers);
    kit_wait(10000, phi_registry_is_following(registry));
    assert_false(has_peer(registry));
    phi_registry_close(registry);
}

static void a_kept_row_that_was_changed_is_not_believed(void **state)
{
    struct phi_conn *conn = NULL;
    (void)state;
    assert_ok(phi_store_acquire(store, phi_deadline_in_ms(2000), &conn));
    assert_ok(phi_conn_script(
        conn, "UPDATE auth_registry SET value = replace(value, 'suspended', 'active')", NULL));
    phi_store_release(conn);
    struct phi_registry *registry = registry_open(NULL);
    assert_int_equal(phi_registry_count(registry), 0);
    phi_registry_close(registry);
}

static struct phi_trust *trust_open(const char *brokers)
{
    struct phi_trust *trust = NULL;
    struct phi_trust_options options = {.brokers = brokers, .store = store};
    memcpy(options.owner, owner.xy, sizeof(options.owner));
    assert_ok(phi_trust_open(&options, &trust, NULL));
    return trust;
}

static uint64_t trust_version(struct phi_trust *trust)
{
    const struct phi_trust_view *view = phi_trust_acquire(trust);
    uint64_t version = phi_trust_list(view)->version;
    phi_trust_release(view);
    return version;
}

static void the_trust_list_is_followed_and_kept(void **state)
{
    char list[2][128];
    char issued[PHI_RFC3339_MAX];
    (void)state;
    phi_rfc3339_format(phi_clock_now_us(NULL), issued);
    for (int i = 0; i < 2; i++)
        (void)snprintf(list[i], sizeof(list[i]),
                       "{\"issuedAt\":\"%s\",\"platforms\":[],\"version\":%d}", issued, 7 + i);
    publish(&owner, PHI_TRUST_TOPIC, PHI_TRUST_KEY, 7, list[0]);
    struct phi_trust *trust = trust_open(cluster.brokers);
    kit_wait(10000, trust_version(trust) == 7);
    publish(&owner, PHI_TRUST_TOPIC, PHI_TRUST_KEY, 8, list[1]);
    kit_wait(10000, trust_version(trust) == 8);
    assert_true(phi_trust_age_s(trust) < 30);
    phi_trust_close(trust);
    trust = trust_open(NULL);
    assert_int_equal(trust_version(trust), 8);
    assert_true(phi_trust_is_usable(trust));
    phi_trust_close(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_followed_and_kept),
        cmocka_unit_test(the_kept_copy_holds_against_an_older_topic),
        cmocka_unit_test(a_kept_row_that_was_changed_is_not_believed),
        cmocka_unit_test(the_trust_list_is_followed_and_kept),
    };
    return cmocka_run_group_tests_name("auth: topic and kept copy", tests, set_up, tear_down);
}
