#include "case.h"

#include "base/queue.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

static struct phi_deadline now(void)
{
    return phi_deadline_in_ms(0);
}

static struct phi_deadline long_from_now(void)
{
    return phi_deadline_in_ms(30000);
}

static void first_in_first_out(void **state)
{
    (void)state;
    int items[8];
    void *out[8];
    struct phi_queue *queue = phi_queue_new(4);
    for (size_t round = 0; round < 10; round++) { /* the ring turns */
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(phi_queue_push(queue, &items[i]), PHI_OK);
        assert_int_equal(phi_queue_len(queue), 3);
        assert_int_equal(phi_queue_pop(queue, out, 2, long_from_now()), 2);
        assert_ptr_equal(out[0], &items[0]);
        assert_ptr_equal(out[1], &items[1]);
        assert_int_equal(phi_queue_pop(queue, out, 8, now()), 1);
        assert_ptr_equal(out[0], &items[2]);
    }
    phi_queue_free(queue);
    phi_queue_free(NULL);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    int item;
    void *out[2];
    struct phi_queue *queue = phi_queue_new(2);
    assert_int_equal(phi_queue_push(queue, &item), PHI_OK);
    assert_int_equal(phi_queue_push(queue, &item), PHI_OK);
    assert_int_equal(phi_queue_push(queue, &item), PHI_ERR_OVERLOAD);
    assert_int_equal(phi_queue_len(queue), 2);
    assert_int_equal(phi_queue_pop(queue, out, 1, now()), 1);
    assert_int_equal(phi_queue_push(queue, &item), PHI_OK);
    assert_int_equal(phi_queue_pop(queue, out, 2, now()), 2);
    phi_queue_free(queue);
    assert_null(phi_queue_new(0));
    assert_null(phi_queue_new(SIZE_MAX));
}

static void many_go_in_at_once_up_to_the_bound(void **state)
{
    (void)state;
    int things[6];
    void *items[6], *out[6];
    struct phi_queue *queue = phi_queue_new(4);
    for (size_t i = 0; i < 6; i++)
        items[i] = &things[i];
    assert_int_equal(phi_queue_push_many(queue, items, 1), 1);
    assert_int_equal(phi_queue_pop(queue, out, 1, now()), 1);
    assert_int_equal(phi_queue_push_many(queue, items, 6), 4); /* the ring turns */
    assert_int_equal(phi_queue_push_many(queue, items, 1), 0);
    assert_int_equal(phi_queue_pop(queue, out, 6, now()), 4);
    assert_memory_equal(out, items, 4 * sizeof(void *));
    assert_int_equal(phi_queue_push_many(queue, items, 0), 0);
    phi_queue_close(queue);
    assert_int_equal(phi_queue_push_many(queue, items, 2), 0);
    phi_queue_free(queue);
}

static void a_taker_leaves_the_others_their_share(void **state)
{
    static const struct {
        size_t there, max, takers, least, taken;
    } rows[] = {
        {10, 64, 2, 16, 10}, {40, 64, 2, 16, 20}, {41, 64, 2, 16, 21}, {63, 8, 2, 4, 8},
        {20, 64, 4, 16, 16}, {1, 64, 4, 16, 1},   {5, 3, 1, 3, 3},
    };
    (void)state;
    int things[64];
    void *items[64], *out[64];
    for (size_t i = 0; i < 64; i++)
        items[i] = &things[i];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct phi_queue *queue = phi_queue_new(64);
        assert_int_equal(phi_queue_push_many(queue, items, rows[i].there), rows[i].there);
        assert_int_equal(
            phi_queue_pop_share(queue, out, rows[i].max, rows[i].takers, rows[i].least, now()),
            rows[i].taken);
        assert_int_equal(phi_queue_pop(queue, out, 64, now()), rows[i].there - rows[i].taken);
        phi_queue_free(queue);
    }
}

static void an_empty_queue_waits_until_the_deadline(void **state)
{
    (void)state;
    void *out[1];
    struct phi_queue *queue = phi_queue_new(2);
    struct phi_deadline deadline = phi_deadline_in_ms(20);
    assert_int_equal(phi_queue_pop(queue, out, 1, deadline), 0);
    assert_true(phi_deadline_is_past(deadline));
    phi_queue_free(queue);
}

static void a_closed_queue_gives_out_the_rest(void **state)
{
    (void)state;
    int item;
    void *out[4];
    struct phi_queue *queue = phi_queue_new(4);
    assert_int_equal(phi_queue_push(queue, &item), PHI_OK);
    assert_false(phi_queue_is_closed(queue));
    phi_queue_close(queue);
    assert_true(phi_queue_is_closed(queue));
    assert_int_equal(phi_queue_push(queue, &item), PHI_ERR_DRAINING);
    assert_int_equal(phi_queue_pop(queue, out, 4, long_from_now()), 1);
    assert_int_equal(phi_queue_pop(queue, out, 4, long_from_now()), 0);
    phi_queue_free(queue);
}

struct waiter {
    struct phi_queue *queue;
    atomic_size_t *started;
    size_t got;
};

static void *wait_for_one(void *context)
{
    struct waiter *waiter = context;
    void *out[1];
    atomic_fetch_add(waiter->started, 1);
    waiter->got = phi_queue_pop(waiter->queue, out, 1, long_from_now());
    return NULL;
}

static void waiters_wake(void **state)
{
    (void)state;
    int item;
    atomic_size_t started = 0;
    pthread_t threads[3];
    struct waiter waiters[3];
    struct phi_queue *queue = phi_queue_new(4);
    for (size_t i = 0; i < 3; i++) {
        waiters[i] = (struct waiter){queue, &started, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_one, &waiters[i]), 0);
    }
    struct phi_deadline deadline = phi_deadline_in_ms(15000);
    while (atomic_load(&started) < 3 && !phi_deadline_is_past(deadline))
        poll(NULL, 0, 1);
    poll(NULL, 0, 30); /* that they wait inside can't be seen from here */
    assert_int_equal(phi_queue_push(queue, &item), PHI_OK);
    while (phi_queue_len(queue) > 0 && !phi_deadline_is_past(deadline))
        poll(NULL, 0, 1);
    phi_queue_close(queue);
    size_t got = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        got += waiters[i].got;
    }
    assert_int_equal(got, 1);
    assert_false(phi_deadline_is_past(deadline));
    phi_queue_free(queue);
}

#define ITEM_COUNT 20000
#define SIDES      4

struct crowd {
    struct phi_queue *queue;
    atomic_size_t next;
    atomic_size_t seen[ITEM_COUNT];
};

static void *produce(void *context)
{
    struct crowd *crowd = context;
    for (;;) {
        size_t i = atomic_fetch_add(&crowd->next, 1);
        if (i >= ITEM_COUNT)
            return NULL;
        while (phi_queue_push(crowd->queue, &crowd->seen[i]) == PHI_ERR_OVERLOAD)
            ;
    }
}

static void *consume(void *context)
{
    struct crowd *crowd = context;
    void *out[7];
    for (;;) {
        size_t count = phi_queue_pop(crowd->queue, out, 7, long_from_now());
        if (count == 0)
            return NULL;
        for (size_t i = 0; i < count; i++)
            atomic_fetch_add((atomic_size_t *)out[i], 1);
    }
}

static void many_threads_lose_and_double_nothing(void **state)
{
    (void)state;
    static struct crowd crowd;
    pthread_t producers[SIDES], consumers[SIDES];
    crowd.queue = phi_queue_new(64);
    for (size_t i = 0; i < SIDES; i++) {
        assert_int_equal(pthread_create(&producers[i], NULL, produce, &crowd), 0);
        assert_int_equal(pthread_create(&consumers[i], NULL, consume, &crowd), 0);
    }
    for (size_t i = 0; i < SIDES; i++)
        assert_int_equal(pthread_join(producers[i], NULL), 0);
    phi_queue_close(crowd.queue);
    for (size_t i = 0; i < SIDES; i++)
        assert_int_equal(pthread_join(consumers[i], NULL), 0);
    for (size_t i = 0; i < ITEM_COUNT; i++)
        assert_int_equal(crowd.seen[i], 1);
    phi_queue_free(crowd.queue);
}

static bool is_small(const void *item, const void *context)
{
    return *(const int *)item < *(const int *)context;
}

static void what_goes_along_is_taken_from_the_front(void **state)
{
    static int numbers[] = {1, 2, 9, 3};
    static const int bound = 5;
    void *items[4];
    (void)state;
    struct phi_queue *queue = phi_queue_new(4);
    assert_non_null(queue);
    assert_int_equal(phi_queue_take(queue, items, 4, is_small, &bound), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(phi_queue_push(queue, &numbers[i]), PHI_OK);
    assert_int_equal(phi_queue_take(queue, items, 1, is_small, &bound), 1);
    assert_ptr_equal(items[0], &numbers[0]);
    assert_int_equal(phi_queue_take(queue, items, 4, is_small, &bound), 1);
    assert_ptr_equal(items[0], &numbers[1]);
    assert_int_equal(phi_queue_take(queue, items, 4, is_small, &bound), 0);
    assert_int_equal(phi_queue_pop(queue, items, 1, phi_deadline_in_ms(0)), 1);
    assert_ptr_equal(items[0], &numbers[2]);
    assert_int_equal(phi_queue_take(queue, items, 4, is_small, &bound), 1);
    assert_int_equal(phi_queue_len(queue), 0);
    phi_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(many_go_in_at_once_up_to_the_bound),
        cmocka_unit_test(a_taker_leaves_the_others_their_share),
        cmocka_unit_test(an_empty_queue_waits_until_the_deadline),
        cmocka_unit_test(a_closed_queue_gives_out_the_rest),
        cmocka_unit_test(waiters_wake),
        cmocka_unit_test(many_threads_lose_and_double_nothing),
        cmocka_unit_test(what_goes_along_is_taken_from_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
