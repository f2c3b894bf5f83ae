/* Key files in a folder of the test's own: written once, read back, refused when wrong. */
#include "vector_file.h"

#include "crypto/key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[128];
static char public_path[128];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/phi-key-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/a.key", folder);
    snprintf(public_path, sizeof(public_path), "%s/a.pub", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(public_path);
    return rmdir(folder);
}

static void sm2_key_comes_back(void **state)
{
    (void)state;
    struct phi_sm2_private *key = NULL;
    struct phi_sm2_private *again = NULL;
    struct phi_error error = {0};
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    uint8_t xy_again[PHI_SM2_PUBLIC_LEN];
    struct stat found;
    assert_int_equal(phi_sm2_private_generate(&key), PHI_OK);
    assert_int_equal(phi_key_write_sm2(path, "password", key), PHI_OK);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    assert_int_equal(phi_key_write_sm2(path, "password", key), PHI_ERR_IO);
    assert_int_equal(phi_key_read_sm2(path, "password", &again, &error), PHI_OK);
    phi_sm2_private_public(key, xy);
    phi_sm2_private_public(again, xy_again);
    assert_memory_equal(xy, xy_again, sizeof(xy));
    phi_sm2_private_free(again);
    phi_sm2_private_free(key);
}

static void secret_comes_back(void **state)
{
    (void)state;
    uint8_t secret[64];
    uint8_t out[64];
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)i;
    static const size_t lengths[] = {16, 32, 64};
    for (size_t i = 0; i < 3; i++) {
        size_t len = 0;
        struct phi_error error = {0};
        assert_int_equal(phi_key_write_secret(path, "p", phi_view_of(secret, lengths[i])), PHI_OK);
        assert_int_equal(phi_key_read_secret(path, "p", out, sizeof(out), &len, &error), PHI_OK);
        assert_view(phi_view_of(out, len), phi_view_of(secret, lengths[i]));
        assert_int_equal(phi_key_read_secret(path, "p", out, lengths[i] - 1, &len, &error),
                         PHI_ERR_KEY);
        assert_int_equal(unlink(path), 0);
    }
}

static void wrong_lengths_are_not_written(void **state)
{
    (void)state;
    uint8_t secret[65] = {0};
    assert_int_equal(phi_key_write_secret(path, "p", phi_view_of(secret, 15)), PHI_ERR_KEY);
    assert_int_equal(phi_key_write_secret(path, "p", phi_view_of(secret, 65)), PHI_ERR_KEY);
    assert_int_equal(phi_key_write_secret(path, "", phi_view_of(secret, 32)), PHI_ERR_KEY);
    assert_int_equal(access(path, F_OK), -1);
}

static void wider_modes_are_refused(void **state)
{
    (void)state;
    uint8_t secret[32] = {1};
    uint8_t out[64];
    size_t len = 0;
    static const mode_t modes[] = {0640, 0604, 0660, 0601, 0700, 04600};
    assert_int_equal(phi_key_write_secret(path, "p", phi_view_of(secret, 32)), PHI_OK);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct phi_error error = {0};
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(phi_key_read_secret(path, "p", out, sizeof(out), &len, &error),
                         PHI_ERR_KEY);
        assert_string_equal(error.place, "a.key");
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(phi_key_read_secret(path, "p", out, sizeof(out), &len, NULL), PHI_OK);
}

static void wrong_password_and_kind_are_refused(void **state)
{
    (void)state;
    uint8_t secret[32] = {1};
    uint8_t out[64];
    size_t len = 0;
    struct phi_sm2_private *key = NULL;
    struct phi_error error = {0};
    assert_int_equal(phi_key_write_secret(path, "p", phi_view_of(secret, 32)), PHI_OK);
    assert_int_equal(phi_key_read_secret(path, "q", out, sizeof(out), &len, &error), PHI_ERR_KEY);
    assert_int_equal(phi_key_read_secret(path, "", out, sizeof(out), &len, &error), PHI_ERR_KEY);
    assert_int_equal(phi_key_read_sm2(path, "p", &key, &error), PHI_ERR_KEY);
    assert_string_equal(error.text, "not an SM2 key");
    assert_null(key);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(phi_sm2_private_generate(&key), PHI_OK);
    assert_int_equal(phi_key_write_sm2(path, "p", key), PHI_OK);
    phi_sm2_private_free(key);
    assert_int_equal(phi_key_read_secret(path, "p", out, sizeof(out), &len, &error), PHI_ERR_KEY);
}

static void put_file(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "not a key\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
    };
    static char long_file[20000];
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_sm2_private *key = NULL;
    struct phi_error error = {0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_file(texts[i], strlen(texts[i]));
        assert_int_equal(phi_key_read_sm2(path, "p", &key, &error), PHI_ERR_KEY);
        assert_int_equal(phi_public_read(path, xy, &error), PHI_ERR_KEY);
    }
    put_file(long_file, sizeof(long_file));
    assert_int_equal(phi_key_read_sm2(path, "p", &key, &error), PHI_ERR_KEY);
    assert_int_equal(phi_key_read_sm2(folder, "p", &key, &error), PHI_ERR_KEY);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(phi_key_read_sm2(path, "p", &key, &error), PHI_ERR_IO);
    assert_string_equal(error.place, "a.key");
}

static void public_key_comes_back(void **state)
{
    (void)state;
    struct phi_sm2_private *key = NULL;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    uint8_t again[PHI_SM2_PUBLIC_LEN];
    assert_int_equal(phi_sm2_private_generate(&key), PHI_OK);
    phi_sm2_private_public(key, xy);
    phi_sm2_private_free(key);
    assert_int_equal(phi_public_write(public_path, xy), PHI_OK);
    assert_int_equal(phi_public_read(public_path, again, NULL), PHI_OK);
    assert_memory_equal(xy, again, sizeof(xy));
    memset(xy, 1, sizeof(xy));
    assert_int_equal(phi_public_write(path, xy), PHI_ERR_KEY);
}

static void key_id_is_the_digest_of_the_point(void **state)
{
    (void)state;
    json_t *file = vector_open("receipt/receipt.json");
    char id[PHI_KEY_ID_LEN + 1];
    assert_int_equal(phi_key_id_of(vector_bytes(file, "signPublic").data, id), PHI_OK);
    const json_t *first = json_array_get(json_object_get(file, "good"), 0);
    assert_string_equal(id, vector_text(json_object_get(first, "fields"), "keyId"));
    vector_close(file);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sm2_key_comes_back),
        TEST(secret_comes_back),
        TEST(wrong_lengths_are_not_written),
        TEST(wider_modes_are_refused),
        TEST(wrong_password_and_kind_are_refused),
        TEST(other_files_are_refused),
        TEST(public_key_comes_back),
        cmocka_unit_test(key_id_is_the_digest_of_the_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
