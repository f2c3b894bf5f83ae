#include "codes/revocation.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000

static struct phi_revocation entry_of(uint32_t number, int64_t from_s, int64_t until_s,
                                      uint64_t version)
{
    struct phi_revocation entry = {.kind = PHI_REVOKED_CODE,
                                   .platform = "320000",
                                   .from_s = from_s,
                                   .until_s = until_s,
                                   .version = version};
    memcpy(entry.id, &number, sizeof(number));
    entry.id[15] = (uint8_t)number;
    return entry;
}

static enum phi_err put(struct phi_revocations *set, uint32_t number, int64_t from_s,
                        int64_t until_s, uint64_t version)
{
    struct phi_revocation entry = entry_of(number, from_s, until_s, version);
    return phi_revocations_put(set, &entry, NOW);
}

static bool has(struct phi_revocations *set, uint32_t number, int64_t deadline_s)
{
    struct phi_revocation entry = entry_of(number, 0, 0, 0);
    return phi_revocations_has(set, entry.platform, entry.id, deadline_s);
}

static void test_what_is_put_is_met(void **state)
{
    (void)state;
    struct phi_revocations *set = phi_revocations_new(100);
    struct phi_revocation entry = entry_of(1, 0, 0, 0);
    assert_false(has(set, 1, 2000));
    assert_int_equal(put(set, 1, 1500, 2000, 1), PHI_OK);
    assert_false(has(set, 1, 1499));
    assert_true(has(set, 1, 1500));
    assert_true(has(set, 1, 2000));
    assert_false(has(set, 1, 2001));
    assert_false(has(set, 2, 2000));
    assert_false(phi_revocations_has(set, "330000", entry.id, 2000));
    assert_int_equal(phi_revocations_count_of(set, PHI_REVOKED_CODE), 1);
    assert_int_equal(phi_revocations_count_of(set, PHI_REVOKED_SUBJECT), 0);
    phi_revocations_free(set);
}

static void test_versions_rise(void **state)
{
    (void)state;
    struct phi_revocations *set = phi_revocations_new(100);
    assert_int_equal(put(set, 1, 0, 2000, 5), PHI_OK);
    assert_int_equal(put(set, 1, 0, 3000, 5), PHI_ERR_STATE);
    assert_int_equal(put(set, 1, 0, 3000, 4), PHI_ERR_STATE);
    assert_false(has(set, 1, 3000));
    assert_int_equal(put(set, 1, 0, 3000, 6), PHI_OK);
    assert_true(has(set, 1, 3000));
    assert_int_equal(put(set, 1, 0, 1500, 7), PHI_OK); /* nothing is taken back */
    assert_true(has(set, 1, 3000));
    assert_int_equal(phi_revocations_count(set), 1);
    assert_int_equal(phi_revocations_last_version(set), 7);
    assert_int_equal(put(set, 1, 100, 200, 8), PHI_ERR_STATE); /* over */
    assert_int_equal(put(set, 1, 5000, 4000, 8), PHI_ERR_STATE);
    phi_revocations_free(set);
}

static void test_the_bound_holds_and_what_is_over_goes(void **state)
{
    (void)state;
    struct phi_revocations *set = phi_revocations_new(5000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(put(set, i, 0, 1100 + (i % 2) * 1000, 1 + i), PHI_OK);
    assert_int_equal(put(set, 5000, 0, 2000, 9000), PHI_ERR_OVERLOAD);
    for (uint32_t i = 0; i < 5000; i++)
        assert_true(has(set, i, 1050));
    assert_int_equal(phi_revocations_drop(set, 1500), PHI_OK);
    assert_int_equal(phi_revocations_count(set), 2500);
    assert_false(has(set, 0, 1050));
    assert_true(has(set, 1, 1050));
    assert_int_equal(put(set, 5000, 0, 2000, 9000), PHI_OK);
    phi_revocations_free(set);
}

static void count_each(void *context, const struct phi_revocation *entry)
{
    size_t *count = context;
    *count += entry->until_s == 2000;
}

static void test_each(void **state)
{
    (void)state;
    struct phi_revocations *set = phi_revocations_new(100);
    size_t count = 0;
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(put(set, i, 0, 2000, 1), PHI_OK);
    phi_revocations_each(set, count_each, &count);
    assert_int_equal(count, 10);
    phi_revocations_free(set);
}

struct race {
    struct phi_revocations *set;
    atomic_uint put; /* entries below this are there */
    atomic_bool is_over;
    atomic_uint missed;
};

static void *ask(void *context)
{
    struct race *race = context;
    while (!atomic_load(&race->is_over)) {
        uint32_t count = atomic_load(&race->put);
        for (uint32_t i = count > 64 ? count - 64 : 0; i < count; i++)
            if (!has(race->set, i, 1500))
                atomic_fetch_add(&race->missed, 1);
    }
    return NULL;
}

static void test_readers_miss_nothing_while_tables_change(void **state)
{
    (void)state;
    struct race race = {.set = phi_revocations_new(100000)};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &race), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(put(race.set, i, 0, 2000, 1), PHI_OK);
        atomic_store(&race.put, i + 1);
        if (i % 1000 == 0)
            assert_int_equal(phi_revocations_drop(race.set, NOW), PHI_OK);
    }
    atomic_store(&race.is_over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&race.missed), 0);
    phi_revocations_free(race.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_is_met),
        cmocka_unit_test(test_versions_rise),
        cmocka_unit_test(test_the_bound_holds_and_what_is_over_goes),
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_readers_miss_nothing_while_tables_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
