/* RFC 8785: numbers of its appendix B, its example of sorting, strings; ECMAScript's shortest
 * digits. */
#include "json/canonical.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void appendix_b_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
        {0x3d30000000000000,
         "5.684341886080802e-14"}, /* 2^-44: the nearest 16 digits do not read back */
        {0x3ff0000000000000, "1"},
        {0x3fb999999999999a, "0.1"},
        {0x4415af1d78b58c40, "100000000000000000000"},
    };
    char text[PHI_JSON_NUMBER_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(phi_json_format_number(double_of(cases[i].bits), text), PHI_OK);
        assert_string_equal(text, cases[i].text);
    }
    assert_int_equal(phi_json_format_number(double_of(0x7fffffffffffffff), text),
                     PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_json_format_number(double_of(0x7ff0000000000000), text),
                     PHI_ERR_FIELD_VALUE);
}

static void numbers_read_back(void **state)
{
    (void)state;
    uint64_t bits = 0x9e3779b97f4a7c15;
    char text[PHI_JSON_NUMBER_MAX];
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value = double_of(bits);
        if (!isfinite(value))
            continue;
        assert_int_equal(phi_json_format_number(value, text), PHI_OK);
        assert_true(strtod(text, NULL) == value);
    }
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        double value = ldexp(1.0, exponent);
        assert_int_equal(phi_json_format_number(value, text), PHI_OK);
        assert_true(strtod(text, NULL) == value);
    }
}

static void documents(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *in;
        const char *out;
    } cases[] = {
        {"empty object", "{ }", "{}"},
        {"empty array", "[ ]", "[]"},
        {"nested", "{ \"b\" : [ 1 , {\"d\":true,\"c\":null} ], \"a\":false }",
         "{\"a\":false,\"b\":[1,{\"c\":null,\"d\":true}]}"},
        {"RFC 8785, 3.2.3: sorting by UTF-16 units",
         "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet "
         "With "
         "Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning "
         "Face\",\"\\u0080\":\"Control\","
         "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
         "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"ö\":\"Latin Small "
         "Letter O "
         "With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning "
         "Face\",\"\xef\xac\xb3\":\"Hebrew "
         "Letter Dalet With Dagesh\"}"},
        {"RFC 8785, 3.2.2: strings and numbers",
         "{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"
         "\"string\":"
         "\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/"
         "\",\"literals\":[null,true,false]}",
         "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
         "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"},
        {"escapes", "\"\\b\\f\\t\\u001f\\u007f\"", "\"\\b\\f\\t\\u001f\x7f\""},
        {"prefix first", "{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}"},
        {"minus zero", "[-0,-0.0]", "[0,0]"},
        {"largest exact", "[9007199254740991,-9007199254740991]",
         "[9007199254740991,-9007199254740991]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_arena *arena = phi_arena_new(1 << 16);
        struct phi_json_at root;
        struct phi_view out;
        assert_int_equal(phi_json_read(phi_view_text(cases[i].in), 8, arena, &root, NULL), PHI_OK);
        assert_int_equal(phi_json_canonical(root.value, arena, &out), PHI_OK);
        if (!phi_view_equal(out, phi_view_text(cases[i].out)))
            fail_msg("%s: %s", cases[i].name, (const char *)out.data);
        phi_arena_free(arena);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1 << 12);
    struct phi_view out;
    json_t *large = json_integer(INT64_C(9007199254740992));
    assert_int_equal(phi_json_canonical(large, arena, &out), PHI_ERR_FIELD_VALUE);
    json_t *real = json_real(1e16);
    assert_int_equal(phi_json_canonical(real, arena, &out), PHI_ERR_FIELD_VALUE);
    json_real_set(real, -1e21);
    assert_int_equal(phi_json_canonical(real, arena, &out), PHI_OK);
    assert_string_equal(out.data, "-1e+21");
    json_decref(real);
    assert_int_equal(phi_json_canonical(NULL, arena, &out), PHI_ERR_JSON);
    json_t *deep = json_array();
    for (int i = 0; i < 64; i++)
        deep = json_pack("[o]", deep);
    assert_int_equal(phi_json_canonical(deep, arena, &out), PHI_ERR_JSON);
    assert_int_equal(phi_json_canonical(json_array_get(deep, 0), arena, &out), PHI_OK);
    struct phi_arena *small = phi_arena_new(64);
    assert_int_equal(phi_json_canonical(json_array_get(deep, 0), small, &out), PHI_ERR_MEMORY);
    json_decref(large);
    json_decref(deep);
    phi_arena_free(arena);
    phi_arena_free(small);
}

/* Members stay in their order, and any integer is written. */
static void envelopes(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_view out;
    const struct phi_json_member members[] = {{"z", "甲\n\"\x01\x7f/"}, {"a", ""}};
    json_t *value =
        json_pack("{s:I, s:[b,n,{}], s:f, s:{s:s, s:s}}", "zz", (json_int_t)9007199254740993, "y",
                  1, "x", 1e16, "b", "d", "1", "c", "2");
    assert_int_equal(
        phi_json_envelope(members, 2, "data", (struct phi_json_last){.json = value}, arena, &out),
        PHI_OK);
    assert_string_equal(out.data, "{\"z\":\"甲\\n\\\"\\u0001\x7f/\",\"a\":\"\",\"data\":"
                                  "{\"zz\":9007199254740993,\"y\":[true,null,{}],"
                                  "\"x\":10000000000000000,\"b\":{\"d\":\"1\",\"c\":\"2\"}}}");
    assert_int_equal(out.len, strlen((const char *)out.data));
    assert_int_equal(
        phi_json_envelope(members, 1, "data", (struct phi_json_last){.json = NULL}, arena, &out),
        PHI_OK);
    assert_string_equal(out.data, "{\"z\":\"甲\\n\\\"\\u0001\x7f/\",\"data\":null}");
    const struct phi_json_last text = {.text = phi_view_text("[1]")};
    assert_int_equal(phi_json_envelope(NULL, 0, "data", text, arena, &out), PHI_OK);
    assert_string_equal(out.data, "{\"data\":[1]}");
    assert_int_equal(phi_json_canonical_without(value, "y", arena, &out), PHI_ERR_FIELD_VALUE);
    json_object_del(value, "zz");
    json_object_del(value, "x");
    assert_int_equal(phi_json_canonical_without(value, "y", arena, &out), PHI_OK);
    assert_string_equal(out.data, "{\"b\":{\"c\":\"2\",\"d\":\"1\"}}");
    json_object_del(value, "b");
    assert_int_equal(phi_json_canonical_without(value, "y", arena, &out), PHI_OK);
    assert_string_equal(out.data, "{}");
    struct phi_arena *small = phi_arena_new(16);
    assert_int_equal(
        phi_json_envelope(members, 2, "data", (struct phi_json_last){.json = value}, small, &out),
        PHI_ERR_MEMORY);
    json_decref(value);
    phi_arena_free(arena);
    phi_arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appendix_b_numbers), cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(documents),          cmocka_unit_test(what_is_refused),
        cmocka_unit_test(envelopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
