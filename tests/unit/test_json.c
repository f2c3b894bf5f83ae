/* Parsing and typed reading: what is refused, and what the error says about it. */
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct parse_case {
    const char *name;
    struct phi_view body;
    enum phi_err err;
    const char *text; /* how the reason begins */
};

#define BODY(s)                                                                                    \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }

static const struct parse_case parse_cases[] = {
    {"object", BODY("{\"a\":[1,{\"b\":null}]}"), PHI_OK, NULL},
    {"scalar", BODY("7"), PHI_OK, NULL},
    {"supplementary plane", BODY("\"\\ud83d\\ude00\xf0\x9f\x98\x80\""), PHI_OK, NULL},
    {"three levels", BODY("[[[]]]"), PHI_OK, NULL},
    {"brackets in a text", BODY("\"[[[[[\\\"{{{{\""), PHI_OK, NULL},
    {"empty", BODY(""), PHI_ERR_JSON, "empty"},
    {"blank", BODY("  "), PHI_ERR_JSON, "ends too early"},
    {"four levels", BODY("[[[[]]]]"), PHI_ERR_JSON, "nested deeper than 3"},
    {"four levels mixed", BODY("{\"a\":[{\"b\":[]}]}"), PHI_ERR_JSON, "nested deeper than 3"},
    {"duplicate", BODY("{\"a\":1,\"a\":2}"), PHI_ERR_JSON, "a field is there twice"},
    {"duplicate by escape", BODY("{\"a\":1,\"\\u0061\":2}"), PHI_ERR_JSON,
     "a field is there twice"},
    {"escaped NUL", BODY("\"a\\u0000b\""), PHI_ERR_JSON, "holds U+0000"},
    {"escaped NUL in a name", BODY("{\"a\\u0000b\":1}"), PHI_ERR_JSON, "holds U+0000"},
    {"raw NUL in a text", BODY("\"a\0b\""), PHI_ERR_JSON, "holds U+0000"},
    {"raw NUL after the end", BODY("1\0x"), PHI_ERR_JSON, "holds U+0000"},
    {"trailing", BODY("{} {}"), PHI_ERR_JSON, "goes on after its end"},
    {"truncated", BODY("{\"a\":"), PHI_ERR_JSON, "ends too early"},
    {"lone surrogate", BODY("\"\\ud800\""), PHI_ERR_JSON, ""},
    {"encoded surrogate", BODY("\"\xed\xa0\x80\""), PHI_ERR_JSON, "not UTF-8"},
    {"overlong", BODY("\"\xc0\xaf\""), PHI_ERR_JSON, "not UTF-8"},
    {"GBK", BODY("\"\xd5\xc5\""), PHI_ERR_JSON, "not UTF-8"},
    {"byte order mark", BODY("\xef\xbb\xbf{}"), PHI_ERR_JSON, "not JSON"},
    {"comment", BODY("/**/{}"), PHI_ERR_JSON, "not JSON"},
    {"single quotes", BODY("{'a':1}"), PHI_ERR_JSON, ""},
    {"leading zero", BODY("[01]"), PHI_ERR_JSON, ""},
    {"NaN", BODY("[NaN]"), PHI_ERR_JSON, ""},
    {"65 bits", BODY("[9223372036854775808]"), PHI_ERR_JSON, "a number is too large"},
    {"huge exponent", BODY("[1e999]"), PHI_ERR_JSON, "a number is too large"},
    {"control character", BODY("\"a\nb\""), PHI_ERR_JSON, ""},
};

static void parse_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]); i++) {
        const struct parse_case *c = &parse_cases[i];
        struct phi_error error = {.code = PHI_OK};
        json_t *value = NULL;
        enum phi_err err = phi_json_parse(c->body, 3, &value, &error);
        if (err != c->err)
            fail_msg("%s: %s", c->name, phi_err_name(err));
        json_decref(value);
        if (err == PHI_OK)
            continue;
        assert_null(value);
        assert_string_equal(error.place, "$");
        if (strncmp(error.text, c->text, strlen(c->text)) != 0)
            fail_msg("%s: %s", c->name, error.text);
    }
}

static void parse_error_does_not_quote(void **state)
{
    (void)state;
    struct phi_error error;
    json_t *value = NULL;
    struct phi_view body = phi_view_text("{\"name\": zhangsan}");
    assert_int_equal(phi_json_parse(body, 3, &value, &error), PHI_ERR_JSON);
    assert_null(strstr(error.text, "zhang"));
    assert_int_equal(phi_json_parse(body, 3, &value, NULL), PHI_ERR_JSON);
}

static const char *const colours[] = {"green", "yellow", "red"};

/* One reader for each case: the field is "f" of the root. */
typedef enum phi_err reader(const struct phi_json_at *root, struct phi_error *error);

#define READER(name, declaration, call)                                                            \
    static enum phi_err name(const struct phi_json_at *root, struct phi_error *error)              \
    {                                                                                              \
        declaration;                                                                               \
        return call;                                                                               \
    }

READER(text, const char *s, phi_json_text(root, "f", 1, 4, &s, error))
READER(text_any, const char *s, phi_json_text(root, "f", 0, 4, &s, error))
READER(text_two, const char *s, phi_json_text(root, "f", 2, 4, &s, error))
READER(text_opt, const char *s, phi_json_text_opt(root, "f", 1, 4, NULL, &s, error))
READER(lines, const char *s, phi_json_lines(root, "f", 1, 9, &s, error))
READER(word, const char *s, phi_json_word(root, "f", 8, &s, error))
READER(whole, int64_t n, phi_json_int(root, "f", -5, 5, &n, error))
READER(number, double n, phi_json_number(root, "f", -0.5, 0.5, &n, error))
READER(truth, bool b, phi_json_bool(root, "f", &b, error))
READER(when, int64_t t, phi_json_time(root, "f", &t, error))
READER(day, struct phi_json_date d, phi_json_date(root, "f", &d, error))
READER(colour, size_t i, phi_json_enum(root, "f", colours, 3, &i, error))
READER(hex, uint8_t b[2], phi_json_hex(root, "f", b, 2, error))
READER(base64, uint8_t b[4]; size_t n, phi_json_base64(root, "f", 2, 4, b, &n, error))
READER(array, struct phi_json_at a; size_t n, phi_json_array(root, "f", 1, 2, &a, &n, error))
READER(object, struct phi_json_at a, phi_json_object(root, "f", &a, error))
READER(object_opt, struct phi_json_at a, phi_json_object_opt(root, "f", &a, error))
READER(array_opt, struct phi_json_at a;
       size_t n, phi_json_array_opt(root, "f", 1, 2, &a, &n, error))

struct field_case {
    const char *name;
    reader *read;
    const char *body;
    enum phi_err err;
    const char *place;
    const char *text;
};

static const struct field_case field_cases[] = {
    {"text", text, "{\"f\":\"abcd\"}", PHI_OK, NULL, NULL},
    {"four code points", text, "{\"f\":\"张三张三\"}", PHI_OK, NULL, NULL},
    {"five code points", text, "{\"f\":\"张三张三张\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "longer than 4 characters"},
    {"text empty", text, "{\"f\":\"\"}", PHI_ERR_FIELD_VALUE, "$.f", "empty"},
    {"text may be empty", text_any, "{\"f\":\"\"}", PHI_OK, NULL, NULL},
    {"text short", text_two, "{\"f\":\"a\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "shorter than 2 characters"},
    {"text missing", text, "{}", PHI_ERR_FIELD_MISSING, "$.f", "missing"},
    {"text null", text, "{\"f\":null}", PHI_ERR_FIELD_MISSING, "$.f", "missing"},
    {"text a number", text, "{\"f\":1}", PHI_ERR_FIELD_TYPE, "$.f", "not a text"},
    {"text control", text, "{\"f\":\"a\\u0007\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "holds control characters"},
    {"text new line", text, "{\"f\":\"a\\nb\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "holds control characters"},
    {"text bidi override", text, "{\"f\":\"a\\u202eb\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "holds control characters"},
    {"text of no object", text, "[]", PHI_ERR_FIELD_TYPE, "$", "not an object"},
    {"opt absent", text_opt, "{}", PHI_OK, NULL, NULL},
    {"opt null", text_opt, "{\"f\":null}", PHI_OK, NULL, NULL},
    {"opt wrong", text_opt, "{\"f\":[]}", PHI_ERR_FIELD_TYPE, "$.f", "not a text"},
    {"lines", lines, "{\"f\":\"a\\r\\n\\tb\"}", PHI_OK, NULL, NULL},
    {"lines control", lines, "{\"f\":\"a\\nb\\u001b\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "holds control characters"},
    {"word", word, "{\"f\":\"a-B_9.x\"}", PHI_OK, NULL, NULL},
    {"word space", word, "{\"f\":\"a b\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "holds other characters than A-Z a-z 0-9 . _ -"},
    {"word long", word, "{\"f\":\"123456789\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "longer than 8 characters"},
    {"int", whole, "{\"f\":-5}", PHI_OK, NULL, NULL},
    {"int low", whole, "{\"f\":-6}", PHI_ERR_FIELD_VALUE, "$.f", "less than -5"},
    {"int high", whole, "{\"f\":6}", PHI_ERR_FIELD_VALUE, "$.f", "more than 5"},
    {"int fraction", whole, "{\"f\":1.0}", PHI_ERR_FIELD_TYPE, "$.f", "not a whole number"},
    {"int text", whole, "{\"f\":\"1\"}", PHI_ERR_FIELD_TYPE, "$.f", "not a whole number"},
    {"number", number, "{\"f\":0.25}", PHI_OK, NULL, NULL},
    {"number whole", number, "{\"f\":0}", PHI_OK, NULL, NULL},
    {"number high", number, "{\"f\":0.51}", PHI_ERR_FIELD_VALUE, "$.f", "more than 0.5"},
    {"bool", truth, "{\"f\":false}", PHI_OK, NULL, NULL},
    {"bool number", truth, "{\"f\":0}", PHI_ERR_FIELD_TYPE, "$.f", "not true or false"},
    {"time", when, "{\"f\":\"2026-11-21T08:00:00.5+08:00\"}", PHI_OK, NULL, NULL},
    {"time bare", when, "{\"f\":\"2026-11-21 08:00:00\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "not a date-time"},
    {"time unreal", when, "{\"f\":\"2026-02-30T08:00:00Z\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "not a date-time"},
    {"date", day, "{\"f\":\"2024-02-29\"}", PHI_OK, NULL, NULL},
    {"date unreal", day, "{\"f\":\"2023-02-29\"}", PHI_ERR_FIELD_VALUE, "$.f", "not a date"},
    {"enum", colour, "{\"f\":\"red\"}", PHI_OK, NULL, NULL},
    {"enum other", colour, "{\"f\":\"Red\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "not one of the known values"},
    {"hex", hex, "{\"f\":\"0aFf\"}", PHI_OK, NULL, NULL},
    {"hex short", hex, "{\"f\":\"0af\"}", PHI_ERR_FIELD_VALUE, "$.f", "not 2 bytes in hex"},
    {"hex letters", hex, "{\"f\":\"0axx\"}", PHI_ERR_FIELD_VALUE, "$.f", "not 2 bytes in hex"},
    {"base64", base64, "{\"f\":\"AAEC\"}", PHI_OK, NULL, NULL},
    {"base64 short", base64, "{\"f\":\"AA==\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "shorter than 2 bytes"},
    {"base64 long", base64, "{\"f\":\"AAECAwQFBgc=\"}", PHI_ERR_FIELD_VALUE, "$.f",
     "longer than 4 bytes"},
    {"base64 unpadded", base64, "{\"f\":\"AAE\"}", PHI_ERR_FIELD_VALUE, "$.f", "not base64"},
    {"array", array, "{\"f\":[1,2]}", PHI_OK, NULL, NULL},
    {"array small", array, "{\"f\":[]}", PHI_ERR_FIELD_VALUE, "$.f", "fewer than 1 items"},
    {"array large", array, "{\"f\":[1,2,3]}", PHI_ERR_FIELD_VALUE, "$.f", "more than 2 items"},
    {"array object", array, "{\"f\":{}}", PHI_ERR_FIELD_TYPE, "$.f", "not an array"},
    {"array opt absent", array_opt, "{}", PHI_OK, NULL, NULL},
    {"array opt empty", array_opt, "{\"f\":[]}", PHI_ERR_FIELD_VALUE, "$.f", "fewer than 1 items"},
    {"object", object, "{\"f\":{}}", PHI_OK, NULL, NULL},
    {"object array", object, "{\"f\":[]}", PHI_ERR_FIELD_TYPE, "$.f", "not an object"},
    {"object opt", object_opt, "{\"f\":null}", PHI_OK, NULL, NULL},
};

static void field_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(field_cases) / sizeof(field_cases[0]); i++) {
        const struct field_case *c = &field_cases[i];
        struct phi_error error = {.code = PHI_OK};
        json_t *value = NULL;
        assert_int_equal(phi_json_parse(phi_view_text(c->body), 4, &value, &error), PHI_OK);
        struct phi_json_at root = phi_json_root(value);
        enum phi_err err = c->read(&root, &error);
        if (err != c->err || error.code != c->err)
            fail_msg("%s: %s %s", c->name, phi_err_name(err), error.text);
        if (err != PHI_OK && strcmp(error.place, c->place) != 0)
            fail_msg("%s: place %s", c->name, error.place);
        if (err != PHI_OK && strcmp(error.text, c->text) != 0)
            fail_msg("%s: text %s", c->name, error.text);
        assert_int_equal(c->read(&root, NULL), err);
        json_decref(value);
    }
}

static void values_and_fallbacks(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1 << 16);
    struct phi_json_at root;
    struct phi_view body = phi_view_text("{\"t\":\"x\",\"n\":7,\"d\":\"2024-02-29\",\"at\":\"1970-"
                                         "01-01T08:00:01+08:00\",\"h\":\"0aff\"}");
    assert_int_equal(phi_json_read(body, 2, arena, &root, NULL), PHI_OK);
    const char *t = NULL;
    int64_t n = 0;
    struct phi_json_date d;
    uint8_t h[2];
    bool present = true;
    double f = 0;
    size_t choice = 0;
    assert_int_equal(phi_json_text(&root, "t", 1, 4, &t, NULL), PHI_OK);
    assert_string_equal(t, "x");
    assert_int_equal(phi_json_text_opt(&root, "no", 1, 4, "else", &t, NULL), PHI_OK);
    assert_string_equal(t, "else");
    assert_int_equal(phi_json_int_opt(&root, "no", 1, 9, 42, &n, NULL), PHI_OK);
    assert_int_equal(n, 42);
    assert_int_equal(phi_json_int_opt(&root, "n", 1, 9, 42, &n, NULL), PHI_OK);
    assert_int_equal(n, 7);
    assert_int_equal(phi_json_time(&root, "at", &n, NULL), PHI_OK);
    assert_int_equal(n, 1000000);
    assert_int_equal(phi_json_time_opt(&root, "no", -1, &n, NULL), PHI_OK);
    assert_int_equal(n, -1);
    assert_int_equal(phi_json_date(&root, "d", &d, NULL), PHI_OK);
    assert_int_equal(d.year * 10000 + d.month * 100 + d.day, 20240229);
    assert_int_equal(phi_json_hex_opt(&root, "no", h, 2, &present, NULL), PHI_OK);
    assert_false(present);
    assert_int_equal(phi_json_hex_opt(&root, "h", h, 2, &present, NULL), PHI_OK);
    assert_true(present && h[0] == 0x0a && h[1] == 0xff);
    assert_int_equal(phi_json_date_opt(&root, "no", &d, &present, NULL), PHI_OK);
    assert_false(present);
    assert_int_equal(phi_json_number_opt(&root, "no", 0, 1, 0.5, &f, NULL), PHI_OK);
    assert_true(f == 0.5);
    assert_int_equal(phi_json_bool_opt(&root, "no", true, &present, NULL), PHI_OK);
    assert_true(present);
    assert_int_equal(phi_json_enum_opt(&root, "no", colours, 3, 2, &choice, NULL), PHI_OK);
    assert_int_equal(choice, 2);
    phi_arena_free(arena);
}

static void paths_of_nested_places(void **state)
{
    (void)state;
    struct phi_error error;
    json_t *value = NULL;
    struct phi_view body = phi_view_text("{\"trips\":[{},{},{\"arrivedAt\":\"soon\"}]}");
    assert_int_equal(phi_json_parse(body, 4, &value, &error), PHI_OK);
    struct phi_json_at root = phi_json_root(value);
    struct phi_json_at trips;
    size_t count = 0;
    int64_t t = 0;
    assert_int_equal(phi_json_array(&root, "trips", 1, 5, &trips, &count, &error), PHI_OK);
    assert_int_equal(count, 3);
    struct phi_json_at trip = phi_json_item(&trips, 2);
    assert_int_equal(phi_json_time(&trip, "arrivedAt", &t, &error), PHI_ERR_FIELD_VALUE);
    assert_string_equal(error.place, "$.trips[2].arrivedAt");
    assert_string_equal(error.text, "not a date-time");
    phi_json_refuse(&trip, "leftAt", PHI_ERR_RULE, "before the arrival", &error);
    assert_string_equal(error.place, "$.trips[2].leftAt");
    struct phi_json_at none = phi_json_item(&trips, 3);
    assert_null(none.value);
    assert_int_equal(phi_json_as_time(&none, &t, &error), PHI_ERR_FIELD_MISSING);
    json_decref(value);
}

static void unknown_fields(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum phi_err err;
        const char *place;
    } cases[] = {
        {"{\"a\":1,\"b\":2}", PHI_OK, NULL},
        {"{}", PHI_OK, NULL},
        {"{\"a\":1,\"extra\":2}", PHI_ERR_FIELD_UNKNOWN, "$.extra"},
        {"{\"320102199001011234\":2}", PHI_ERR_FIELD_UNKNOWN, "$.?"},
        {"{\"id320102199001011234\":2}", PHI_ERR_FIELD_UNKNOWN, "$.?"},
        {"{\"张三\":2}", PHI_ERR_FIELD_UNKNOWN, "$.?"},
        {"{\"a b\":2}", PHI_ERR_FIELD_UNKNOWN, "$.?"},
        {"{\"\":2}", PHI_ERR_FIELD_UNKNOWN, "$.?"},
        {"[]", PHI_ERR_FIELD_TYPE, "$"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_error error = {.code = PHI_OK};
        json_t *value = NULL;
        assert_int_equal(phi_json_parse(phi_view_text(cases[i].body), 4, &value, &error), PHI_OK);
        struct phi_json_at root = phi_json_root(value);
        const char *names[] = {"a", "b"};
        assert_int_equal(phi_json_only(&root, names, 2, &error), cases[i].err);
        if (cases[i].place != NULL)
            assert_string_equal(error.place, cases[i].place);
        json_decref(value);
    }
}

static void long_paths_are_cut(void **state)
{
    (void)state;
    struct phi_error error;
    json_t *value = json_object();
    struct phi_json_at at = phi_json_root(value);
    for (int i = 0; i < 12; i++) {
        json_t *child = json_object();
        json_object_set_new((json_t *)(uintptr_t)at.value, "aFieldWithALongName", child);
        assert_int_equal(phi_json_object(&at, "aFieldWithALongName", &at, &error), PHI_OK);
    }
    assert_true(strlen(at.path) < PHI_JSON_PATH_MAX);
    assert_int_equal(at.path[strlen(at.path) - 1], '~');
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_table),
        cmocka_unit_test(parse_error_does_not_quote),
        cmocka_unit_test(field_table),
        cmocka_unit_test(values_and_fallbacks),
        cmocka_unit_test(paths_of_nested_places),
        cmocka_unit_test(unknown_fields),
        cmocka_unit_test(long_paths_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
