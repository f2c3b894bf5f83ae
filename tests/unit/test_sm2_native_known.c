/* The tables of public keys: earned by use, shared, bounded, and taken away under readers' feet
 * without their noticing. */
#include "sm2_kit.h"

#include "crypto/sm2.h"
#include "crypto/sm2/native/field.h"

#include <pthread.h>

#define KEYS        12
#define SMALL_LIMIT 5
#define LARGE_LIMIT 2

struct signed_key {
    struct phi_sm2_public *key;
    uint8_t xy[64];
    uint8_t sig[PHI_SM2_SIG_LEN];
};

static struct signed_key keys[KEYS];

static struct phi_view message(void)
{
    return phi_view_text("one code");
}

static void verify_times(const struct signed_key *key, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(phi_sm2_verify(key->key, message(), key->sig), PHI_OK);
}

static void signed_key_init(struct signed_key *key)
{
    struct phi_sm2_private *pair = NULL;
    assert_int_equal(phi_sm2_private_generate(&pair), PHI_OK);
    phi_sm2_private_public(pair, key->xy);
    assert_int_equal(phi_sm2_sign(pair, message(), key->sig), PHI_OK);
    assert_int_equal(phi_sm2_public_new(key->xy, &key->key), PHI_OK);
    phi_sm2_private_free(pair);
}

static int setup(void **state)
{
    (void)state;
    phi_sm2_known_limit(PHI_SM2_SIZE_SMALL, SMALL_LIMIT);
    phi_sm2_known_limit(PHI_SM2_SIZE_LARGE, LARGE_LIMIT);
    assert_int_equal(phi_sm2_backend_use("native"), PHI_OK);
    for (size_t i = 0; i < KEYS; i++)
        signed_key_init(&keys[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++)
        phi_sm2_public_free(keys[i].key);
    kit_done();
    return 0;
}

static void use_earns_a_small_table(void **state)
{
    (void)state;
    verify_times(&keys[0], 15);
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_SMALL), 0);
    verify_times(&keys[0], 10);
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_SMALL), 1);
}

static void keys_of_one_point_share(void **state)
{
    (void)state;
    struct signed_key again = keys[0];
    assert_int_equal(phi_sm2_public_new(again.xy, &again.key), PHI_OK);
    verify_times(&again, 40);
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_SMALL), 1);
    phi_sm2_public_free(again.key);
    verify_times(&keys[0], 2);
}

static void announcing_earns_a_large_one(void **state)
{
    (void)state;
    phi_sm2_public_announce(keys[0].key);
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_SMALL), 0);
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_LARGE), 1);
    phi_sm2_public_announce(keys[0].key);
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_LARGE), 1);
    verify_times(&keys[0], 2);
}

static void tables_are_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        verify_times(&keys[i], 40);
        assert_true(phi_sm2_known_count(PHI_SM2_SIZE_SMALL) <= SMALL_LIMIT);
    }
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_SMALL), SMALL_LIMIT);
    for (size_t i = 0; i < KEYS; i++) {
        phi_sm2_public_announce(keys[i].key);
        verify_times(&keys[i], 2);
        assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_LARGE), i == 0 ? 1 : LARGE_LIMIT);
    }
    for (size_t i = 0; i < KEYS; i++)
        verify_times(&keys[i], 2);
}

/* The bits of a window of the key's table, 0 when it has none. Counts as a use. */
static unsigned window_of(const struct signed_key *key)
{
    const struct phi_u256 x = u256_from_bytes(key->xy);
    const struct phi_u256 y = u256_from_bytes(key->xy + 32);
    const struct phi_sm2_affine point = {fe_from_plain(&x), fe_from_plain(&y)};
    struct phi_sm2_known *known = phi_sm2_known_get(&point);
    const struct phi_sm2_table *table = phi_sm2_known_enter(known);
    const unsigned bits = table ? table->window_bits : 0;
    phi_sm2_known_leave(known);
    phi_sm2_known_put(known);
    return bits;
}

/* While strangers come and go, a key that goes on being used keeps its small table. */
static void what_is_used_stays(void **state)
{
    (void)state;
    struct signed_key used;
    signed_key_init(&used);
    verify_times(&used, 40);
    assert_int_equal(window_of(&used), 6);
    for (int i = 0; i < 4 * SMALL_LIMIT; i++) {
        struct signed_key stranger;
        signed_key_init(&stranger);
        verify_times(&stranger, 40);
        assert_int_equal(window_of(&stranger), 6);
        phi_sm2_public_free(stranger.key);
        assert_int_equal(window_of(&used), 6);
        assert_true(phi_sm2_known_count(PHI_SM2_SIZE_SMALL) <= SMALL_LIMIT);
    }
    phi_sm2_public_free(used.key);
}

/* However often a caller's key is used, it takes no announced key's table. */
static void callers_dont_displace_platforms(void **state)
{
    (void)state;
    struct signed_key caller;
    signed_key_init(&caller);
    phi_sm2_public_announce(keys[0].key);
    phi_sm2_public_announce(keys[1].key);
    verify_times(&caller, 4200);
    assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_LARGE), LARGE_LIMIT);
    assert_int_equal(window_of(&caller), 6);
    assert_int_equal(window_of(&keys[0]), 8);
    assert_int_equal(window_of(&keys[1]), 8);
    phi_sm2_public_free(caller.key);
}

/* Eight threads over twelve keys with room for seven tables: they are made and taken away all the
 * time, while keys come and go. */
static void *verify_all(void *argument)
{
    const size_t seed = *(const size_t *)argument;
    uint8_t wrong[PHI_SM2_SIG_LEN];
    for (size_t i = 0; i < 600; i++) {
        const struct signed_key *key = &keys[(i / 20 * 5 + seed * 7) % KEYS];
        struct phi_sm2_public *again = NULL;
        memcpy(wrong, key->sig, sizeof(wrong));
        wrong[i % 64] ^= 1;
        if (phi_sm2_public_new(key->xy, &again) != PHI_OK)
            return argument;
        if (i % 50 == 0)
            phi_sm2_public_announce(again);
        bool is_right = phi_sm2_verify(again, message(), key->sig) == PHI_OK &&
                        phi_sm2_verify(key->key, message(), wrong) == PHI_ERR_SIGNATURE;
        phi_sm2_public_free(again);
        if (!is_right)
            return argument;
    }
    return NULL;
}

static void threads_share_them(void **state)
{
    (void)state;
    pthread_t threads[8];
    size_t seeds[8];
    for (size_t i = 0; i < 8; i++) {
        seeds[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, verify_all, &seeds[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_true(phi_sm2_known_count(PHI_SM2_SIZE_SMALL) <= SMALL_LIMIT);
    assert_true(phi_sm2_known_count(PHI_SM2_SIZE_LARGE) <= LARGE_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(use_earns_a_small_table),
        cmocka_unit_test(keys_of_one_point_share),
        cmocka_unit_test(announcing_earns_a_large_one),
        cmocka_unit_test(tables_are_bounded),
        cmocka_unit_test(what_is_used_stays),
        cmocka_unit_test(callers_dont_displace_platforms),
        cmocka_unit_test(threads_share_them),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
