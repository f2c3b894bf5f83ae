/* Our SM3 and HMAC against OpenSSL's, for every length and every cut. */
#include "case.h"

#include "crypto/random.h"
#include "crypto/sm3/compress.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define MESSAGE_MAX 4096

static uint8_t message[MESSAGE_MAX];

static void digests_of_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= MESSAGE_MAX; len++) {
        uint8_t ours[PHI_SM3_LEN];
        uint8_t theirs[PHI_SM3_LEN];
        assert_int_equal(phi_sm3(phi_view_of(message, len), ours), PHI_OK);
        assert_int_equal(EVP_Digest(message, len, theirs, NULL, EVP_sm3(), NULL), 1);
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

static void streams_cut_anywhere(void **state)
{
    (void)state;
    const size_t len = 300;
    uint8_t whole[PHI_SM3_LEN];
    assert_int_equal(phi_sm3(phi_view_of(message, len), whole), PHI_OK);
    for (size_t step = 1; step <= len; step++) {
        struct phi_sm3_stream stream;
        uint8_t out[PHI_SM3_LEN];
        phi_sm3_begin(&stream);
        for (size_t at = 0; at < len; at += step)
            phi_sm3_update(&stream, message + at, len - at < step ? len - at : step);
        phi_sm3_finish(&stream, out);
        assert_memory_equal(out, whole, sizeof(out));
    }
}

static void macs_of_every_key_length(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 200; len++) {
        const struct phi_view part = phi_view_of(message + 200, len * 3);
        struct phi_hmac_key *key = NULL;
        uint8_t ours[PHI_SM3_LEN];
        uint8_t theirs[PHI_SM3_LEN];
        assert_int_equal(phi_hmac_key_new(phi_view_of(message, len), &key), PHI_OK);
        assert_int_equal(phi_hmac_sm3(key, &part, 1, ours), PHI_OK);
        assert_non_null(HMAC(EVP_sm3(), message, (int)len, part.data, part.len, theirs, NULL));
        assert_memory_equal(ours, theirs, sizeof(ours));
        phi_hmac_key_free(key);
    }
}

static int setup(void **state)
{
    (void)state;
    return phi_random_bytes(message, sizeof(message)) == PHI_OK ? 0 : -1;
}

int main(void)
{
    static const char *const cores[] = {"plain", "ssse3"};
    int failed = 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_of_every_length),
        cmocka_unit_test(streams_cut_anywhere),
        cmocka_unit_test(macs_of_every_key_length),
    };
    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        const bool is_here = phi_sm3_core_use(cores[i]);
        print_message("%s%s\n", cores[i], is_here ? "" : ": SKIPPED, not on this machine");
        if (is_here)
            failed += cmocka_run_group_tests(tests, setup, NULL);
    }
    return failed;
}
