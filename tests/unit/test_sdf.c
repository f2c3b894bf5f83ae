/* The crypto machine's room over the software machine of tests/sdf: what it does, and what happens
 * when the machine fails in every way that the software one can. */
#include "case.h"
#include "crypto/key.h"
#include "crypto/sdf.h"

#include "base/log.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 1000
#define SECOND_MS  5000

static char folder[] = "/tmp/phi-test-sdf-XXXXXX";
static char control[64], keyfile[64];
static const char scalar_hex[] = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
static const struct phi_sdf_key keys[] = {{"code", 1}, {"answer", 7}};

static void write_file(const char *path, const char *text)
{
    char other[80];
    (void)snprintf(other, sizeof(other), "%s.new", path);
    FILE *file = fopen(other, "we");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(other, path), 0);
}

/* The machine counts the calls since a line was written; the number makes each line another. */
static void fault(const char *line)
{
    static unsigned number;
    char text[128];
    (void)snprintf(text, sizeof(text), "%s ;%u", line, ++number);
    write_file(control, line[0] == '\0' ? "" : text);
}

static struct phi_sdf_options options_of(size_t sessions)
{
    return (struct phi_sdf_options){.library = SDF_SOFT,
                                    .password = "opensesame",
                                    .keys = keys,
                                    .key_count = 2,
                                    .sessions = sessions,
                                    .timeout_ms = TIMEOUT_MS,
                                    .probe_ms = 3600 * 1000};
}

static struct phi_sdf *machine(size_t sessions)
{
    struct phi_sdf *sdf = NULL;
    struct phi_error error = {.code = PHI_OK};
    const struct phi_sdf_options options = options_of(sessions);
    fault("");
    assert_int_equal(phi_sdf_open(&options, &sdf, &error), PHI_OK);
    assert_int_equal(phi_sdf_state(sdf), PHI_SDF_WORKING);
    return sdf;
}

static struct phi_sm2_private *key_of(struct phi_sdf *sdf, const char *use)
{
    struct phi_sm2_private *key = NULL;
    assert_int_equal(phi_sdf_sm2_key(sdf, use, &key), PHI_OK);
    return key;
}

static void check_signature(const struct phi_sm2_private *key, struct phi_view message,
                            const uint8_t sig[PHI_SM2_SIG_LEN])
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_sm2_public *public = NULL;
    phi_sm2_private_public(key, xy);
    assert_int_equal(phi_sm2_public_new(xy, &public), PHI_OK);
    assert_int_equal(phi_sm2_verify(public, message, sig), PHI_OK);
    phi_sm2_public_free(public);
}

static void wait_for_state(const struct phi_sdf *sdf, enum phi_sdf_state state)
{
    const struct timespec tick = {.tv_nsec = 2 * 1000000};
    struct phi_deadline until = phi_deadline_in_ms(SECOND_MS);
    while (phi_sdf_state(sdf) != state && !phi_deadline_is_past(until))
        nanosleep(&tick, NULL);
    assert_int_equal(phi_sdf_state(sdf), state);
}

static void signs_as_the_same_key_elsewhere(void **state)
{
    (void)state;
    uint8_t scalar[32], ours[64], theirs[64], sig[PHI_SM2_SIG_LEN];
    struct phi_sm2_private *same = NULL;
    struct phi_sdf *sdf = machine(2);
    struct phi_sm2_private *key = key_of(sdf, "code");
    assert_int_equal(phi_hex_decode(phi_view_text(scalar_hex), scalar, 32), PHI_OK);
    assert_int_equal(phi_sm2_private_new(scalar, &same), PHI_OK);
    phi_sm2_private_public(same, ours);
    phi_sm2_private_public(key, theirs);
    assert_memory_equal(ours, theirs, 64);
    assert_int_equal(phi_sm2_sign(key, phi_view_text("a message"), sig), PHI_OK);
    check_signature(same, phi_view_text("a message"), sig);
    phi_sm2_private_free(same);
    phi_sm2_private_free(key);
    phi_sdf_close(sdf);
}

static void a_batch_of_two_machines_keys_and_one_of_ours(void **state)
{
    (void)state;
    enum { ROWS = 30 };
    struct phi_sm2_job jobs[ROWS];
    struct phi_sdf *sdf = machine(3), *other = machine(1);
    struct phi_sm2_private *pairs[] = {key_of(sdf, "code"), key_of(sdf, "answer"),
                                       key_of(other, "code"), NULL};
    uint8_t messages[ROWS];
    assert_int_equal(phi_sm2_private_generate(&pairs[3]), PHI_OK);
    for (size_t i = 0; i < ROWS; i++) {
        messages[i] = (uint8_t)i;
        jobs[i] = (struct phi_sm2_job){.private_key = pairs[i / 3 % 4],
                                       .message = phi_view_of(&messages[i], 1)};
    }
    phi_sm2_sign_batch(jobs, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(jobs[i].result, PHI_OK);
        check_signature(jobs[i].private_key, jobs[i].message, jobs[i].sig);
    }
    for (size_t i = 0; i < 4; i++)
        phi_sm2_private_free(pairs[i]);
    phi_sdf_close(sdf);
    phi_sdf_close(other);
}

static void the_private_half_stays(void **state)
{
    (void)state;
    char path[80];
    struct phi_sdf *sdf = machine(1);
    struct phi_sm2_private *key = key_of(sdf, "code");
    (void)snprintf(path, sizeof(path), "%s/exported.key", folder);
    assert_int_equal(phi_key_write_sm2(path, "password", key), PHI_ERR_KEY);
    assert_int_equal(access(path, F_OK), -1);
    phi_sm2_private_free(key);
    phi_sdf_close(sdf);
}

struct failure {
    const char *name;
    const char *control;
};

/* Each way to fail: no signature, a clear error in time, and signatures again when it is over. */
static void a_failing_machine_signs_nothing(void **state)
{
    (void)state;
    static const struct failure failures[] = {
        {"an error", "fail SDF_InternalSign_ECC"},
        {"a wrong signature", "wrong SDF_InternalSign_ECC"},
        {"busy", "busy SDF_InternalSign_ECC"},
        {"hung up", "hangup all"},
        {"everything fails", "fail all"},
        {"no access right", "deny all"},
        {"it hangs", "hang SDF_InternalSign_ECC"},
    };
    struct phi_sdf *sdf = machine(1);
    struct phi_sm2_private *key = key_of(sdf, "code");
    static const uint8_t nothing[PHI_SM2_SIG_LEN];
    for (size_t i = 0; i < PHI_COUNT(failures); i++) {
        uint8_t sig[PHI_SM2_SIG_LEN];
        memset(sig, 0x5a, sizeof(sig));
        print_message("%s\n", failures[i].name);
        fault(failures[i].control);
        int64_t before_us = phi_monotonic_us();
        assert_int_equal(phi_sm2_sign(key, phi_view_text("m"), sig), PHI_ERR_KEY_DEVICE);
        assert_true(phi_monotonic_us() - before_us < SECOND_MS * 1000);
        assert_memory_equal(sig, nothing, sizeof(sig));
        assert_int_not_equal(phi_sdf_state(sdf), PHI_SDF_WORKING);
        fault("");
        wait_for_state(sdf, PHI_SDF_WORKING); /* by the test call, nobody else asks */
        assert_int_equal(phi_sm2_sign(key, phi_view_text("m"), sig), PHI_OK);
        check_signature(key, phi_view_text("m"), sig);
    }
    phi_sm2_private_free(key);
    phi_sdf_close(sdf);
}

static void a_session_that_ended_is_opened_again_at_once(void **state)
{
    (void)state;
    uint8_t sig[PHI_SM2_SIG_LEN];
    struct phi_sdf *sdf = machine(1);
    struct phi_sm2_private *key = key_of(sdf, "code");
    fault("hangup SDF_InternalSign_ECC 0 1");
    assert_int_equal(phi_sm2_sign(key, phi_view_text("m"), sig), PHI_OK);
    check_signature(key, phi_view_text("m"), sig);
    assert_int_equal(phi_sdf_state(sdf), PHI_SDF_WORKING);
    phi_sm2_private_free(key);
    phi_sdf_close(sdf);
}

static void a_call_that_fails_in_the_middle_of_a_batch(void **state)
{
    (void)state;
    enum { ROWS = 12 };
    struct phi_sm2_job jobs[ROWS];
    struct phi_sdf *sdf = machine(2);
    struct phi_sm2_private *key = key_of(sdf, "code");
    size_t failed = 0;
    for (size_t i = 0; i < ROWS; i++)
        jobs[i] = (struct phi_sm2_job){.private_key = key, .message = phi_view_text("m")};
    fault("wrong SDF_InternalSign_ECC 5 4"); /* each failing row asks twice, two may share */
    phi_sm2_sign_batch(jobs, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        failed += jobs[i].result != PHI_OK;
        if (jobs[i].result == PHI_OK)
            check_signature(key, jobs[i].message, jobs[i].sig);
        else
            assert_int_equal(jobs[i].result, PHI_ERR_KEY_DEVICE);
    }
    assert_in_range(failed, 1, 4);
    phi_sm2_private_free(key);
    phi_sdf_close(sdf);
}

static void down_is_seen_before_anybody_asks(void **state)
{
    (void)state;
    struct phi_sdf *sdf = NULL;
    struct phi_error error;
    struct phi_sdf_options options = options_of(2);
    options.probe_ms = 20;
    fault("");
    assert_int_equal(phi_sdf_open(&options, &sdf, &error), PHI_OK);
    fault("fail all");
    wait_for_state(sdf, PHI_SDF_DOWN);
    fault("wrong SDF_HashFinal");
    wait_for_state(sdf, PHI_SDF_DOWN);
    fault("");
    wait_for_state(sdf, PHI_SDF_WORKING);
    fault("hang SDF_HashInit"); /* the test call itself: the other session sees it */
    wait_for_state(sdf, PHI_SDF_DOWN);
    fault("");
    wait_for_state(sdf, PHI_SDF_WORKING);
    phi_sdf_close(sdf);
}

static void verifies_there_and_here(void **state)
{
    (void)state;
    uint8_t sig[PHI_SM2_SIG_LEN], xy[PHI_SM2_PUBLIC_LEN];
    struct phi_sm2_public *public = NULL;
    struct phi_sdf *sdf = machine(2);
    struct phi_sm2_private *key = key_of(sdf, "code");
    phi_sm2_private_public(key, xy);
    phi_sdf_use_to_verify(sdf);
    assert_int_equal(phi_sm2_public_new(xy, &public), PHI_OK);
    assert_int_equal(phi_sm2_sign(key, phi_view_text("m"), sig), PHI_OK);
    assert_int_equal(phi_sm2_verify(public, phi_view_text("m"), sig), PHI_OK);
    assert_int_equal(phi_sm2_verify(public, phi_view_text("n"), sig), PHI_ERR_SIGNATURE);
    fault("wrong SDF_ExternalVerify_ECC"); /* says yes for no and no for yes */
    assert_int_equal(phi_sm2_verify(public, phi_view_text("m"), sig), PHI_ERR_KEY_DEVICE);
    assert_int_equal(phi_sm2_verify(public, phi_view_text("n"), sig), PHI_ERR_KEY_DEVICE);
    fault("fail SDF_ExternalVerify_ECC");
    assert_int_equal(phi_sm2_verify(public, phi_view_text("m"), sig), PHI_ERR_KEY_DEVICE);
    phi_sdf_use_to_verify(NULL);
    phi_sm2_public_free(public);
    phi_sm2_private_free(key);
    phi_sdf_close(sdf);
}

static void verifies_by_index(void **state)
{
    (void)state;
    uint8_t digest[PHI_SM3_LEN] = {1}, sig[PHI_SM2_SIG_LEN] = {[31] = 1, [63] = 1};
    struct phi_sdf *sdf = machine(1);
    assert_int_equal(phi_sdf_verify_internal(sdf, "code", digest, sig), PHI_ERR_SIGNATURE);
    assert_int_equal(phi_sdf_verify_internal(sdf, "none", digest, sig), PHI_ERR_KEY);
    fault("fail SDF_InternalVerify_ECC");
    assert_int_equal(phi_sdf_verify_internal(sdf, "code", digest, sig), PHI_ERR_KEY_DEVICE);
    fault("wrong SDF_InternalVerify_ECC"); /* the machine says yes */
    assert_int_equal(phi_sdf_verify_internal(sdf, "code", digest, sig), PHI_OK);
    phi_sdf_close(sdf);
}

static void digests_and_random(void **state)
{
    (void)state;
    uint8_t long_text[PHI_SDF_BYTES_MAX + 1], ours[PHI_SM3_LEN], theirs[PHI_SM3_LEN];
    uint8_t random[2 * PHI_SDF_BYTES_MAX + 5], zero[sizeof(random)];
    struct phi_sdf *sdf = machine(1);
    memset(long_text, 'x', sizeof(long_text));
    memset(zero, 0, sizeof(zero));
    for (size_t len = 0; len <= PHI_SDF_BYTES_MAX; len += 512) {
        assert_int_equal(phi_sdf_sm3(sdf, phi_view_of(long_text, len), theirs), PHI_OK);
        assert_int_equal(phi_sm3(phi_view_of(long_text, len), ours), PHI_OK);
        assert_memory_equal(ours, theirs, PHI_SM3_LEN);
    }
    assert_int_equal(phi_sdf_sm3(sdf, phi_view_of(long_text, sizeof(long_text)), theirs),
                     PHI_ERR_FIELD_VALUE);
    memset(random, 0, sizeof(random));
    assert_int_equal(phi_sdf_random(sdf, random, sizeof(random)), PHI_OK);
    assert_memory_not_equal(random + PHI_SDF_BYTES_MAX, zero, 16);
    assert_memory_not_equal(random, random + PHI_SDF_BYTES_MAX, 16);
    fault("fail SDF_GenerateRandom");
    assert_int_equal(phi_sdf_random(sdf, random, sizeof(random)), PHI_ERR_KEY_DEVICE);
    assert_memory_equal(random, zero, sizeof(zero));
    phi_sdf_close(sdf);
}

static void sm4_counter_mode_as_ours(void **state)
{
    (void)state;
    uint8_t key[PHI_SM4_KEY_LEN], iv[PHI_SM4_BLOCK_LEN], plain[3 * PHI_SDF_BYTES_MAX / 2 + 7];
    uint8_t ours[sizeof(plain)], theirs[sizeof(plain)];
    struct phi_sdf_sm4 wrapped = {.kek = 2, .wrapped_len = PHI_SM4_KEY_LEN};
    struct phi_sdf *sdf = machine(1);
    memset(plain, 'p', sizeof(plain));
    memset(iv, 0xff, sizeof(iv)); /* all of it overflows */
    /* ffee… wrapped under 0123…, as `openssl enc -sm4-ecb -nopad` does */
    assert_int_equal(
        phi_hex_decode(phi_view_text("87051d101c3334802734fcbf48fd5b4d"), wrapped.wrapped, 16),
        PHI_OK);
    assert_int_equal(phi_hex_decode(phi_view_text("ffeeddccbbaa99887766554433221100"), key, 16),
                     PHI_OK);
    for (size_t len = 0; len <= sizeof(plain); len += 17) {
        assert_int_equal(phi_sm4_ctr(key, iv, plain, len, ours), PHI_OK);
        assert_int_equal(phi_sdf_sm4_ctr(sdf, &wrapped, iv, plain, len, theirs), PHI_OK);
        assert_memory_equal(ours, theirs, len);
    }
    assert_int_equal(phi_sdf_sm4_generate(sdf, 2, &wrapped), PHI_OK);
    assert_int_equal(phi_sdf_sm4_ctr(sdf, &wrapped, iv, plain, sizeof(plain), theirs), PHI_OK);
    assert_memory_not_equal(ours, theirs, 16);
    assert_int_equal(phi_sdf_sm4_ctr(sdf, &wrapped, iv, theirs, sizeof(plain), theirs), PHI_OK);
    assert_memory_equal(plain, theirs, sizeof(plain));
    assert_int_equal(phi_sdf_sm4_generate(sdf, 3, &wrapped), PHI_ERR_KEY_DEVICE);
    fault("wrong SDF_Encrypt");
    assert_int_equal(phi_sdf_sm4_ctr(sdf, &wrapped, iv, plain, 20, theirs), PHI_ERR_KEY_DEVICE);
    phi_sdf_close(sdf);
}

struct opening {
    const char *name;
    const char *control;
    const char *library;
    const char *password;
    size_t sessions;
    uint32_t index;
    enum phi_err err;
    const char *place;
};

static void what_does_not_open(void **state)
{
    (void)state;
    static const struct opening openings[] = {
        {"no library", "", "/nonexistent.so", "opensesame", 1, 1, PHI_ERR_CONFIG, "library"},
        {"another library", "", "libcrypto.so.3", "opensesame", 1, 1, PHI_ERR_CONFIG, "library"},
        {"no sessions", "", SDF_SOFT, "opensesame", 0, 1, PHI_ERR_CONFIG, "machine"},
        {"wrong password", "", SDF_SOFT, "opensesam", 1, 1, PHI_ERR_KEY_DEVICE, "code"},
        {"no such key", "", SDF_SOFT, "opensesame", 1, 5, PHI_ERR_KEY_DEVICE, "code"},
        {"no device", "fail SDF_OpenDevice", SDF_SOFT, "opensesame", 1, 1, PHI_ERR_KEY_DEVICE,
         "code"},
        {"not a point", "wrong SDF_ExportSignPublicKey_ECC", SDF_SOFT, "opensesame", 1, 1,
         PHI_ERR_KEY_DEVICE, "code"},
        {"signs wrongly", "wrong SDF_InternalSign_ECC", SDF_SOFT, "opensesame", 1, 1,
         PHI_ERR_KEY_DEVICE, "code"},
        {"digests wrongly", "wrong SDF_HashFinal", SDF_SOFT, "opensesame", 1, 1, PHI_ERR_KEY_DEVICE,
         "sm3"},
        {"no random", "fail SDF_GenerateRandom", SDF_SOFT, "opensesame", 1, 1, PHI_ERR_KEY_DEVICE,
         "random"},
    };
    for (size_t i = 0; i < PHI_COUNT(openings); i++) {
        const struct opening *c = &openings[i];
        struct phi_sdf *sdf = NULL;
        struct phi_error error = {.code = PHI_OK};
        const struct phi_sdf_key key = {"code", c->index};
        struct phi_sdf_options options = options_of(c->sessions);
        options.library = c->library;
        options.password = c->password;
        options.keys = &key;
        options.key_count = 1;
        print_message("%s\n", c->name);
        fault(c->control);
        assert_int_equal(phi_sdf_open(&options, &sdf, &error), c->err);
        assert_null(sdf);
        assert_string_equal(error.place, c->place);
    }
}

static void a_machine_that_hangs_is_left_behind(void **state)
{
    (void)state;
    uint8_t random[8];
    struct phi_sdf *sdf = machine(1);
    fault("hang SDF_GenerateRandom");
    assert_int_equal(phi_sdf_random(sdf, random, sizeof(random)), PHI_ERR_KEY_DEVICE);
    assert_int_equal(phi_sdf_state(sdf), PHI_SDF_DOWN);
    assert_int_equal(phi_sdf_random(sdf, random, sizeof(random)), PHI_ERR_KEY_DEVICE);
    fault("");
    wait_for_state(sdf, PHI_SDF_WORKING);
    phi_sdf_close(sdf);
}

static void names_of_keys(void **state)
{
    (void)state;
    struct phi_sdf_key key;
    static const char *const broken[] = {"",
                                         "code",
                                         ":1",
                                         "code:",
                                         "code:0",
                                         "code:-1",
                                         "Code:1",
                                         "a b:1",
                                         "code:1x",
                                         "code:4294967296",
                                         "a-use-of-more-than-31-characters:1"};
    assert_int_equal(phi_sdf_key_parse("code-2:17", &key), PHI_OK);
    assert_string_equal(key.use, "code-2");
    assert_int_equal(key.index, 17);
    for (size_t i = 0; i < PHI_COUNT(broken); i++)
        assert_int_equal(phi_sdf_key_parse(broken[i], &key), PHI_ERR_CONFIG);
}

static void a_key_file_names_the_machines_key(void **state)
{
    (void)state;
    char path[80];
    uint8_t sig[PHI_SM2_SIG_LEN];
    struct phi_error error;
    struct phi_sm2_private *key = NULL;
    (void)snprintf(path, sizeof(path), "%s/code.key", folder);
    write_file(path, "sdf:code\n");
    assert_int_equal(phi_key_read_sm2(path, "", &key, &error), PHI_ERR_KEY);
    struct phi_sdf *sdf = machine(1);
    phi_sdf_use_for_files(sdf);
    assert_int_equal(phi_key_read_sm2(path, "", &key, &error), PHI_OK);
    assert_int_equal(phi_sm2_sign(key, phi_view_text("m"), sig), PHI_OK);
    phi_sm2_private_free(key);
    write_file(path, "sdf:other\n");
    assert_int_equal(phi_key_read_sm2(path, "", &key, &error), PHI_ERR_KEY);
    assert_string_equal(error.place, "code.key");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(phi_key_read_sm2(path, "", &key, &error), PHI_ERR_KEY);
    phi_sdf_close(sdf);
    assert_null(phi_sdf_for_files());
}

static int make_folder(void **state)
{
    (void)state;
    char text[256];
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(control, sizeof(control), "%s/control", folder);
    (void)snprintf(keyfile, sizeof(keyfile), "%s/keys", folder);
    (void)snprintf(text, sizeof(text),
                   "sign 1 opensesame %s\nsign 7 opensesame %.62s01\n"
                   "kek 2 0123456789abcdeffedcba9876543210\n",
                   scalar_hex, scalar_hex);
    write_file(keyfile, text);
    phi_log_open("test", PHI_LOG_LOGFMT, PHI_LOG_ERROR, STDERR_FILENO);
    return setenv("PHI_SDF_SOFT_KEYS", keyfile, 1) | setenv("PHI_SDF_SOFT_CONTROL", control, 1);
}

static int drop_folder(void **state)
{
    (void)state;
    char path[80];
    (void)snprintf(path, sizeof(path), "%s/code.key", folder);
    return unlink(path) | unlink(control) | unlink(keyfile) | rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_same_key_elsewhere),
        cmocka_unit_test(a_batch_of_two_machines_keys_and_one_of_ours),
        cmocka_unit_test(the_private_half_stays),
        cmocka_unit_test(a_failing_machine_signs_nothing),
        cmocka_unit_test(a_session_that_ended_is_opened_again_at_once),
        cmocka_unit_test(a_call_that_fails_in_the_middle_of_a_batch),
        cmocka_unit_test(down_is_seen_before_anybody_asks),
        cmocka_unit_test(verifies_there_and_here),
        cmocka_unit_test(verifies_by_index),
        cmocka_unit_test(digests_and_random),
        cmocka_unit_test(sm4_counter_mode_as_ours),
        cmocka_unit_test(what_does_not_open),
        cmocka_unit_test(a_machine_that_hangs_is_left_behind),
        cmocka_unit_test(names_of_keys),
        cmocka_unit_test(a_key_file_names_the_machines_key),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
