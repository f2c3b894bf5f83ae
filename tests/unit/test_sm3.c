/* SM3 (GB/T 32905) and HMAC over it, against tests/vectors/sm3. */
#include "vector_file.h"

#include "crypto/sm3.h"

static void digests(void **state)
{
    (void)state;
    json_t *file = vector_open("sm3/gbt32905.json");
    VECTOR_EACH(file, "cases", c)
    {
        vector_name(c);
        uint8_t out[PHI_SM3_LEN];
        assert_int_equal(phi_sm3(vector_bytes(c, "message"), out), PHI_OK);
        assert_view(phi_view_of(out, sizeof(out)), vector_bytes(c, "digest"));
    }
    vector_close(file);
}

static void parts_are_one_message(void **state)
{
    (void)state;
    uint8_t message[200];
    memset(message, 'a', sizeof(message));
    uint8_t whole[PHI_SM3_LEN];
    assert_int_equal(phi_sm3(phi_view_of(message, sizeof(message)), whole), PHI_OK);
    for (size_t cut = 0; cut <= sizeof(message); cut++) {
        const struct phi_view parts[] = {phi_view_of(message, cut), phi_view_of(NULL, 0),
                                         phi_view_of(message + cut, sizeof(message) - cut)};
        uint8_t out[PHI_SM3_LEN];
        assert_int_equal(phi_sm3_parts(parts, 3, out), PHI_OK);
        assert_memory_equal(out, whole, sizeof(out));
    }
}

static void macs(void **state)
{
    (void)state;
    json_t *file = vector_open("sm3/hmac.json");
    VECTOR_EACH(file, "cases", c)
    {
        vector_name(c);
        struct phi_hmac_key *key = NULL;
        uint8_t out[PHI_SM3_LEN];
        struct phi_view message = vector_bytes(c, "message");
        const struct phi_view parts[] = {phi_view_of(message.data, 3),
                                         phi_view_of(message.data + 3, message.len - 3)};
        assert_int_equal(phi_hmac_key_new(vector_bytes(c, "key"), &key), PHI_OK);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(phi_hmac_sm3(key, parts, 2, out), PHI_OK);
            assert_view(phi_view_of(out, sizeof(out)), vector_bytes(c, "mac"));
        }
        phi_hmac_key_free(key);
    }
    vector_close(file);
}

static void key_lengths_are_bounded(void **state)
{
    (void)state;
    struct phi_hmac_key *key = NULL;
    uint8_t long_key[4097] = {1};
    assert_int_equal(phi_hmac_key_new(phi_view_of(NULL, 0), &key), PHI_ERR_KEY);
    assert_int_equal(phi_hmac_key_new(phi_view_of(long_key, sizeof(long_key)), &key), PHI_ERR_KEY);
    assert_null(key);
    phi_hmac_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),
        cmocka_unit_test(parts_are_one_message),
        cmocka_unit_test(macs),
        cmocka_unit_test(key_lengths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
