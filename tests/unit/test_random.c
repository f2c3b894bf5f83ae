/* Random bytes and UUIDs of version 7. */
#include "vector_file.h"

#include "crypto/random.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 12);
}

static void bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_int_equal(phi_random_bytes(a, sizeof(a)), PHI_OK);
    assert_int_equal(phi_random_bytes(b, sizeof(b)), PHI_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(phi_random_bytes(a, 0), PHI_OK);
}

/* A thread draws ahead: nothing of it is given twice. */
static void many_small_ones_differ(void **state)
{
    (void)state;
    static uint8_t all[4096][12];
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_int_equal(phi_random_bytes(all[i], sizeof(all[i])), PHI_OK);
    qsort(all, sizeof(all) / sizeof(all[0]), sizeof(all[0]), compare);
    for (size_t i = 1; i < sizeof(all) / sizeof(all[0]); i++)
        assert_memory_not_equal(all[i - 1], all[i], sizeof(all[i]));
}

/* Neither side of a fork gives what the other gives. */
static void a_fork_shares_nothing(void **state)
{
    (void)state;
    uint8_t ours[16], theirs[16];
    int ends[2];
    assert_int_equal(phi_random_bytes(ours, sizeof(ours)), PHI_OK);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool is_good = phi_random_bytes(theirs, sizeof(theirs)) == PHI_OK &&
                       write(ends[1], theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs);
        _exit(is_good ? 0 : 1);
    }
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(phi_random_bytes(ours, sizeof(ours)), PHI_OK);
    assert_memory_not_equal(ours, theirs, sizeof(ours));
    close(ends[0]);
    close(ends[1]);
}

static void uuid_carries_time_version_and_variant(void **state)
{
    (void)state;
    uint8_t id[PHI_UUID_LEN];
    char text[PHI_UUID_TEXT_LEN + 1];
    /* the example of RFC 9562 A.6: 2022-02-22T19:22:22Z */
    assert_int_equal(phi_uuid7(INT64_C(1645557742000000), id), PHI_OK);
    phi_uuid_format(id, text);
    assert_int_equal(strlen(text), PHI_UUID_TEXT_LEN);
    assert_memory_equal(text, "017f22e2-79b0-7", 15);
    assert_non_null(strchr("89ab", text[19]));
}

static void uuid_text_goes_both_ways(void **state)
{
    (void)state;
    static const char text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    uint8_t id[PHI_UUID_LEN];
    char again[PHI_UUID_TEXT_LEN + 1];
    assert_int_equal(phi_uuid_parse(phi_view_text(text), id), PHI_OK);
    phi_uuid_format(id, again);
    assert_string_equal(again, text);
}

static void broken_uuids_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e279b0-7cc3-98c4-dc0c0c07398f-",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2_79b0_7cc3_98c4_dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c-c07398f",
    };
    uint8_t id[PHI_UUID_LEN];
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_int_equal(phi_uuid_parse(phi_view_text(broken[i]), id), PHI_ERR_FIELD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_differ),
        cmocka_unit_test(many_small_ones_differ),
        cmocka_unit_test(a_fork_shares_nothing),
        cmocka_unit_test(uuid_carries_time_version_and_variant),
        cmocka_unit_test(uuid_text_goes_both_ways),
        cmocka_unit_test(broken_uuids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
