/* Keys as bytes: of every kind, made, written, read back, destroyed. */
#include "case.h"

#include "crypto/custody.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[128];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/phi-custody-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/a.key", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void make(enum phi_key_kind kind, struct phi_key_content *out)
{
    static const uint8_t curve[PHI_KEY_CURVE_LEN] = {1, 2, 3};
    if (kind == PHI_KEY_CURVE)
        assert_int_equal(phi_key_content_of(kind, phi_view_of(curve, sizeof(curve)), out), PHI_OK);
    else
        assert_int_equal(phi_key_content_new(kind, 24, out), PHI_OK);
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < PHI_KEY_KIND_COUNT; kind++) {
        struct phi_key_content content, again;
        struct stat found;
        make((enum phi_key_kind)kind, &content);
        assert_int_equal(phi_key_content_write(path, "p", &content), PHI_OK);
        assert_int_equal(phi_key_content_write(path, "p", &content), PHI_ERR_IO);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0600);
        assert_int_equal(phi_key_content_read(path, "p", &again, NULL), PHI_OK);
        assert_memory_equal(&content, &again, sizeof(content));
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(phi_key_content_read(path, "p", &again, NULL), PHI_ERR_KEY);
        assert_int_equal(unlink(path), 0);
    }
}

static void the_id_of_a_pair_is_its_public_halfs(void **state)
{
    (void)state;
    struct phi_key_content content;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char id[PHI_KEY_ID_LEN + 1];
    make(PHI_KEY_SM2, &content);
    assert_int_equal(phi_key_content_public(&content, xy), PHI_OK);
    assert_int_equal(phi_key_id_of(xy, id), PHI_OK);
    assert_string_equal(id, content.id);
    make(PHI_KEY_SECRET, &content);
    assert_int_equal(phi_key_content_public(&content, xy), PHI_ERR_KEY);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[65];
    static const struct {
        const char *name;
        enum phi_key_kind kind;
        size_t len;
    } cases[] = {{"a scalar of zero", PHI_KEY_SM2, 32},
                 {"a short scalar", PHI_KEY_SM2, 31},
                 {"a short secret", PHI_KEY_SECRET, 15},
                 {"a long secret", PHI_KEY_SECRET, 65},
                 {"a short CURVE key", PHI_KEY_CURVE, 31}};
    struct phi_key_content content;
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name, phi_key_content_of(cases[i].kind, phi_view_of(bytes, cases[i].len),
                                                    &content) == PHI_ERR_KEY);
    assert_int_equal(phi_key_content_new(PHI_KEY_SECRET, 15, &content), PHI_ERR_KEY);
    assert_int_equal(phi_key_content_new(PHI_KEY_CURVE, 32, &content), PHI_ERR_KEY);
}

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "00112233\n",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n\n",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n"};
    struct phi_key_content content;
    struct phi_error error = {0};
    for (size_t i = 0; i < PHI_COUNT(texts); i++) {
        put(texts[i]);
        phi_check(texts[i], phi_key_content_read(path, "p", &content, &error) == PHI_ERR_KEY);
        assert_string_equal(error.place, "a.key");
    }
    assert_int_equal(phi_key_content_read(folder, "p", &content, &error), PHI_ERR_KEY);
    assert_int_equal(phi_key_content_read("/nowhere/a.key", "p", &content, &error), PHI_ERR_IO);
}

/* A second name of the file shows what the first one's end left in it. */
static void destroyed_files_hold_nothing(void **state)
{
    (void)state;
    static const char mark[] = "00112233445566778899aabbccddeeff";
    char other[160], text[8192] = "";
    snprintf(other, sizeof(other), "%s.other", path);
    put(mark);
    assert_int_equal(link(path, other), 0);
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(phi_key_file_destroy(path), PHI_OK);
    assert_int_equal(access(path, F_OK), -1);
    FILE *file = fopen(other, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text), file) >= strlen(mark));
    fclose(file);
    assert_memory_not_equal(text, mark, strlen(mark));
    assert_int_equal(unlink(other), 0);
    assert_int_equal(phi_key_file_destroy(path), PHI_ERR_IO);
    assert_int_equal(phi_key_file_destroy(folder), PHI_ERR_IO);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_comes_back),
        cmocka_unit_test(the_id_of_a_pair_is_its_public_halfs),
        cmocka_unit_test(what_is_no_key_is_refused),
        TEST(other_files_are_refused),
        TEST(destroyed_files_hold_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
