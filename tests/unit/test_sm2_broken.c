/* tests/vectors/sm2/broken.json: each signature singly and all of them together, by keys without a
 * table, with a small one and with a large one, on each kind of processor code, and by OpenSSL. */
#include "vector_file.h"

#include "crypto/sm2.h"
#include "crypto/sm2/native/base.h"
#include "crypto/sm2/native/known.h"

#define FILE_NAME "sm2/broken.json"
#define ROWS_MAX  512

enum table { TABLE_NONE, TABLE_SMALL, TABLE_LARGE, TABLE_COUNT };

static const char *const table_names[TABLE_COUNT] = {"no tables", "small tables", "large tables"};

static struct phi_sm2_job jobs[ROWS_MAX];
static bool valid[ROWS_MAX];
static size_t count;

static bool is_true(const json_t *c, const char *name)
{
    const json_t *value = json_object_get(c, name);
    assert_true(json_is_boolean(value));
    return json_is_true(value);
}

static void rows_open(const json_t *file, bool is_announced)
{
    count = 0;
    VECTOR_EACH(file, "cases", c)
    {
        struct phi_sm2_public *key = NULL;
        assert_true(count < ROWS_MAX);
        assert_int_equal(phi_sm2_public_new(vector_bytes(c, "public").data, &key), PHI_OK);
        if (is_announced)
            phi_sm2_public_announce(key);
        jobs[count] =
            (struct phi_sm2_job){.public_key = key, .message = vector_bytes(c, "message")};
        memcpy(jobs[count].sig, vector_bytes(c, "sig").data, PHI_SM2_SIG_LEN);
        valid[count++] = is_true(c, "valid");
    }
}

static void rows_close(void)
{
    for (size_t i = 0; i < count; i++) {
        phi_sm2_public_free((struct phi_sm2_public *)(uintptr_t)jobs[i].public_key);
    }
}

static void assert_row(const json_t *file, size_t i, enum phi_err found, const char *how)
{
    const json_t *c = json_array_get(json_object_get(file, "cases"), i);
    if (found != (valid[i] ? PHI_OK : PHI_ERR_SIGNATURE))
        fail_msg("%s, %s: %d", vector_text(c, "name"), how, found);
}

static void rows_verify(const json_t *file)
{
    for (size_t i = 0; i < count; i++)
        assert_row(file, i, phi_sm2_verify(jobs[i].public_key, jobs[i].message, jobs[i].sig),
                   "singly");
    for (size_t i = 0; i < count; i++)
        jobs[i].result = PHI_ERR_INTERNAL;
    phi_sm2_verify_batch(jobs, count);
    for (size_t i = 0; i < count; i++)
        assert_row(file, i, jobs[i].result, "together");
}

/* Enough uses for a small table each. */
static void rows_use(void)
{
    for (int time = 0; time < 17; time++)
        phi_sm2_verify_batch(jobs, count);
}

static void by_native(void **state)
{
    (void)state;
    static const char *const cores[] = {"plain", "adx", "ifma"};
    json_t *file = vector_open(FILE_NAME);
    assert_int_equal(phi_sm2_backend_use("native"), PHI_OK);
    for (enum table table = TABLE_NONE; table < TABLE_COUNT; table++) {
        phi_sm2_known_limit(PHI_SM2_SIZE_SMALL, table == TABLE_SMALL ? 64 : 0);
        phi_sm2_known_limit(PHI_SM2_SIZE_LARGE, table == TABLE_LARGE ? 64 : 0);
        for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
            const bool is_here = phi_sm2_core_use(cores[i]);
            print_message("    %s, %s%s\n", cores[i], table_names[table],
                          is_here ? "" : ": SKIPPED, not on this machine");
            if (!is_here)
                continue;
            rows_open(file, table == TABLE_LARGE);
            if (table == TABLE_SMALL)
                rows_use();
            rows_verify(file);
            assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_SMALL) > 0, table == TABLE_SMALL);
            assert_int_equal(phi_sm2_known_count(PHI_SM2_SIZE_LARGE) > 0, table == TABLE_LARGE);
            rows_close();
        }
    }
    vector_close(file);
}

static void by_openssl(void **state)
{
    (void)state;
    json_t *file = vector_open(FILE_NAME);
    assert_int_equal(phi_sm2_backend_use("openssl"), PHI_OK);
    rows_open(file, false);
    rows_verify(file);
    rows_close();
    vector_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_native),
        cmocka_unit_test(by_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
