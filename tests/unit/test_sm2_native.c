/* The native SM2 against OpenSSL's, both ways, through crypto/sm2.h. PHI_SM2_CASES=100000 is the
 * long form. */
#include "sm2_kit.h"

#include "crypto/sm2.h"

#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE_MAX 4096
#define ROWS        64

/* A pair in both backends. */
struct both {
    struct phi_sm2_private *native;
    struct phi_sm2_private *other;
    struct phi_sm2_public *native_public;
    struct phi_sm2_public *other_public;
};

static void both_init(struct both *both, const struct phi_u256 *d)
{
    uint8_t scalar[32];
    uint8_t xy[64];
    uint8_t again[64];
    u256_to_bytes(d, scalar);
    assert_int_equal(phi_sm2_backend_use("openssl"), PHI_OK);
    assert_int_equal(phi_sm2_private_new(scalar, &both->other), PHI_OK);
    phi_sm2_private_public(both->other, xy);
    assert_int_equal(phi_sm2_public_new(xy, &both->other_public), PHI_OK);
    assert_int_equal(phi_sm2_backend_use("native"), PHI_OK);
    assert_int_equal(phi_sm2_private_new(scalar, &both->native), PHI_OK);
    phi_sm2_private_public(both->native, again);
    assert_memory_equal(xy, again, sizeof(xy));
    assert_int_equal(phi_sm2_public_new(xy, &both->native_public), PHI_OK);
}

static void both_fini(struct both *both)
{
    phi_sm2_private_free(both->native);
    phi_sm2_private_free(both->other);
    phi_sm2_public_free(both->native_public);
    phi_sm2_public_free(both->other_public);
}

static struct phi_u256 key_scalar(void)
{
    struct phi_u256 d = kit_scalar();
    const struct phi_u256 last = kit_minus(1);
    return u256_is_equal(&d, &last) ? kit_number(1) : d;
}

struct letters {
    struct phi_sm2_job jobs[ROWS];
    uint8_t messages[ROWS][512];
    uint32_t dice[ROWS];
};

/* Odd rows are signed by OpenSSL, even ones by us, together; dice decide what is altered. */
static void letters_write(struct letters *letters, const struct both *both, size_t count)
{
    assert_int_equal(phi_random_bytes(letters->messages, sizeof(letters->messages)), PHI_OK);
    assert_int_equal(phi_random_bytes(letters->dice, sizeof(letters->dice)), PHI_OK);
    for (size_t i = 0; i < count; i++) {
        const size_t len = letters->dice[i] % (sizeof(letters->messages[0]) - 1) + 1;
        letters->jobs[i] = (struct phi_sm2_job){
            .private_key = i % 2 ? both->other : both->native,
            .public_key = both->other_public,
            .message = phi_view_of(letters->messages[i], len),
        };
    }
    phi_sm2_sign_batch(letters->jobs, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(letters->jobs[i].result, PHI_OK);
}

static void letters_verify(struct letters *letters, const struct phi_sm2_public *key, size_t count,
                           const bool expected[])
{
    for (size_t i = 0; i < count; i++) {
        letters->jobs[i].public_key = key;
        letters->jobs[i].result = PHI_ERR_INTERNAL;
    }
    phi_sm2_verify_batch(letters->jobs, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(letters->jobs[i].result, expected[i] ? PHI_OK : PHI_ERR_SIGNATURE);
}

static void letters_alter(struct letters *letters, size_t count, bool expected[])
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t dice = letters->dice[i] >> 10;
        expected[i] = dice % 4 == 0;
        if (dice % 4 == 1)
            letters->messages[i][dice / 4 % letters->jobs[i].message.len] ^= 0x10;
        if (dice % 4 == 2)
            letters->jobs[i].sig[dice / 4 % 64] ^= (uint8_t)(1 << dice / 256 % 8);
        if (dice % 4 == 3) /* another's signature */
            memcpy(letters->jobs[i].sig, letters->jobs[(i + 1) % ROWS].sig, PHI_SM2_SIG_LEN);
    }
}

/* The key is unknown at first, gets a small table on the way, and a large one at the end. */
static void one_key(size_t batches)
{
    static struct letters letters;
    struct both both;
    struct phi_u256 d = key_scalar();
    bool all[ROWS];
    bool some[ROWS];
    memset(all, true, sizeof(all));
    both_init(&both, &d);
    for (size_t i = 0; i < batches; i++) {
        const size_t count = 2 + i * 7 % (ROWS - 1);
        if (i + 1 == batches)
            phi_sm2_public_announce(both.native_public);
        letters_write(&letters, &both, count);
        letters_verify(&letters, both.native_public, count, all);
        letters_verify(&letters, both.other_public, count, all);
        letters_alter(&letters, count, some);
        letters_verify(&letters, both.native_public, count, some);
        letters_verify(&letters, both.other_public, count, some);
    }
    both_fini(&both);
}

static void both_agree(void **state)
{
    (void)state;
    const size_t batches = 6; /* of 23 rows on average */
    KIT_EACH_CORE(core)
    {
        for (size_t i = 0; i < kit_cases(1000); i += batches * 23)
            one_key(batches);
    }
}

static void keys_at_the_ends(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct phi_u256 d;
        bool is_key;
    } cases[] = {
        {"0", kit_number(0), false},   {"1", kit_number(1), true},
        {"2", kit_number(2), true},    {"n - 3", kit_minus(3), true},
        {"n - 2", kit_minus(2), true}, {"n - 1", kit_minus(1), false},
        {"n", phi_sm2_n, false},       {"all ones", {{~0ull, ~0ull, ~0ull, ~0ull}}, false},
    };
    static struct letters letters;
    bool all[ROWS];
    memset(all, true, sizeof(all));
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct both both;
        uint8_t scalar[32];
        struct phi_sm2_private *none = NULL;
        print_message("    d = %s\n", cases[i].name);
        u256_to_bytes(&cases[i].d, scalar);
        assert_int_equal(phi_sm2_backend_use("native"), PHI_OK);
        if (!cases[i].is_key) {
            assert_int_equal(phi_sm2_private_new(scalar, &none), PHI_ERR_KEY);
            continue;
        }
        both_init(&both, &cases[i].d);
        for (int size = 0; size < 2; size++) {
            letters_write(&letters, &both, 20);
            letters_verify(&letters, both.native_public, 20, all);
            letters_verify(&letters, both.other_public, 20, all);
            phi_sm2_public_announce(both.native_public);
        }
        both_fini(&both);
    }
}

static void messages_of_every_length(void **state)
{
    (void)state;
    static uint8_t message[MESSAGE_MAX + 1];
    const size_t step = kit_cases(0) ? 1 : 29;
    struct both both;
    struct phi_u256 d = key_scalar();
    both_init(&both, &d);
    for (size_t len = 0; len <= MESSAGE_MAX; len += len < 300 ? 1 : step) {
        uint8_t sig[PHI_SM2_SIG_LEN];
        message[len] = (uint8_t)len;
        struct phi_view view = phi_view_of(message, len);
        assert_int_equal(phi_sm2_sign(both.native, view, sig), PHI_OK);
        assert_int_equal(phi_sm2_verify(both.other_public, view, sig), PHI_OK);
        assert_int_equal(phi_sm2_verify(both.native_public, view, sig), PHI_OK);
        assert_int_equal(phi_sm2_verify(both.native_public, phi_view_of(message, len + 1), sig),
                         PHI_ERR_SIGNATURE);
    }
    both_fini(&both);
}

/* Each pair of numbers at the ends of the range is refused, as by OpenSSL; a pair with r + s = n,
 * too. (A true signature with such an r or s would need a digest inverted.) */
static void numbers_out_of_range(void **state)
{
    (void)state;
    const struct phi_u256 ends[] = {
        kit_number(0), kit_number(1), kit_minus(1), phi_sm2_n,    {{~0ull, ~0ull, ~0ull, ~0ull}},
        kit_number(2), kit_minus(2),  kit_minus(0), kit_random(),
    };
    struct both both;
    struct phi_u256 d = key_scalar();
    both_init(&both, &d);
    for (size_t i = 0; i < PHI_COUNT(ends) * (PHI_COUNT(ends) + 1); i++) {
        struct phi_sm2_job job = {.message = phi_view_text("one code")};
        struct phi_u256 s = ends[i % PHI_COUNT(ends)];
        if (i >= PHI_COUNT(ends) * PHI_COUNT(ends))
            (void)u256_sub(&s, &phi_sm2_n, &s);
        u256_to_bytes(&ends[i / PHI_COUNT(ends) % PHI_COUNT(ends)], job.sig);
        u256_to_bytes(&s, job.sig + 32);
        assert_int_equal(phi_sm2_verify(both.native_public, job.message, job.sig),
                         PHI_ERR_SIGNATURE);
        assert_int_equal(phi_sm2_verify(both.other_public, job.message, job.sig),
                         PHI_ERR_SIGNATURE);
    }
    both_fini(&both);
}

/* The true signature plus n, where that still fits 256 bits, is another writing of the same
 * numbers: refused, or the signature would not be one. */
static void signatures_have_one_writing(void **state)
{
    (void)state;
    struct both both;
    struct phi_u256 d = key_scalar();
    int tried = 0;
    both_init(&both, &d);
    for (uint32_t i = 0; i < 64; i++) {
        uint8_t sig[PHI_SM2_SIG_LEN];
        struct phi_view view = phi_view_of(&i, sizeof(i));
        assert_int_equal(phi_sm2_sign(both.native, view, sig), PHI_OK);
        for (int half = 0; half < 64; half += 32) {
            struct phi_u256 a = u256_from_bytes(sig + half);
            struct phi_u256 negative;
            struct phi_u256 kept = a;
            if (!u256_add(&a, &a, &phi_sm2_n)) {
                u256_to_bytes(&a, sig + half);
                assert_int_equal(phi_sm2_verify(both.native_public, view, sig), PHI_ERR_SIGNATURE);
            }
            (void)u256_sub(&negative, &phi_sm2_n, &kept);
            u256_to_bytes(&negative, sig + half);
            assert_int_equal(phi_sm2_verify(both.native_public, view, sig), PHI_ERR_SIGNATURE);
            u256_to_bytes(&kept, sig + half);
            tried++;
        }
    }
    assert_int_equal(tried, 128);
    both_fini(&both);
}

/* The same message twice gives two nonces, so two values of r. */
static void nonces_differ(void **state)
{
    (void)state;
    struct both both;
    struct phi_u256 d = key_scalar();
    uint8_t seen[200][32];
    both_init(&both, &d);
    for (size_t i = 0; i < PHI_COUNT(seen); i++) {
        uint8_t sig[PHI_SM2_SIG_LEN];
        assert_int_equal(phi_sm2_sign(both.native, phi_view_text("one code"), sig), PHI_OK);
        memcpy(seen[i], sig, 32);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(seen[i], seen[j], 32);
    }
    both_fini(&both);
}

/* A child has its parent's drawn random bytes, and must not use them. */
static void nonces_differ_after_fork(void **state)
{
    (void)state;
    struct both both;
    struct phi_u256 d = key_scalar();
    uint8_t ours[PHI_SM2_SIG_LEN];
    uint8_t theirs[PHI_SM2_SIG_LEN];
    const struct phi_view message = phi_view_text("one code");
    int ends[2];
    both_init(&both, &d);
    assert_int_equal(phi_sm2_sign(both.native, message, ours), PHI_OK);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool is_good = phi_sm2_sign(both.native, message, ours) == PHI_OK &&
                       write(ends[1], ours, sizeof(ours)) == sizeof(ours);
        _exit(is_good ? 0 : 1);
    }
    assert_int_equal(phi_sm2_sign(both.native, message, ours), PHI_OK);
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_memory_not_equal(ours, theirs, 32);
    close(ends[0]);
    close(ends[1]);
    both_fini(&both);
}

static void foreign_points_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int at;
        uint8_t change;
        bool is_filled;
    } cases[] = {
        {"y altered", 63, 1, false}, {"x altered", 0, 0x80, false}, {"x not below p", 0, 0, true}};
    struct both both;
    struct phi_u256 d = key_scalar();
    both_init(&both, &d);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        uint8_t xy[64];
        struct phi_sm2_public *key = NULL;
        phi_sm2_public_get(both.native_public, xy);
        xy[cases[i].at] ^= cases[i].change;
        if (cases[i].is_filled)
            memset(xy, 0xff, 32);
        phi_check(cases[i].name, phi_sm2_public_new(xy, &key) == PHI_ERR_KEY && !key);
    }
    uint8_t zeros[64] = {0};
    struct phi_sm2_public *key = NULL;
    assert_int_equal(phi_sm2_public_new(zeros, &key), PHI_ERR_KEY);
    both_fini(&both);
}

static int teardown(void **state)
{
    (void)state;
    kit_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_at_the_ends),
        cmocka_unit_test(messages_of_every_length),
        cmocka_unit_test(numbers_out_of_range),
        cmocka_unit_test(signatures_have_one_writing),
        cmocka_unit_test(nonces_differ),
        cmocka_unit_test(nonces_differ_after_fork),
        cmocka_unit_test(foreign_points_are_refused),
        cmocka_unit_test(both_agree),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
