/* SM4 (GB/T 32907) in counter mode, against tests/vectors/sm4 and the standard's long example. */
#include "vector_file.h"

#include "sm4_kit.h"

static void vectors(void **state)
{
    (void)state;
    json_t *file = vector_open("sm4/gbt32907.json");
    SM4_EACH_CORE(core)
    {
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
    }
    vector_close(file);
}

/* GB/T 32907, A.2: a block encrypted 1,000,000 times, each time the result of the last. */
static void a_million_times(void **state)
{
    (void)state;
    static const uint8_t start[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    static const uint8_t end[16] = {0x59, 0x52, 0x98, 0xc7, 0xc6, 0xfd, 0x27, 0x1f,
                                    0x04, 0x02, 0xf8, 0x04, 0xc3, 0x3d, 0x3f, 0x66};
    static const uint8_t zeros[16];
    SM4_EACH_CORE(core)
    {
        struct phi_sm4_key key;
        uint8_t block[16];
        phi_sm4_key_init(&key, start);
        memcpy(block, start, sizeof(block));
        for (int i = 0; i < 1000000; i++)
            phi_sm4_key_ctr(&key, block, zeros, sizeof(block), block);
        assert_memory_equal(block, end, sizeof(end));
    }
}

static void nothing_is_fine(void **state)
{
    (void)state;
    static const uint8_t key[16];
    SM4_EACH_CORE(core)
    assert_int_equal(phi_sm4_ctr(key, key, NULL, 0, NULL), PHI_OK);
}

static void cores_have_names(void **state)
{
    (void)state;
    assert_true(phi_sm4_core_use("plain"));
    assert_string_equal(phi_sm4_core_get()->name, "plain");
    assert_false(phi_sm4_core_use("none"));
    assert_string_equal(phi_sm4_core_get()->name, "plain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(a_million_times),
        cmocka_unit_test(nothing_is_fine),
        cmocka_unit_test(cores_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
