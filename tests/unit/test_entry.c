/* The directory entry: canonical JSON, digests, the grade at a time. */
#include "vector_file.h"

#include "codes/entry.h"

static struct phi_entry an_entry(void)
{
    return (struct phi_entry){.subject = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                          0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff},
                              .region = "320000",
                              .grade = PHI_GRADE_RED,
                              .reasons = {"confirmed-case", "contact"},
                              .reasons_count = 2,
                              .sources_mask = 0x2001,
                              .version = UINT64_C(18446744073709551615),
                              .from_us = INT64_C(1795219200000000),
                              .until_us = INT64_C(1795219200500000),
                              .then = PHI_GRADE_YELLOW,
                              .updated_us = INT64_C(1795219200000000)};
}

static void canonical_json(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_entry entry = an_entry();
    struct phi_view json;
    assert_int_equal(phi_entry_format(&entry, arena, &json), PHI_OK);
    assert_view(json,
                phi_view_text("{\"from\":\"2026-11-21T08:00:00+08:00\",\"grade\":\"red\","
                              "\"reasons\":[\"confirmed-case\",\"contact\"],"
                              "\"region\":\"320000\",\"sources\":8193,"
                              "\"subject\":\"00112233445566778899aabbccddeeff\","
                              "\"then\":\"yellow\",\"until\":\"2026-11-21T08:00:00.500000+08:00\","
                              "\"updated\":\"2026-11-21T08:00:00+08:00\","
                              "\"version\":\"18446744073709551615\",\"withdrawn\":false}"));
    entry.until_us = PHI_ENTRY_NEVER_US;
    entry.reasons_count = 0;
    entry.is_withdrawn = true;
    assert_int_equal(phi_entry_format(&entry, arena, &json), PHI_OK);
    assert_view(json, phi_view_text("{\"from\":\"2026-11-21T08:00:00+08:00\",\"grade\":\"red\","
                                    "\"reasons\":[],\"region\":\"320000\",\"sources\":8193,"
                                    "\"subject\":\"00112233445566778899aabbccddeeff\","
                                    "\"updated\":\"2026-11-21T08:00:00+08:00\","
                                    "\"version\":\"18446744073709551615\",\"withdrawn\":true}"));
    phi_arena_free(arena);
}

/* jansson, sorting keys and writing compactly, must give the same bytes again. */
static void another_writer_agrees(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_entry entry = an_entry();
    struct phi_view json;
    assert_int_equal(phi_entry_format(&entry, arena, &json), PHI_OK);
    json_t *parsed = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed);
    char *again = json_dumps(parsed, JSON_SORT_KEYS | JSON_COMPACT);
    assert_view(json, phi_view_text(again));
    free(again);
    json_decref(parsed);
    phi_arena_free(arena);
}

static void the_longest_entry_fits(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_entry entry = an_entry();
    struct phi_view json;
    entry.reasons_count = PHI_ENTRY_REASONS_MAX;
    for (size_t i = 0; i < PHI_ENTRY_REASONS_MAX; i++) {
        memset(entry.reasons[i], 'r', PHI_ENTRY_REASON_MAX);
        entry.reasons[i][PHI_ENTRY_REASON_MAX] = '\0';
    }
    assert_int_equal(phi_entry_format(&entry, arena, &json), PHI_OK);
    assert_true(json.len > PHI_ENTRY_REASONS_MAX * PHI_ENTRY_REASON_MAX);
    phi_arena_free(arena);
}

static void unsound_entries_are_refused(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_view json;
    struct phi_entry bad[4] = {an_entry(), an_entry(), an_entry(), an_entry()};
    strcpy(bad[0].region, "990000");
    strcpy(bad[1].reasons[0], "a\"b");
    bad[2].reasons[1][0] = '\0';
    bad[3].reasons_count = PHI_ENTRY_REASONS_MAX + 1;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(phi_entry_format(&bad[i], arena, &json), PHI_ERR_FIELD_VALUE);
    phi_arena_free(arena);
}

static void digest_covers_subject_version_and_text(void **state)
{
    (void)state;
    struct phi_entry entry = an_entry();
    uint8_t expected[PHI_SM3_LEN];
    uint8_t found[PHI_ENTRY_DIGEST_LEN];
    uint8_t input[26] = {0};
    memcpy(input, entry.subject, 16);
    input[23] = 5;
    input[24] = '{';
    input[25] = '}';
    assert_int_equal(phi_sm3(phi_view_of(input, sizeof(input)), expected), PHI_OK);
    assert_int_equal(phi_entry_digest(entry.subject, 5, phi_view_text("{}"), found), PHI_OK);
    assert_memory_equal(found, expected, sizeof(found));
}

static void sums_wrap_and_commute(void **state)
{
    (void)state;
    uint8_t sum[PHI_ENTRY_DIGEST_LEN];
    uint8_t one[PHI_ENTRY_DIGEST_LEN] = {[15] = 1};
    uint8_t zero[PHI_ENTRY_DIGEST_LEN] = {0};
    memset(sum, 0xff, sizeof(sum));
    phi_entry_digest_add(sum, one);
    assert_memory_equal(sum, zero, sizeof(sum));
    uint8_t a[PHI_ENTRY_DIGEST_LEN] = {1, [14] = 0xff, [15] = 0xff};
    uint8_t b[PHI_ENTRY_DIGEST_LEN] = {2, [15] = 2};
    uint8_t expected[PHI_ENTRY_DIGEST_LEN] = {3, [13] = 1, [15] = 1};
    phi_entry_digest_add(a, b);
    assert_memory_equal(a, expected, sizeof(a));
}

static void then_holds_once_until_is_past(void **state)
{
    (void)state;
    struct phi_entry entry = an_entry();
    assert_int_equal(phi_entry_grade_at(&entry, entry.until_us), PHI_GRADE_RED);
    assert_int_equal(phi_entry_grade_at(&entry, entry.until_us + 1), PHI_GRADE_YELLOW);
    entry.until_us = PHI_ENTRY_NEVER_US;
    assert_int_equal(phi_entry_grade_at(&entry, INT64_MAX), PHI_GRADE_RED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_json),
        cmocka_unit_test(another_writer_agrees),
        cmocka_unit_test(the_longest_entry_fits),
        cmocka_unit_test(unsound_entries_are_refused),
        cmocka_unit_test(digest_covers_subject_version_and_text),
        cmocka_unit_test(sums_wrap_and_commute),
        cmocka_unit_test(then_holds_once_until_is_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
