/* The directory's entries as the nation reads them. */
#include "case.h"
#include "svc-platform/platform.h"

#include <stdio.h>
#include <string.h>

/* A right entry with one member changed: `value` as JSON, NULL removes it. */
struct entry_case {
    const char *name;
    const char *member;
    const char *value;
    enum phi_err err;
    const char *place;
};

static const char document[] =
    "{\"from\":\"2026-11-21T08:00:00+08:00\",\"grade\":\"red\",\"reasons\":[\"confirmed-case\","
    "\"contact\"],\"region\":\"320000\",\"sources\":8193,\"subject\":"
    "\"00112233445566778899aabbccddeeff\",\"then\":\"yellow\",\"until\":"
    "\"2026-12-05T08:00:00+08:00\",\"updated\":\"2026-11-21T08:00:01+08:00\",\"version\":"
    "\"1795219200000001\",\"withdrawn\":false}";

#define REASON48 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define REASON49 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define WORDS8   "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\""

static const struct entry_case cases[] = {
    {"as it is", NULL, NULL, PHI_OK, NULL},
    {"no end", "until", NULL, PHI_OK, NULL},
    {"no then", "then", NULL, PHI_OK, NULL},
    {"withdrawn", "withdrawn", "true", PHI_OK, NULL},
    {"no reasons", "reasons", "[]", PHI_OK, NULL},
    {"16 reasons", "reasons", "[" WORDS8 "," WORDS8 "]", PHI_OK, NULL},
    {"a long reason", "reasons", "[" REASON48 "]", PHI_OK, NULL},
    {"all sources", "sources", "4294967295", PHI_OK, NULL},
    {"largest version", "version", "\"9223372036854775807\"", PHI_OK, NULL},
    {"unknown member", "name", "\"x\"", PHI_ERR_FIELD_UNKNOWN, "$.name"},
    {"no subject", "subject", NULL, PHI_ERR_FIELD_MISSING, "$.subject"},
    {"short subject", "subject", "\"0011\"", PHI_ERR_FIELD_VALUE, "$.subject"},
    {"subject not hex", "subject", "\"0011223344556677889900112233445x\"", PHI_ERR_FIELD_VALUE,
     "$.subject"},
    {"no region", "region", NULL, PHI_ERR_FIELD_MISSING, "$.region"},
    {"long region", "region", "\"3200000\"", PHI_ERR_FIELD_VALUE, "$.region"},
    {"no grade", "grade", NULL, PHI_ERR_FIELD_MISSING, "$.grade"},
    {"unknown grade", "grade", "\"orange\"", PHI_ERR_FIELD_VALUE, "$.grade"},
    {"grade in capitals", "grade", "\"RED\"", PHI_ERR_FIELD_VALUE, "$.grade"},
    {"grade a number", "grade", "4", PHI_ERR_FIELD_TYPE, "$.grade"},
    {"unknown then", "then", "\"orange\"", PHI_ERR_FIELD_VALUE, "$.then"},
    {"17 reasons", "reasons", "[" WORDS8 "," WORDS8 ",\"a\"]", PHI_ERR_FIELD_VALUE, "$.reasons"},
    {"a reason too long", "reasons", "[" REASON49 "]", PHI_ERR_FIELD_VALUE, "$.reasons[0]"},
    {"a reason of words", "reasons", "[\"a\",\"a b\"]", PHI_ERR_FIELD_VALUE, "$.reasons[1]"},
    {"reasons a text", "reasons", "\"a\"", PHI_ERR_FIELD_TYPE, "$.reasons"},
    {"sources below", "sources", "-1", PHI_ERR_FIELD_VALUE, "$.sources"},
    {"sources past 32 bits", "sources", "4294967296", PHI_ERR_FIELD_VALUE, "$.sources"},
    {"version a number", "version", "1", PHI_ERR_FIELD_TYPE, "$.version"},
    {"version 0", "version", "\"0\"", PHI_ERR_FIELD_VALUE, "$.version"},
    {"version past 63 bits", "version", "\"9223372036854775808\"", PHI_ERR_FIELD_VALUE,
     "$.version"},
    {"version of letters", "version", "\"1a\"", PHI_ERR_FIELD_VALUE, "$.version"},
    {"no time", "from", "\"2026-02-30T00:00:00Z\"", PHI_ERR_FIELD_VALUE, "$.from"},
    {"no update", "updated", NULL, PHI_ERR_FIELD_MISSING, "$.updated"},
    {"until a number", "until", "1", PHI_ERR_FIELD_TYPE, "$.until"},
    {"withdrawn a text", "withdrawn", "\"true\"", PHI_ERR_FIELD_TYPE, "$.withdrawn"},
};

static char *changed(const struct entry_case *c)
{
    json_t *root = json_loads(document, 0, NULL);
    assert_non_null(root);
    if (c->member != NULL && c->value == NULL)
        assert_int_equal(json_object_del(root, c->member), 0);
    if (c->value != NULL)
        json_object_set_new(root, c->member, json_loads(c->value, JSON_DECODE_ANY, NULL));
    char *text = json_dumps(root, 0);
    assert_non_null(text);
    json_decref(root);
    return text;
}

static void each_member_has_its_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct phi_error error = {.code = PHI_OK};
        struct phi_entry entry;
        char *text = changed(&cases[i]);
        enum phi_err err = platform_entry_read(phi_view_text(text), arena, &entry, &error);
        if (err != cases[i].err)
            fail_msg("case \"%s\": %s at %s", cases[i].name, phi_err_name(err), error.place);
        if (err != PHI_OK)
            phi_check(cases[i].name, strcmp(error.place, cases[i].place) == 0);
        free(text);
        phi_arena_free(arena);
    }
}

/* The writer is codes/entry.c: the canonical form goes both ways, byte by byte. */
static void the_writers_bytes_come_back(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_entry entry;
    struct phi_view json;
    assert_int_equal(platform_entry_read(phi_view_text(document), arena, &entry, NULL), PHI_OK);
    assert_int_equal(entry.grade, PHI_GRADE_RED);
    assert_int_equal(entry.then, PHI_GRADE_YELLOW);
    assert_int_equal(entry.sources_mask, 0x2001);
    assert_int_equal(entry.reasons_count, 2);
    assert_string_equal(entry.reasons[1], "contact");
    assert_true(entry.version == 1795219200000001);
    assert_int_equal(phi_entry_format(&entry, arena, &json), PHI_OK);
    assert_true(phi_view_equal(json, phi_view_text(document)));
    phi_arena_free(arena);
}

static void an_entry_without_end_keeps_its_grade(void **state)
{
    (void)state;
    const struct entry_case no_end = {.member = "until", .value = NULL};
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_entry entry;
    char *text = changed(&no_end);
    assert_int_equal(platform_entry_read(phi_view_text(text), arena, &entry, NULL), PHI_OK);
    assert_true(entry.until_us == PHI_ENTRY_NEVER_US);
    assert_int_equal(phi_entry_grade_at(&entry, INT64_MAX - 1), PHI_GRADE_RED);
    free(text);
    phi_arena_free(arena);
}

static void what_is_no_entry_is_refused(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_entry entry = {.version = 7};
    for (size_t len = 0; len < sizeof(document) - 1; len++)
        assert_int_equal(platform_entry_read(phi_view_of(document, len), arena, &entry, NULL),
                         PHI_ERR_JSON);
    assert_int_equal(platform_entry_read(phi_view_text("[]"), arena, &entry, NULL),
                     PHI_ERR_FIELD_TYPE);
    assert_true(entry.version == 7);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_has_its_bounds),
        cmocka_unit_test(the_writers_bytes_come_back),
        cmocka_unit_test(an_entry_without_end_keeps_its_grade),
        cmocka_unit_test(what_is_no_entry_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
