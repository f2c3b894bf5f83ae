/* Our SM4-CTR against OpenSSL's: every length, every place of a carry, random keys. PHI_SM4_CASES
 * is the number of random cases. */
#include "case.h"

#include "sm4_kit.h"

#include "crypto/random.h"

#include <openssl/evp.h>
#include <string.h>

#define LEN_MAX 4200 /* four groups of 1,024 bytes and a rest */

static uint8_t data[LEN_MAX];

static void openssl_ctr(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in, size_t len,
                        uint8_t *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int done = 0;
    assert_non_null(context);
    assert_int_equal(EVP_EncryptInit_ex(context, EVP_sm4_ctr(), NULL, key, iv), 1);
    assert_int_equal(EVP_EncryptUpdate(context, out, &done, in, (int)len), 1);
    assert_int_equal(done, len);
    EVP_CIPHER_CTX_free(context);
}

/* Ours has just the room that it needs, so that a sanitizer sees a byte too many. */
static void compare(const uint8_t key[16], const uint8_t iv[16], size_t len)
{
    static uint8_t theirs[LEN_MAX];
    uint8_t *ours = malloc(len ? len : 1);
    assert_non_null(ours);
    memcpy(ours, data, len);
    openssl_ctr(key, iv, data, len, theirs);
    assert_int_equal(phi_sm4_ctr(key, iv, ours, len, ours), PHI_OK);
    assert_memory_equal(ours, theirs, len);
    free(ours);
}

static void lengths(void **state)
{
    (void)state;
    uint8_t secrets[32];
    SM4_EACH_CORE(core)
    {
        for (size_t len = 1; len <= LEN_MAX; len += len < 1100 ? 1 : 61) {
            assert_int_equal(phi_random_bytes(secrets, sizeof(secrets)), PHI_OK);
            compare(secrets, secrets + 16, len);
        }
    }
}

/* The counter's lowest `bits` are about to run over, with ones or random bits above. */
static void carries(void **state)
{
    (void)state;
    uint8_t secrets[32];
    SM4_EACH_CORE(core)
    {
        for (unsigned bits = 0; bits <= 128; bits++) {
            for (unsigned before = 0; before < 70; before += 7) {
                uint8_t *iv = secrets + 16;
                assert_int_equal(phi_random_bytes(secrets, sizeof(secrets)), PHI_OK);
                for (unsigned i = 0; i < bits; i++)
                    iv[15 - i / 8] |= (uint8_t)(1u << i % 8);
                if (bits >= 8)
                    iv[15] = (uint8_t)(255 - before);
                compare(secrets, iv, 1300);
            }
        }
    }
}

static void random_cases(void **state)
{
    (void)state;
    const char *text = getenv("PHI_SM4_CASES"); // NOLINT(concurrency-mt-unsafe)
    const size_t count = text ? strtoul(text, NULL, 10) : 2000;
    uint8_t secrets[34];
    SM4_EACH_CORE(core)
    {
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(phi_random_bytes(secrets, sizeof(secrets)), PHI_OK);
            compare(secrets, secrets + 16, (secrets[32] | (size_t)secrets[33] << 8) % 300 + 1);
        }
    }
}

/* Round keys are the same whichever core made them. */
static void round_keys(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        uint8_t bytes[16];
        struct phi_sm4_key first, other;
        assert_int_equal(phi_random_bytes(bytes, sizeof(bytes)), PHI_OK);
        assert_true(phi_sm4_core_use("plain"));
        phi_sm4_key_init(&first, bytes);
        for (size_t c = 1; c < sizeof(sm4_cores) / sizeof(sm4_cores[0]); c++) {
            if (!phi_sm4_core_use(sm4_cores[c]))
                continue;
            phi_sm4_key_init(&other, bytes);
            assert_memory_equal(&first, &other, sizeof(first));
        }
    }
}

static int setup(void **state)
{
    (void)state;
    return phi_random_bytes(data, sizeof(data)) == PHI_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(carries),
        cmocka_unit_test(random_cases),
        cmocka_unit_test(round_keys),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
