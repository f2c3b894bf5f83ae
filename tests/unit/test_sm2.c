/* SM2 signatures (GB/T 32918.2 on the curve of 32918.5), against tests/vectors/sm2. */
#include "vector_file.h"

#include "base/metrics.h"
#include "crypto/sm2.h"

#define FILE_NAME "sm2/gbt32918_5.json"

static void good_signatures_verify(void **state)
{
    (void)state;
    json_t *file = vector_open(FILE_NAME);
    VECTOR_EACH(file, "good", c)
    {
        vector_name(c);
        struct phi_sm2_public *key = NULL;
        assert_int_equal(phi_sm2_public_new(vector_bytes(c, "public").data, &key), PHI_OK);
        assert_int_equal(
            phi_sm2_verify(key, vector_bytes(c, "message"), vector_bytes(c, "sig").data), PHI_OK);
        phi_sm2_public_free(key);
    }
    vector_close(file);
}

static void bad_signatures_are_refused(void **state)
{
    (void)state;
    json_t *file = vector_open(FILE_NAME);
    VECTOR_EACH(file, "bad", c)
    {
        vector_name(c);
        struct phi_sm2_public *key = NULL;
        assert_int_equal(phi_sm2_public_new(vector_bytes(c, "public").data, &key), PHI_OK);
        assert_int_equal(
            phi_sm2_verify(key, vector_bytes(c, "message"), vector_bytes(c, "sig").data),
            PHI_ERR_SIGNATURE);
        phi_sm2_public_free(key);
    }
    vector_close(file);
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    json_t *file = vector_open(FILE_NAME);
    VECTOR_EACH(file, "badPublic", c)
    {
        vector_name(c);
        struct phi_sm2_public *key = NULL;
        assert_int_equal(phi_sm2_public_new(vector_bytes(c, "public").data, &key), PHI_ERR_KEY);
        assert_null(key);
    }
    vector_close(file);
}

static void scalars_out_of_range_are_refused(void **state)
{
    (void)state;
    json_t *file = vector_open(FILE_NAME);
    VECTOR_EACH(file, "badPrivate", c)
    {
        vector_name(c);
        struct phi_sm2_private *key = NULL;
        assert_int_equal(phi_sm2_private_new(vector_bytes(c, "private").data, &key), PHI_ERR_KEY);
        assert_null(key);
    }
    vector_close(file);
}

static void pair_gives_its_public_half(void **state)
{
    (void)state;
    json_t *file = vector_open(FILE_NAME);
    VECTOR_EACH(file, "good", c)
    {
        vector_name(c);
        struct phi_sm2_private *key = NULL;
        uint8_t xy[PHI_SM2_PUBLIC_LEN];
        assert_int_equal(phi_sm2_private_new(vector_bytes(c, "private").data, &key), PHI_OK);
        phi_sm2_private_public(key, xy);
        assert_view(phi_view_of(xy, sizeof(xy)), vector_bytes(c, "public"));
        phi_sm2_private_free(key);
    }
    vector_close(file);
}

static struct phi_sm2_public *public_of(const struct phi_sm2_private *pair)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    uint8_t again[PHI_SM2_PUBLIC_LEN];
    struct phi_sm2_public *key = NULL;
    phi_sm2_private_public(pair, xy);
    assert_int_equal(phi_sm2_public_new(xy, &key), PHI_OK);
    phi_sm2_public_get(key, again);
    assert_memory_equal(xy, again, sizeof(xy));
    return key;
}

static void signing_and_altering(void **state)
{
    (void)state;
    struct phi_sm2_private *pair = NULL;
    assert_int_equal(phi_sm2_private_generate(&pair), PHI_OK);
    struct phi_sm2_public *key = public_of(pair);
    uint8_t message[] = "one code";
    struct phi_view view = phi_view_of(message, sizeof(message));
    uint8_t sig[PHI_SM2_SIG_LEN];
    assert_int_equal(phi_sm2_sign(pair, view, sig), PHI_OK);
    assert_int_equal(phi_sm2_verify(key, view, sig), PHI_OK);
    for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(phi_sm2_verify(key, view, sig), PHI_ERR_SIGNATURE);
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    message[0] ^= 1;
    assert_int_equal(phi_sm2_verify(key, view, sig), PHI_ERR_SIGNATURE);
    phi_sm2_public_free(key);
    phi_sm2_private_free(pair);
}

#define ROWS 130

static void batch_rows_have_their_own_results(void **state)
{
    (void)state;
    struct phi_sm2_private *pair = NULL;
    assert_int_equal(phi_sm2_private_generate(&pair), PHI_OK);
    struct phi_sm2_public *key = public_of(pair);
    static struct phi_sm2_job jobs[ROWS];
    uint32_t messages[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        messages[i] = i;
        jobs[i] = (struct phi_sm2_job){.private_key = pair,
                                       .public_key = key,
                                       .message = phi_view_of(&messages[i], sizeof(uint32_t)),
                                       .result = PHI_ERR_INTERNAL};
    }
    phi_sm2_sign_batch(jobs, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(jobs[i].result, PHI_OK);
    jobs[0].sig[5] ^= 1;
    memset(jobs[64].sig, 0, 32);
    messages[ROWS - 1]++;
    phi_sm2_verify_batch(jobs, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        bool is_altered = i == 0 || i == 64 || i == ROWS - 1;
        assert_int_equal(jobs[i].result, is_altered ? PHI_ERR_SIGNATURE : PHI_OK);
    }
    phi_sm2_sign_batch(jobs, 0);
    phi_sm2_public_free(key);
    phi_sm2_private_free(pair);
}

static void backends_have_names(void **state)
{
    (void)state;
    assert_int_equal(phi_sm2_backend_use("none"), PHI_ERR_CONFIG);
    assert_int_equal(phi_sm2_backend_use(""), PHI_ERR_CONFIG);
}

static void signatures_are_counted(void **state)
{
    (void)state;
    struct phi_counter *uses =
        phi_counter_new("phi_key_uses_total", "uses", "use=\"code\",key=\"test\"");
    struct phi_sm2_private *key = NULL;
    struct phi_sm2_job jobs[3] = {{.message = phi_view_text("1")}};
    uint8_t sig[PHI_SM2_SIG_LEN];
    uint64_t before = phi_counter_value(uses);
    assert_int_equal(phi_sm2_private_generate(&key), PHI_OK);
    assert_int_equal(phi_sm2_sign(key, phi_view_text("not counted"), sig), PHI_OK);
    phi_sm2_private_count(key, uses);
    assert_int_equal(phi_sm2_sign(key, phi_view_text("counted"), sig), PHI_OK);
    for (size_t i = 0; i < 3; i++)
        jobs[i].private_key = key;
    phi_sm2_sign_batch(jobs, 3);
    assert_int_equal(phi_counter_value(uses) - before, 4);
    phi_sm2_private_free(key);
}

int main(void)
{
    static const char *const backends[] = {"native", "openssl"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_counted),
        cmocka_unit_test(good_signatures_verify),
        cmocka_unit_test(bad_signatures_are_refused),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(scalars_out_of_range_are_refused),
        cmocka_unit_test(pair_gives_its_public_half),
        cmocka_unit_test(signing_and_altering),
        cmocka_unit_test(batch_rows_have_their_own_results),
        cmocka_unit_test(backends_have_names),
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        print_message("backend %s\n", backends[i]);
        if (phi_sm2_backend_use(backends[i]) != PHI_OK)
            return EXIT_FAILURE;
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
