/* Prepared nonces: bounded, right, used once, wiped, and not across a fork. */
#include "sm2_kit.h"

#include "crypto/sm2/native/nonce.h"
#include "crypto/sm2/pool.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPACITY 150
#define THREADS  4
#define EACH     200

static struct phi_sm2_private *pair;
static struct phi_sm2_public *native_public, *other_public;

static struct phi_view message(void)
{
    return phi_view_text("one code");
}

static int setup(void **state)
{
    (void)state;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    assert_int_equal(phi_sm2_backend_use("native"), PHI_OK);
    assert_int_equal(phi_sm2_private_generate(&pair), PHI_OK);
    phi_sm2_private_public(pair, xy);
    assert_int_equal(phi_sm2_public_new(xy, &native_public), PHI_OK);
    assert_int_equal(phi_sm2_backend_use("openssl"), PHI_OK);
    assert_int_equal(phi_sm2_public_new(xy, &other_public), PHI_OK);
    return phi_sm2_backend_use("native") == PHI_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    phi_sm2_private_free(pair);
    phi_sm2_public_free(native_public);
    phi_sm2_public_free(other_public);
    kit_done();
    return 0;
}

static struct phi_sm2_pool *pool_of(size_t capacity)
{
    struct phi_sm2_pool *pool = NULL;
    assert_int_equal(phi_sm2_pool_new(pair, capacity, &pool), PHI_OK);
    return pool;
}

static void assert_good(const uint8_t sig[PHI_SM2_SIG_LEN])
{
    assert_int_equal(phi_sm2_verify(native_public, message(), sig), PHI_OK);
    assert_int_equal(phi_sm2_verify(other_public, message(), sig), PHI_OK);
}

static void capacities(void **state)
{
    (void)state;
    const size_t bad[] = {0, PHI_SM2_POOL_MAX + 1, SIZE_MAX};
    struct phi_sm2_pool *pool = NULL;
    for (size_t i = 0; i < PHI_COUNT(bad); i++)
        assert_int_equal(phi_sm2_pool_new(pair, bad[i], &pool), PHI_ERR_CONFIG);
    assert_null(pool);
    phi_sm2_pool_free(NULL);
    phi_sm2_pool_free(pool_of(PHI_SM2_POOL_MAX));
}

static void filling_is_bounded(void **state)
{
    (void)state;
    struct phi_sm2_pool *pool = pool_of(CAPACITY);
    assert_int_equal(phi_sm2_pool_fill(pool, 0), 0);
    assert_int_equal(phi_sm2_pool_fill(pool, 70), 70);
    assert_int_equal(phi_sm2_pool_count(pool), 70);
    assert_int_equal(phi_sm2_pool_fill(pool, SIZE_MAX), CAPACITY - 70);
    assert_int_equal(phi_sm2_pool_fill(pool, 1), 0);
    assert_int_equal(phi_sm2_pool_count(pool), CAPACITY);
    phi_sm2_pool_free(pool);
}

/* Each prepared nonce is in range, and its x is that of its multiple of G. */
static void prepared_ones_are_multiples(void **state)
{
    (void)state;
    KIT_EACH_CORE(core)
    {
        struct phi_sm2_pool *pool = pool_of(70);
        assert_int_equal(phi_sm2_pool_fill(pool, 70), 70);
        for (size_t i = 0; i < 70; i++) {
            struct phi_u256 k, x, expected;
            memcpy(k.l, pool->store->ready[i].k, sizeof(k));
            memcpy(x.l, pool->store->ready[i].x, sizeof(x));
            assert_true(u256_sub(&expected, &k, &phi_sm2_n) && !u256_zero_mask(&k));
            EC_POINT *point = kit_product(&k, NULL, NULL);
            assert_true(kit_x(point, &expected));
            EC_POINT_free(point);
            assert_memory_equal(&x, &expected, sizeof(x));
        }
        phi_sm2_pool_free(pool);
    }
}

/* With what is ready, and past it without. */
static void signing_singly_and_together(void **state)
{
    (void)state;
    struct phi_sm2_pool *pool = pool_of(CAPACITY);
    struct phi_sm2_job jobs[20];
    uint8_t sig[PHI_SM2_SIG_LEN];
    KIT_EACH_CORE(core)
    {
        assert_int_equal(phi_sm2_pool_fill(pool, 10), 10);
        assert_int_equal(phi_sm2_pool_sign(pool, message(), sig), PHI_OK);
        assert_int_equal(phi_sm2_pool_count(pool), 9);
        assert_good(sig);
        for (size_t i = 0; i < PHI_COUNT(jobs); i++)
            jobs[i] = (struct phi_sm2_job){.message = message(), .result = PHI_ERR_INTERNAL};
        phi_sm2_pool_sign_batch(pool, jobs, PHI_COUNT(jobs));
        for (size_t i = 0; i < PHI_COUNT(jobs); i++) {
            assert_int_equal(jobs[i].result, PHI_OK);
            assert_good(jobs[i].sig);
        }
        assert_int_equal(phi_sm2_pool_count(pool), 0);
        phi_sm2_pool_sign_batch(pool, jobs, 0);
        assert_int_equal(phi_sm2_pool_sign(pool, message(), sig), PHI_OK);
        assert_good(sig);
    }
    phi_sm2_pool_free(pool);
}

static bool is_wiped(const struct phi_sm2_pool *pool, size_t from)
{
    static const struct phi_sm2_prepared zeros;
    for (size_t i = from; i < pool->capacity; i++)
        if (memcmp(&pool->store->ready[i], &zeros, sizeof(zeros)) != 0)
            return false;
    return true;
}

static void used_ones_are_wiped(void **state)
{
    (void)state;
    struct phi_sm2_pool *pool = pool_of(8);
    uint8_t sig[PHI_SM2_SIG_LEN];
    assert_int_equal(phi_sm2_pool_fill(pool, 8), 8);
    assert_false(is_wiped(pool, 7));
    for (size_t left = 8; left-- > 4;) {
        assert_int_equal(phi_sm2_pool_sign(pool, message(), sig), PHI_OK);
        assert_true(is_wiped(pool, left));
    }
    assert_false(is_wiped(pool, 3));
    phi_sm2_pool_empty(pool);
    assert_true(is_wiped(pool, 0));
    assert_int_equal(phi_sm2_pool_count(pool), 0);
    phi_sm2_pool_free(pool);
}

/* Two nonces of one key are two, with the same random bytes even: the counter sees to it. */
static void nonces_ahead_differ(void **state)
{
    (void)state;
    struct phi_sm2_nonce_key key;
    struct phi_u256 seen[300];
    phi_sm2_nonce_key_init(&key, (const uint8_t[32]){1});
    for (size_t i = 0; i < PHI_COUNT(seen); i++) {
        assert_int_equal(phi_sm2_nonce_ahead(&key, &seen[i]), PHI_OK);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(&seen[i], &seen[j], sizeof(seen[i]));
    }
}

/* One message, so that equal nonces would give equal r. Some threads fill while all sign. */
struct worker {
    struct phi_sm2_pool *pool;
    uint8_t sigs[EACH][PHI_SM2_SIG_LEN];
    bool is_filling;
    bool has_failed;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (size_t i = 0; i < EACH; i++) {
        if (worker->is_filling && i % 8 == 0)
            (void)phi_sm2_pool_fill(worker->pool, 24);
        if (phi_sm2_pool_sign(worker->pool, message(), worker->sigs[i]) != PHI_OK)
            worker->has_failed = true;
    }
    return NULL;
}

static int compare_r(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static void threads_never_share_one(void **state)
{
    (void)state;
    static struct worker workers[THREADS];
    static uint8_t all[THREADS * EACH][PHI_SM2_SIG_LEN];
    pthread_t threads[THREADS];
    struct phi_sm2_pool *pool = pool_of(40);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].pool = pool;
        workers[i].is_filling = i % 2 == 0;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(workers[i].has_failed);
        memcpy(all[i * EACH], workers[i].sigs, sizeof(workers[i].sigs));
    }
    qsort(all, THREADS * EACH, sizeof(all[0]), compare_r);
    for (size_t i = 1; i < THREADS * EACH; i++)
        assert_memory_not_equal(all[i - 1], all[i], 32);
    for (size_t i = 0; i < THREADS * EACH; i += 20)
        assert_good(all[i]);
    assert_true(phi_sm2_pool_count(pool) <= 40);
    phi_sm2_pool_free(pool);
}

static void *fill_whole(void *argument)
{
    (void)phi_sm2_pool_fill(argument, 64);
    return NULL;
}

/* Both see the same room when they begin. */
static void two_who_fill_keep_the_bound(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        pthread_t threads[2];
        struct phi_sm2_pool *pool = pool_of(64);
        for (size_t t = 0; t < 2; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, fill_whole, pool), 0);
        for (size_t t = 0; t < 2; t++)
            assert_int_equal(pthread_join(threads[t], NULL), 0);
        assert_int_equal(phi_sm2_pool_count(pool), 64);
        phi_sm2_pool_free(pool);
    }
}

/* What the child says: 0, or which of its looks found something wrong. */
static int child_of_fork(struct phi_sm2_pool *pool, int to)
{
    uint8_t sig[PHI_SM2_SIG_LEN];
    if (!is_wiped(pool, 0))
        return 1;
    if (phi_sm2_pool_count(pool) != 0 || phi_sm2_pool_fill(pool, 5) != 0)
        return 2;
    phi_sm2_pool_empty(pool);
    if (phi_sm2_pool_sign(pool, message(), sig) != PHI_OK)
        return 3;
    if (write(to, sig, sizeof(sig)) != sizeof(sig))
        return 4;
    phi_sm2_pool_free(pool);
    return 0;
}

/* The lock is held at the fork as a filling thread would hold it: the child must not wait. */
static void a_child_has_none(void **state)
{
    (void)state;
    struct phi_sm2_pool *pool = pool_of(4);
    uint8_t sig[PHI_SM2_SIG_LEN];
    uint8_t ours[PHI_SM2_SIG_LEN];
    int ends[2];
    int status = -1;
    assert_int_equal(phi_sm2_pool_fill(pool, 4), 4);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_mutex_lock(&pool->lock), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(60);
        _exit(child_of_fork(pool, ends[1]));
    }
    assert_int_equal(pthread_mutex_unlock(&pool->lock), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(read(ends[0], sig, sizeof(sig)), sizeof(sig));
    assert_good(sig);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(phi_sm2_pool_sign(pool, message(), ours), PHI_OK);
        assert_memory_not_equal(ours, sig, 32);
    }
    close(ends[0]);
    close(ends[1]);
    phi_sm2_pool_free(pool);
}

static void other_backends_sign_without(void **state)
{
    (void)state;
    struct phi_sm2_private *other = NULL;
    struct phi_sm2_pool *pool = NULL;
    uint8_t sig[PHI_SM2_SIG_LEN];
    uint8_t scalar[PHI_SM2_SCALAR_LEN];
    struct phi_sm2_job job = {.message = message()};
    assert_int_equal(phi_sm2_private_scalar(pair, scalar), PHI_OK);
    assert_int_equal(phi_sm2_backend_use("openssl"), PHI_OK);
    assert_int_equal(phi_sm2_private_new(scalar, &other), PHI_OK);
    assert_int_equal(phi_sm2_backend_use("native"), PHI_OK);
    assert_int_equal(phi_sm2_pool_new(other, 4, &pool), PHI_OK);
    assert_int_equal(phi_sm2_pool_fill(pool, 4), 0);
    assert_int_equal(phi_sm2_pool_sign(pool, message(), sig), PHI_OK);
    assert_good(sig);
    phi_sm2_pool_sign_batch(pool, &job, 1);
    assert_int_equal(job.result, PHI_OK);
    assert_good(job.sig);
    phi_sm2_pool_free(pool);
    phi_sm2_private_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacities),
        cmocka_unit_test(filling_is_bounded),
        cmocka_unit_test(prepared_ones_are_multiples),
        cmocka_unit_test(signing_singly_and_together),
        cmocka_unit_test(used_ones_are_wiped),
        cmocka_unit_test(nonces_ahead_differ),
        cmocka_unit_test(threads_never_share_one),
        cmocka_unit_test(two_who_fill_keep_the_bound),
        cmocka_unit_test(a_child_has_none),
        cmocka_unit_test(other_backends_sign_without),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
