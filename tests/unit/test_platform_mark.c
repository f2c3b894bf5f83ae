/* A bucket's mark as the nation reads it; its writer is codes/bucket.c. */
#include "case.h"
#include "svc-platform/heal/heal.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

struct mark_case {
    const char *name;
    const char *json;
    enum phi_err err;
    const char *place;
};

#define DIGEST "\"digest\":\"000102030405060708090a0b0c0d0e0f\""
#define REST   ",\"region\":\"320000\",\"version\":\"7\"}"

static const struct mark_case cases[] = {
    {"as it is", "{\"bucket\":163,\"count\":2," DIGEST ",\"kind\":\"digest\"" REST, PHI_OK, ""},
    {"a begin", "{\"bucket\":0,\"count\":0," DIGEST ",\"kind\":\"begin\"" REST, PHI_OK, ""},
    {"the last bucket", "{\"bucket\":4095,\"count\":0," DIGEST ",\"kind\":\"digest\"" REST, PHI_OK,
     ""},
    {"past the last", "{\"bucket\":4096,\"count\":0," DIGEST ",\"kind\":\"digest\"" REST,
     PHI_ERR_FIELD_VALUE, "$.bucket"},
    {"before the first", "{\"bucket\":-1,\"count\":0," DIGEST ",\"kind\":\"digest\"" REST,
     PHI_ERR_FIELD_VALUE, "$.bucket"},
    {"no count", "{\"bucket\":1," DIGEST ",\"kind\":\"digest\"" REST, PHI_ERR_FIELD_MISSING,
     "$.count"},
    {"less than nothing", "{\"bucket\":1,\"count\":-1," DIGEST ",\"kind\":\"digest\"" REST,
     PHI_ERR_FIELD_VALUE, "$.count"},
    {"half a digest", "{\"bucket\":1,\"count\":1,\"digest\":\"0001\",\"kind\":\"digest\"" REST,
     PHI_ERR_FIELD_VALUE, "$.digest"},
    {"another kind", "{\"bucket\":1,\"count\":1," DIGEST ",\"kind\":\"end\"" REST,
     PHI_ERR_FIELD_VALUE, "$.kind"},
    {"a member more", "{\"a\":1,\"bucket\":1,\"count\":1," DIGEST ",\"kind\":\"digest\"" REST,
     PHI_ERR_FIELD_UNKNOWN, "$.a"},
    {"version 0",
     "{\"bucket\":1,\"count\":1," DIGEST
     ",\"kind\":\"digest\",\"region\":\"320000\",\"version\":\"0\"}",
     PHI_ERR_FIELD_VALUE, "$.version"},
    {"version a number",
     "{\"bucket\":1,\"count\":1," DIGEST
     ",\"kind\":\"digest\",\"region\":\"320000\",\"version\":7}",
     PHI_ERR_FIELD_TYPE, "$.version"},
    {"an array", "[]", PHI_ERR_FIELD_TYPE, "$"},
    {"no JSON", "{", PHI_ERR_JSON, ""},
};

static void each_member_has_its_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct phi_error error = {.code = PHI_OK};
        struct phi_bucket_mark mark;
        enum phi_err err = heal_mark_read(phi_view_text(cases[i].json), arena, &mark, &error);
        if (err != cases[i].err)
            fail_msg("case \"%s\": %s at %s", cases[i].name, phi_err_name(err), error.place);
        if (err != PHI_OK && cases[i].place[0] != '\0')
            phi_check(cases[i].name, strcmp(error.place, cases[i].place) == 0);
        phi_arena_free(arena);
    }
}

static void the_writers_bytes_come_back(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_bucket_mark mark = {.kind = PHI_BUCKET_BEGIN,
                                   .bucket = 77,
                                   .region = "330000",
                                   .version = 1795219200000001,
                                   .sum = {.count = 12, .digest = {1, 2, 3}}};
    struct phi_bucket_mark found;
    struct phi_view json;
    assert_int_equal(phi_bucket_mark_format(&mark, arena, &json), PHI_OK);
    assert_int_equal(heal_mark_read(json, arena, &found, NULL), PHI_OK);
    assert_int_equal(found.kind, mark.kind);
    assert_int_equal(found.bucket, mark.bucket);
    assert_string_equal(found.region, mark.region);
    assert_true(found.version == mark.version);
    assert_true(phi_bucket_sum_equal(&found.sum, &mark.sum));
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_has_its_bounds),
        cmocka_unit_test(the_writers_bytes_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
