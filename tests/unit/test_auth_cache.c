/* The cache of checked tokens: bounded, least recently used first out, nothing past its time. */
#include "auth/token_cache.h"
#include "case.h"

#include <string.h>

static void digest_of(int n, uint8_t out[PHI_SM3_LEN])
{
    memset(out, 0, PHI_SM3_LEN);
    /* all in one bucket, so that chains are walked */
    memcpy(out + 8, &n, sizeof(n));
}

static void put(struct phi_token_cache *cache, int n, int64_t from_us, int64_t until_us)
{
    uint8_t digest[PHI_SM3_LEN];
    digest_of(n, digest);
    phi_token_cache_put(cache, digest, phi_view_of(&n, sizeof(n)), from_us, until_us);
}

static bool has(struct phi_token_cache *cache, int n, int64_t now_us)
{
    uint8_t digest[PHI_SM3_LEN];
    struct phi_view out = {NULL, 0};
    struct phi_arena *arena = phi_arena_new(1024);
    digest_of(n, digest);
    bool found = phi_token_cache_get(cache, digest, now_us, arena, &out);
    assert_true(!found || (out.len == sizeof(n) && memcmp(out.data, &n, sizeof(n)) == 0));
    phi_arena_free(arena);
    return found;
}

static void the_least_recently_used_goes_first(void **state)
{
    struct phi_token_cache *cache = phi_token_cache_new(3);
    (void)state;
    for (int i = 1; i <= 3; i++)
        put(cache, i, 0, 100);
    assert_true(has(cache, 1, 50));
    put(cache, 4, 0, 100);
    assert_false(has(cache, 2, 50));
    assert_true(has(cache, 1, 50));
    assert_true(has(cache, 3, 50));
    assert_true(has(cache, 4, 50));
    assert_int_equal(phi_token_cache_count(cache), 3);
    phi_token_cache_free(cache);
}

static void nothing_counts_outside_its_time(void **state)
{
    struct phi_token_cache *cache = phi_token_cache_new(3);
    (void)state;
    put(cache, 1, 10, 100);
    assert_true(has(cache, 1, 99));
    assert_false(has(cache, 1, 100));
    assert_int_equal(phi_token_cache_count(cache), 0);
    put(cache, 1, 10, 100);
    assert_false(has(cache, 1, 9));
    phi_token_cache_free(cache);
}

static void the_same_key_is_replaced(void **state)
{
    struct phi_token_cache *cache = phi_token_cache_new(2);
    (void)state;
    put(cache, 1, 0, 10);
    put(cache, 1, 0, 100);
    assert_true(has(cache, 1, 50));
    assert_int_equal(phi_token_cache_count(cache), 1);
    phi_token_cache_free(cache);
}

static void many_turns_keep_the_bound(void **state)
{
    struct phi_token_cache *cache = phi_token_cache_new(16);
    (void)state;
    for (int i = 0; i < 5000; i++) {
        put(cache, i * 31 % 97, 0, 100);
        (void)has(cache, i * 17 % 97, i % 7 == 0 ? 100 : 50);
        assert_true(phi_token_cache_count(cache) <= 16);
    }
    phi_token_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_recently_used_goes_first),
        cmocka_unit_test(nothing_counts_outside_its_time),
        cmocka_unit_test(the_same_key_is_replaced),
        cmocka_unit_test(many_turns_keep_the_bound),
    };
    return cmocka_run_group_tests_name("auth: cache of tokens", tests, NULL, NULL);
}
