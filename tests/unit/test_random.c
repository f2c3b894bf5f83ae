/* Random bytes and UUIDs of version 7. */
#include "vector_file.h"

#include "crypto/random.h"

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
        cmocka_unit_test(uuid_carries_time_version_and_variant),
        cmocka_unit_test(uuid_text_goes_both_ways),
        cmocka_unit_test(broken_uuids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
