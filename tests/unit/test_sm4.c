/* SM4 (GB/T 32907) in counter mode, against tests/vectors/sm4. */
#include "vector_file.h"

#include "crypto/sm4.h"

static void vectors(void **state)
{
    (void)state;
    json_t *file = vector_open("sm4/gbt32907.json");
    VECTOR_EACH(file, "cases", c)
    {
        vector_name(c);
        struct phi_view key = vector_bytes(c, "key");
        struct phi_view iv = vector_bytes(c, "iv");
        struct phi_view in = vector_bytes(c, "in");
        uint8_t out[128];
        assert_true(in.len <= sizeof(out));
        assert_int_equal(phi_sm4_ctr(key.data, iv.data, in.data, in.len, out), PHI_OK);
        assert_view(phi_view_of(out, in.len), vector_bytes(c, "out"));
        assert_int_equal(phi_sm4_ctr(key.data, iv.data, out, in.len, out), PHI_OK);
        assert_view(phi_view_of(out, in.len), in);
    }
    vector_close(file);
}

static void nothing_is_fine(void **state)
{
    (void)state;
    static const uint8_t key[16];
    assert_int_equal(phi_sm4_ctr(key, key, NULL, 0, NULL), PHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
