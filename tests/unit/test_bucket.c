/* Buckets of the directory: which subjects, the sum of their entries, the marks' bytes. */
#include "case.h"
#include "vector_file.h"

#include "base/time.h"
#include "codes/bucket.h"

/* The vectors' entries, whose members are the few that they use. */
static struct phi_entry entry_of(const json_t *json)
{
    struct phi_entry entry = {.sources_mask = (uint32_t)vector_int(json, "sources")};
    struct phi_view subject = vector_bytes(json, "subject");
    memcpy(entry.subject, subject.data, PHI_SUBJECT_LEN);
    snprintf(entry.region, sizeof(entry.region), "%s", vector_text(json, "region"));
    assert_int_equal(phi_grade_from_code(vector_view(json, "grade"), &entry.grade), PHI_OK);
    assert_int_equal(phi_rfc3339_parse(vector_view(json, "from"), &entry.from_us), PHI_OK);
    assert_int_equal(phi_rfc3339_parse(vector_view(json, "updated"), &entry.updated_us), PHI_OK);
    entry.then = entry.grade;
    entry.until_us = PHI_ENTRY_NEVER_US;
    if (json_object_get(json, "until") != NULL) {
        assert_int_equal(phi_rfc3339_parse(vector_view(json, "until"), &entry.until_us), PHI_OK);
        assert_int_equal(phi_grade_from_code(vector_view(json, "then"), &entry.then), PHI_OK);
    }
    entry.is_withdrawn = json_is_true(json_object_get(json, "withdrawn"));
    entry.version = strtoull(vector_text(json, "version"), NULL, 10);
    const json_t *reasons = json_object_get(json, "reasons");
    for (size_t i = 0; i < json_array_size(reasons); i++)
        snprintf(entry.reasons[entry.reasons_count++], sizeof(entry.reasons[0]), "%s",
                 json_string_value(json_array_get(reasons, i)));
    return entry;
}

static void check_sum(const json_t *c, const struct phi_bucket_sum *sum)
{
    struct phi_view digest = vector_bytes(c, "digest");
    assert_int_equal(sum->count, json_array_size(json_object_get(c, "entries")));
    phi_check(vector_text(c, "name"),
              phi_view_equal(digest, phi_view_of(sum->digest, sizeof(sum->digest))));
}

static void check_mark(const json_t *c, const struct phi_bucket_sum *sum, struct phi_arena *arena)
{
    struct phi_view json;
    uint8_t key[PHI_SUBJECT_LEN];
    enum phi_bucket_kind kind = PHI_BUCKET_BEGIN;
    uint16_t bucket = 0;
    struct phi_bucket_mark mark = {.kind = PHI_BUCKET_DIGEST,
                                   .bucket = (uint16_t)vector_int(c, "bucket"),
                                   .region = "320000",
                                   .version = UINT64_C(1795219200000001),
                                   .sum = *sum};
    assert_int_equal(phi_bucket_mark_format(&mark, arena, &json), PHI_OK);
    assert_view(json, vector_view(c, "mark"));
    phi_bucket_mark_key(PHI_BUCKET_BEGIN, mark.bucket, key);
    assert_view(phi_view_of(key, sizeof(key)), vector_bytes(c, "beginKey"));
    phi_bucket_mark_key(PHI_BUCKET_DIGEST, mark.bucket, key);
    assert_view(phi_view_of(key, sizeof(key)), vector_bytes(c, "markKey"));
    assert_true(phi_bucket_mark_is(phi_view_of(key, sizeof(key)), &kind, &bucket));
    assert_int_equal(kind, PHI_BUCKET_DIGEST);
    assert_int_equal(bucket, mark.bucket);
}

static void vectors_hold(void **state)
{
    (void)state;
    json_t *file = vector_open("bucket/bucket.json");
    VECTOR_EACH(file, "cases", c)
    {
        struct phi_arena *arena = phi_arena_new(1024 * 1024);
        struct phi_bucket_sum sum = {0};
        const json_t *entries = json_object_get(c, "entries");
        for (size_t i = 0; i < json_array_size(entries); i++) {
            struct phi_entry entry = entry_of(json_array_get(entries, i));
            assert_int_equal(phi_bucket_of(entry.subject), vector_int(c, "bucket"));
            assert_int_equal(phi_bucket_sum_add(&sum, &entry, arena), PHI_OK);
        }
        check_sum(c, &sum);
        check_mark(c, &sum, arena);
        phi_arena_free(arena);
    }
    vector_close(file);
}

/* Each subject is between its bucket's bounds, and next to them another bucket begins. */
static void buckets_are_ranges(void **state)
{
    (void)state;
    for (unsigned bucket = 0; bucket < PHI_BUCKETS; bucket++) {
        uint8_t low[PHI_SUBJECT_LEN], high[PHI_SUBJECT_LEN];
        phi_bucket_range((uint16_t)bucket, low, high);
        assert_int_equal(phi_bucket_of(low), bucket);
        assert_int_equal(phi_bucket_of(high), bucket);
        assert_int_equal(phi_subject_bucket(low), (int)bucket);
        assert_true(low[2] == 0 && low[15] == 0 && high[2] == 0xff && high[15] == 0xff);
        assert_int_equal(high[1] - low[1], 15);
    }
}

static void no_mark_is_taken_for_one(void **state)
{
    (void)state;
    enum phi_bucket_kind kind;
    uint16_t bucket;
    uint8_t key[PHI_SUBJECT_LEN + 1] = {0};
    phi_bucket_mark_key(PHI_BUCKET_DIGEST, 4095, key);
    assert_true(phi_bucket_mark_is(phi_view_of(key, PHI_SUBJECT_LEN), &kind, &bucket));
    assert_false(phi_bucket_mark_is(phi_view_of(key, PHI_SUBJECT_LEN - 1), &kind, &bucket));
    assert_false(phi_bucket_mark_is(phi_view_of(key, PHI_SUBJECT_LEN + 1), &kind, &bucket));
    key[1] |= 1;
    assert_false(phi_bucket_mark_is(phi_view_of(key, PHI_SUBJECT_LEN), &kind, &bucket));
    key[1] &= 0xf0;
    key[15] ^= 1;
    assert_false(phi_bucket_mark_is(phi_view_of(key, PHI_SUBJECT_LEN), &kind, &bucket));
}

static void what_no_mark_may_say_is_refused(void **state)
{
    (void)state;
    struct phi_view json;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_bucket_mark mark = {.bucket = 4096, .region = "320000"};
    assert_int_equal(phi_bucket_mark_format(&mark, arena, &json), PHI_ERR_FIELD_VALUE);
    mark = (struct phi_bucket_mark){.bucket = 1, .region = "990000"};
    assert_int_equal(phi_bucket_mark_format(&mark, arena, &json), PHI_ERR_FIELD_VALUE);
    mark = (struct phi_bucket_mark){.kind = PHI_BUCKET_KIND_COUNT, .region = "320000"};
    assert_int_equal(phi_bucket_mark_format(&mark, arena, &json), PHI_ERR_FIELD_VALUE);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_hold),
        cmocka_unit_test(buckets_are_ranges),
        cmocka_unit_test(no_mark_is_taken_for_one),
        cmocka_unit_test(what_no_mark_may_say_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
