/* The manifest of a folder of keys: its text, its MAC, its file, and what it says of keys. */
#include "case.h"

#include "crypto/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 1795219200 /* 2026-11-21T00:00:00Z, as 20261121000000 */

static char folder[64], path[128];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/phi-keys-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/manifest", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char beside[160];
    snprintf(beside, sizeof(beside), "%s.new", path);
    (void)unlink(beside);
    (void)unlink(path);
    return rmdir(folder);
}

static struct phi_key_entry entry(const char *use, uint8_t set, const char *id, int64_t from_s,
                                  int64_t to_s)
{
    struct phi_key_entry made = {.set = set, .from_s = from_s, .to_s = to_s};
    snprintf(made.use, sizeof(made.use), "%s", use);
    snprintf(made.id, sizeof(made.id), "%s", id);
    snprintf(made.file, sizeof(made.file), "%s-%s.key", use, id);
    return made;
}

static void add(struct phi_manifest *manifest, struct phi_key_entry made)
{
    assert_int_equal(phi_manifest_add(manifest, &made), PHI_OK);
}

static struct phi_manifest *two_codes(void)
{
    struct phi_manifest *manifest = NULL;
    assert_int_equal(phi_manifest_new("password", &manifest), PHI_OK);
    add(manifest, entry("code", 1, "0000000000000001", 0, T0 + 100));
    add(manifest, entry("code", 2, "0000000000000002", T0, PHI_KEY_TIME_OPEN));
    add(manifest, entry("seal", 1, "0000000000000003", T0, T0 + 1));
    return manifest;
}

static void it_comes_back(void **state)
{
    (void)state;
    struct phi_manifest *manifest = two_codes(), *again = NULL;
    struct stat found;
    manifest->step_count = 7;
    manifest->step_head[31] = 9;
    assert_int_equal(phi_manifest_write(path, manifest), PHI_OK);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    assert_int_equal(phi_manifest_read(path, "password", &again, NULL), PHI_OK);
    assert_memory_equal(manifest, again, sizeof(*again));
    assert_int_equal(again->version, 1);
    assert_int_equal(phi_manifest_write(path, again), PHI_OK);
    assert_int_equal(again->version, 2);
    phi_manifest_free(again);
    phi_manifest_free(manifest);
}

static void a_writer_that_was_stopped_is_no_harm(void **state)
{
    (void)state;
    struct phi_manifest *manifest = two_codes(), *again = NULL;
    char beside[160];
    assert_int_equal(phi_manifest_write(path, manifest), PHI_OK);
    snprintf(beside, sizeof(beside), "%s.new", path);
    FILE *half = fopen(beside, "w");
    assert_non_null(half);
    fputs("phi-keys 1\nsalt 00", half);
    fclose(half);
    assert_int_equal(phi_manifest_read(path, "password", &again, NULL), PHI_OK);
    phi_manifest_free(again);
    assert_int_equal(phi_manifest_write(path, manifest), PHI_OK);
    assert_int_equal(phi_manifest_read(path, "password", &again, NULL), PHI_OK);
    assert_int_equal(again->version, 2);
    phi_manifest_free(again);
    phi_manifest_free(manifest);
}

static void wider_modes_and_other_passwords_are_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0700, 0660};
    struct phi_manifest *manifest = two_codes(), *again = NULL;
    struct phi_error error = {0};
    assert_int_equal(phi_manifest_write(path, manifest), PHI_OK);
    assert_int_equal(phi_manifest_read(path, "passwore", &again, &error), PHI_ERR_KEY);
    assert_string_equal(error.place, "manifest");
    assert_int_equal(phi_manifest_read(path, "", &again, NULL), PHI_ERR_KEY);
    assert_int_equal(phi_manifest_read("/nowhere/manifest", "password", &again, NULL), PHI_ERR_IO);
    for (size_t i = 0; i < PHI_COUNT(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(phi_manifest_read(path, "password", &again, NULL), PHI_ERR_KEY);
    }
    assert_null(again);
    phi_manifest_free(manifest);
}

static size_t text_of(const struct phi_manifest *manifest, char *text, size_t size)
{
    size_t len = 0;
    assert_int_equal(phi_manifest_format(manifest, text, size, &len), PHI_OK);
    return len;
}

static void write_text(const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

/* What still reads as a manifest is noticed by its MAC. */
static void altered_ones_are_refused(void **state)
{
    (void)state;
    static char text[PHI_MANIFEST_TEXT_MAX];
    static const char *const from_to[][2] = {{"key code 2", "key code 3"},
                                             {"live", "archived"},
                                             {"version 0", "version 1"},
                                             {"steps 0", "steps 1"},
                                             {" seal 1", " code 9"}};
    struct phi_manifest *manifest = two_codes(), *again = NULL;
    for (size_t i = 0; i < PHI_COUNT(from_to); i++) {
        size_t len = text_of(manifest, text, sizeof(text));
        char wrong[sizeof(text)];
        char *at = strstr(text, from_to[i][0]);
        assert_non_null(at);
        int made = snprintf(wrong, sizeof(wrong), "%.*s%s%s", (int)(at - text), text, from_to[i][1],
                            at + strlen(from_to[i][0]));
        static struct phi_manifest parsed;
        phi_check(from_to[i][1],
                  phi_manifest_parse(phi_view_of(wrong, (size_t)made), &parsed, NULL) == PHI_OK);
        write_text(wrong, (size_t)made);
        phi_check(from_to[i][1], phi_manifest_read(path, "password", &again, NULL) == PHI_ERR_KEY);
        write_text(text, len);
        phi_check("unaltered", phi_manifest_read(path, "password", &again, NULL) == PHI_OK);
        phi_manifest_free(again);
    }
    phi_manifest_free(manifest);
}

static void cut_and_longer_ones_are_refused(void **state)
{
    (void)state;
    static char text[PHI_MANIFEST_TEXT_MAX];
    static struct phi_manifest parsed;
    struct phi_manifest *manifest = two_codes();
    size_t len = text_of(manifest, text, sizeof(text));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(phi_manifest_parse(phi_view_of(text, cut), &parsed, NULL), PHI_ERR_KEY);
    text[len] = '\n';
    assert_int_equal(phi_manifest_parse(phi_view_of(text, len + 1), &parsed, NULL), PHI_ERR_KEY);
    phi_manifest_free(manifest);
}

static void lines_of_keys_have_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *line;
        enum phi_err err;
    } cases[] = {
        {"good", "key code 1 sm2 0123456789abcdef live 20261121000000 - a.key", PHI_OK},
        {"good, destroyed", "key seal 255 secret 0123456789abcdef destroyed - 20261121000000 a",
         PHI_OK},
        {"empty", "", PHI_ERR_KEY},
        {"another word", "kee code 1 sm2 0123456789abcdef live - - a.key", PHI_ERR_KEY},
        {"a field too few", "key code 1 sm2 0123456789abcdef live - -", PHI_ERR_KEY},
        {"a field too many", "key code 1 sm2 0123456789abcdef live - - a.key b", PHI_ERR_KEY},
        {"two spaces", "key  code 1 sm2 0123456789abcdef live - - a.key", PHI_ERR_KEY},
        {"a space at the end", "key code 1 sm2 0123456789abcdef live - - a.key ", PHI_ERR_KEY},
        {"a tab", "key code\t1 sm2 0123456789abcdef live - - a.key", PHI_ERR_KEY},
        {"set 256", "key code 256 sm2 0123456789abcdef live - - a.key", PHI_ERR_KEY},
        {"set -1", "key code -1 sm2 0123456789abcdef live - - a.key", PHI_ERR_KEY},
        {"set 01", "key code 01 sm2 0123456789abcdef live - - a.key", PHI_ERR_KEY},
        {"no such kind", "key code 1 rsa 0123456789abcdef live - - a.key", PHI_ERR_KEY},
        {"no such state", "key code 1 sm2 0123456789abcdef dead - - a.key", PHI_ERR_KEY},
        {"a short id", "key code 1 sm2 0123456789abcde live - - a.key", PHI_ERR_KEY},
        {"an id in capitals", "key code 1 sm2 0123456789ABCDEF live - - a.key", PHI_ERR_KEY},
        {"no such day", "key code 1 sm2 0123456789abcdef live 20260231000000 - a", PHI_ERR_KEY},
        {"no time at all", "key code 1 sm2 0123456789abcdef live 20261121000000 20261121000000 a",
         PHI_ERR_KEY},
        {"a path", "key code 1 sm2 0123456789abcdef live - - ../a.key", PHI_ERR_KEY},
        {"a hidden file", "key code 1 sm2 0123456789abcdef live - - .key", PHI_ERR_KEY},
        {"a long use", "key abcdefghijklmnopq 1 sm2 0123456789abcdef live - - a", PHI_ERR_KEY},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_key_entry made;
        char again[PHI_KEY_LINE_MAX];
        phi_check(cases[i].name,
                  phi_key_entry_parse(phi_view_text(cases[i].line), &made) == cases[i].err);
        if (cases[i].err != PHI_OK)
            continue;
        phi_key_entry_format(&made, again);
        assert_string_equal(again, cases[i].line);
    }
}

static void heads_have_one_form(void **state)
{
    (void)state;
#define SALT "salt 00112233445566778899aabbccddeeff\n"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000\n"
#define GOOD "phi-keys 1\n" SALT "version 1\nsteps 0 " ZERO
    static const struct {
        const char *name;
        const char *text;
        enum phi_err err;
    } cases[] = {
        {"no keys at all", GOOD "mac " ZERO, PHI_OK},
        {"another version", "phi-keys 2\n" SALT "version 1\nsteps 0 " ZERO "mac " ZERO,
         PHI_ERR_KEY},
        {"no salt", "phi-keys 1\nversion 1\nsteps 0 " ZERO "mac " ZERO, PHI_ERR_KEY},
        {"a version below zero", "phi-keys 1\n" SALT "version -1\nsteps 0 " ZERO "mac " ZERO,
         PHI_ERR_KEY},
        {"no MAC", GOOD, PHI_ERR_KEY},
        {"two MACs", GOOD "mac " ZERO "mac " ZERO, PHI_ERR_KEY},
        {"a carriage return", "phi-keys 1\r\n" SALT "version 1\nsteps 0 " ZERO "mac " ZERO,
         PHI_ERR_KEY},
        {"one key twice",
         GOOD "key code 1 sm2 0123456789abcdef live - - a\nkey seal 1 sm2 0123456789abcdef live "
              "- - b\nmac " ZERO,
         PHI_ERR_KEY},
        {"one set twice",
         GOOD "key code 1 sm2 0123456789abcdef live - - a\nkey code 1 sm2 1123456789abcdef live "
              "- - b\nmac " ZERO,
         PHI_ERR_KEY},
    };
    static struct phi_manifest made;
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  phi_manifest_parse(phi_view_text(cases[i].text), &made, NULL) == cases[i].err);
}

static void phases_follow_the_clock(void **state)
{
    (void)state;
    struct phi_manifest *manifest = two_codes();
    static const struct {
        const char *name;
        const char *id;
        int64_t now_s;
        enum phi_key_phase phase;
    } cases[] = {
        {"old before", "0000000000000001", T0 - 1, PHI_KEY_ACTIVE},
        {"new before", "0000000000000002", T0 - 1, PHI_KEY_WAITS},
        {"old in the overlap", "0000000000000001", T0, PHI_KEY_OVERLAPS},
        {"new in the overlap", "0000000000000002", T0, PHI_KEY_ACTIVE},
        {"old at its last second", "0000000000000001", T0 + 99, PHI_KEY_OVERLAPS},
        {"old after", "0000000000000001", T0 + 100, PHI_KEY_EXPIRED},
        {"another use", "0000000000000003", T0, PHI_KEY_ACTIVE},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  phi_manifest_phase(manifest, phi_manifest_find(manifest, cases[i].id),
                                     cases[i].now_s) == cases[i].phase);
    struct phi_key_entry *old = phi_manifest_find(manifest, "0000000000000001");
    old->state = PHI_KEY_ARCHIVED;
    assert_int_equal(phi_manifest_phase(manifest, old, T0), PHI_KEY_IS_ARCHIVED);
    old->state = PHI_KEY_DESTROYED;
    assert_int_equal(phi_manifest_phase(manifest, old, T0), PHI_KEY_IS_DESTROYED);
    assert_null(phi_manifest_find(manifest, "ffffffffffffffff"));
    phi_manifest_free(manifest);
}

static void held_keys_come_newest_first(void **state)
{
    (void)state;
    struct phi_manifest *manifest = two_codes();
    const struct phi_key_entry *held[4];
    add(manifest, entry("code", 3, "0000000000000004", T0 - 50, PHI_KEY_TIME_OPEN));
    assert_int_equal(phi_manifest_held(manifest, "code", T0, held, 4), 3);
    assert_int_equal(held[0]->set, 2);
    assert_int_equal(held[1]->set, 3);
    assert_int_equal(held[2]->set, 1);
    assert_int_equal(phi_manifest_held(manifest, "code", T0, held, 2), 2);
    assert_int_equal(held[0]->set, 2);
    assert_int_equal(held[1]->set, 3);
    assert_int_equal(phi_manifest_held(manifest, "code", T0 + 100, held, 4), 2);
    assert_int_equal(phi_manifest_held(manifest, "seal", T0 + 1, held, 4), 0);
    assert_int_equal(phi_manifest_held(manifest, "none", T0, held, 4), 0);
    phi_manifest_find(manifest, "0000000000000002")->state = PHI_KEY_ARCHIVED;
    assert_int_equal(phi_manifest_held(manifest, "code", T0 + 100, held, 4), 1);
    phi_manifest_free(manifest);
}

static void it_is_bounded(void **state)
{
    (void)state;
    static char text[PHI_MANIFEST_TEXT_MAX];
    struct phi_manifest *manifest = NULL;
    assert_int_equal(phi_manifest_new("password", &manifest), PHI_OK);
    for (unsigned i = 0; i < PHI_MANIFEST_KEYS_MAX; i++) {
        char id[PHI_KEY_ID_LEN + 1];
        snprintf(id, sizeof(id), "%016x", i);
        struct phi_key_entry one = entry("abcdefghijklmnop", (uint8_t)i, id, T0, T0 + 1);
        memset(one.file, 'f', PHI_KEY_FILE_MAX);
        assert_int_equal(phi_manifest_add(manifest, &one), PHI_OK);
    }
    struct phi_key_entry more = entry("code", 1, "ffffffffffffffff", T0, T0 + 1);
    assert_int_equal(phi_manifest_add(manifest, &more), PHI_ERR_OVERLOAD);
    assert_in_range(text_of(manifest, text, sizeof(text)), 1, sizeof(text));
    size_t len = 0;
    assert_int_equal(phi_manifest_format(manifest, text, 1000, &len), PHI_ERR_OVERLOAD);
    phi_manifest_free(manifest);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_comes_back),
        TEST(a_writer_that_was_stopped_is_no_harm),
        TEST(wider_modes_and_other_passwords_are_refused),
        TEST(altered_ones_are_refused),
        cmocka_unit_test(cut_and_longer_ones_are_refused),
        cmocka_unit_test(lines_of_keys_have_one_form),
        cmocka_unit_test(heads_have_one_form),
        cmocka_unit_test(phases_follow_the_clock),
        cmocka_unit_test(held_keys_come_newest_first),
        cmocka_unit_test(it_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
