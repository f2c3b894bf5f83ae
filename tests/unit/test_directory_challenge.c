/* A challenge counts once, in time, here. */
#include "case.h"

#include "svc-directory/query/challenge.h"

#include <string.h>

#define NOW 1795233600000000LL

static void spent_once(void **state)
{
    (void)state;
    struct challenges *challenges = challenges_new(8);
    uint8_t one[CHALLENGE_LEN], two[CHALLENGE_LEN], never[CHALLENGE_LEN] = {1};
    assert_int_equal(challenge_issue(challenges, NOW, one), PHI_OK);
    assert_int_equal(challenge_issue(challenges, NOW, two), PHI_OK);
    assert_memory_not_equal(one, two, CHALLENGE_LEN);
    assert_int_equal(challenges_outstanding(challenges, NOW), 2);
    assert_false(challenge_spend(challenges, never, NOW));
    assert_true(challenge_spend(challenges, two, NOW + 1));
    assert_false(challenge_spend(challenges, two, NOW + 1));
    assert_true(challenge_spend(challenges, one, NOW + 1));
    assert_int_equal(challenges_outstanding(challenges, NOW + 1), 0);
    challenges_free(challenges);
}

static void only_in_time(void **state)
{
    (void)state;
    struct challenges *challenges = challenges_new(8);
    uint8_t one[CHALLENGE_LEN], two[CHALLENGE_LEN];
    assert_int_equal(challenge_issue(challenges, NOW, one), PHI_OK);
    assert_int_equal(challenge_issue(challenges, NOW, two), PHI_OK);
    assert_true(challenge_spend(challenges, one, NOW + CHALLENGE_LIFE_US));
    assert_false(challenge_spend(challenges, two, NOW + CHALLENGE_LIFE_US + 1));
    assert_int_equal(challenges_outstanding(challenges, NOW + CHALLENGE_LIFE_US + 1), 0);
    challenges_free(challenges);
}

static void bounded(void **state)
{
    (void)state;
    struct challenges *challenges = challenges_new(4);
    uint8_t issued[4][CHALLENGE_LEN], more[CHALLENGE_LEN];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(challenge_issue(challenges, NOW + (int64_t)i, issued[i]), PHI_OK);
    assert_int_equal(challenge_issue(challenges, NOW + 4, more), PHI_ERR_OVERLOAD);
    assert_true(challenge_spend(challenges, issued[0], NOW + 4)); /* the oldest makes room */
    assert_int_equal(challenge_issue(challenges, NOW + 4, more), PHI_OK);
    assert_int_equal(challenge_issue(challenges, NOW + 4, more), PHI_ERR_OVERLOAD);
    assert_int_equal(challenge_issue(challenges, NOW + 5 + CHALLENGE_LIFE_US, more), PHI_OK);
    assert_true(challenge_spend(challenges, more, NOW + 5 + CHALLENGE_LIFE_US));
    challenges_free(challenges);
    assert_null(challenges_new(0));
}

/* Round and round the ring, spent in any order. */
static void many(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    struct challenges *challenges = challenges_new(COUNT);
    uint8_t issued[COUNT][CHALLENGE_LEN];
    for (int64_t round = 0; round < 50; round++) {
        int64_t now_us = NOW + round * (CHALLENGE_LIFE_US / 5 * 3);
        size_t count = 0;
        while (count < COUNT / 2 && challenge_issue(challenges, now_us, issued[count]) == PHI_OK)
            count++;
        assert_true(count > 0);
        for (size_t i = 0; i < count; i += 1 + (size_t)round % 3)
            assert_true(challenge_spend(challenges, issued[count - 1 - i], now_us));
    }
    assert_int_equal(challenges_outstanding(challenges, NOW + 1000 * CHALLENGE_LIFE_US), 0);
    challenges_free(challenges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spent_once),
        cmocka_unit_test(only_in_time),
        cmocka_unit_test(bounded),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
