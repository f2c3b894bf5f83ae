/* Data keys in their table: a version only rises, whoever comes first makes the key, in whatever
 * order the topic's records come. */
#include "store_fixture.h"

#include "person/keys.h"

#include <pthread.h>

static const char ddl[] = "CREATE TABLE person_keys (subject bytea PRIMARY KEY, version bigint NOT "
                          "NULL, wrapped bytea NOT NULL, changed_us bigint NOT NULL);";
static struct phi_store *store;
static struct phi_seal_key *health;
static struct phi_arena *arena;

static int open_kit(void **state)
{
    static const uint8_t secret[32] = {1, 2, 3};
    (void)state;
    store = fixture_open("person_keys");
    arena = phi_arena_new(4 * 1024 * 1024);
    struct phi_conn *conn = fixture_conn(store);
    enum phi_err err = phi_conn_script(conn, ddl, NULL);
    phi_store_release(conn);
    return err != PHI_OK || arena == NULL ||
           phi_seal_key_new(7, phi_view_of(secret, 32), &health) != PHI_OK;
}

static int close_kit(void **state)
{
    (void)state;
    phi_seal_key_free(health);
    phi_arena_free(arena);
    phi_store_close(store);
    return 0;
}

static struct phi_person_key key_of(uint8_t person, int64_t version)
{
    struct phi_person_key key;
    const uint8_t subject[PHI_SUBJECT_LEN] = {person};
    assert_ok(version % 2 == 1 ? phi_person_key_make(health, subject, version, arena, &key)
                               : phi_person_key_end(health, subject, version, arena, &key));
    return key;
}

static struct phi_person_key found(uint8_t person)
{
    struct phi_person_key key;
    const uint8_t subject[PHI_SUBJECT_LEN] = {person};
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_person_keys_find(conn, subject, arena, &key, NULL));
    phi_store_release(conn);
    return key;
}

static void keep(const struct phi_person_key *keys, size_t count)
{
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_person_keys_keep(conn, keys, count, 1, NULL));
    phi_store_release(conn);
}

static void versions_only_rise(void **state)
{
    (void)state;
    const struct phi_person_key first = key_of(1, 1), end = key_of(1, 2), again = key_of(1, 3);
    const struct phi_person_key mixed[] = {key_of(2, 3), key_of(3, 1), key_of(2, 1), key_of(2, 2)};
    assert_int_equal(found(1).version, 0);
    keep(&end, 1);
    keep(&first, 1); /* came late, or again from the topic's beginning */
    assert_int_equal(found(1).version, 2);
    assert_true(phi_view_equal(found(1).wrapped, end.wrapped));
    keep(&again, 1);
    keep(&end, 1);
    assert_int_equal(found(1).version, 3);
    keep(mixed, 4);
    assert_int_equal(found(2).version, 3);
    assert_int_equal(found(3).version, 1);
}

static void ensure(const uint8_t (*subjects)[PHI_SUBJECT_LEN], size_t count,
                   struct phi_person_key *keys, bool *is_made)
{
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_conn_begin(conn, NULL));
    assert_ok(phi_person_keys_ensure(conn, health, subjects, count, 1, arena, keys, is_made, NULL));
    assert_ok(phi_conn_commit(conn, NULL));
    phi_store_release(conn);
}

static void made_at_first_need(void **state)
{
    (void)state;
    static const uint8_t subjects[3][PHI_SUBJECT_LEN] = {{11}, {12}, {13}};
    const struct phi_person_key there = key_of(11, 1), ended = key_of(12, 2);
    struct phi_person_key keys[3];
    bool is_made[3];
    keep(&there, 1);
    keep(&ended, 1);
    ensure(subjects, 3, keys, is_made);
    assert_false(is_made[0]);
    assert_true(phi_view_equal(keys[0].wrapped, there.wrapped));
    assert_true(is_made[1] && is_made[2]);
    assert_int_equal(keys[1].version, 3);
    assert_int_equal(keys[2].version, 1);
    for (uint8_t i = 0; i < 3; i++)
        assert_true(phi_view_equal(found((uint8_t)(11 + i)).wrapped, keys[i].wrapped));
    ensure(subjects, 3, keys, is_made);
    assert_false(is_made[0] || is_made[1] || is_made[2]);
}

struct racer {
    pthread_t thread;
    struct phi_person_key keys[40];
    bool is_made[40];
};

static void *race(void *context)
{
    struct racer *racer = context;
    uint8_t subjects[40][PHI_SUBJECT_LEN] = {{0}};
    struct phi_arena *own = phi_arena_new(1024 * 1024);
    struct phi_conn *conn = NULL;
    for (uint8_t i = 0; i < 40; i++)
        subjects[i][0] = (uint8_t)(100 + i);
    enum phi_err err = phi_store_acquire(store, phi_deadline_in_ms(5000), &conn);
    if (err == PHI_OK)
        err = phi_conn_begin(conn, NULL);
    if (err == PHI_OK)
        err = phi_person_keys_ensure(conn, health, (const uint8_t(*)[PHI_SUBJECT_LEN])subjects, 40,
                                     1, own, racer->keys, racer->is_made, NULL);
    if (err == PHI_OK)
        err = phi_conn_commit(conn, NULL);
    for (size_t i = 0; i < 40; i++)
        racer->keys[i].version = err == PHI_OK ? racer->keys[i].version : -1;
    phi_store_release(conn);
    phi_arena_free(own);
    return NULL;
}

/* Two callers at once, whichever is first: each key is made once, and both have it. */
static void two_callers_have_one_key(void **state)
{
    (void)state;
    static struct racer racers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(racers[i].thread, NULL);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(racers[0].keys[i].version, 1);
        assert_int_equal(racers[1].keys[i].version, 1);
        assert_int_equal(racers[0].is_made[i] + racers[1].is_made[i], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_only_rise),
        cmocka_unit_test(made_at_first_need),
        cmocka_unit_test(two_callers_have_one_key),
    };
    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
