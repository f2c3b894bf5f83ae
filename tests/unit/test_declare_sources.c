/* Lines of every data source (GB/T 38961 B.2): what is taken, what is refused and where, what
 * leaves in clear. */
#include "form_case.h"

static const char line_around[] =
    "{\"recordNo\":\"R-1\",\"revision\":1,\"person\":{\"name\":\"\\u7532\",\"idType\":\"111\","
    "\"idNo\":\"11010519491231002x\",\"country\":\"CHN\"},\"observedAt\":\"2026-03-01T11:00:00+08:"
    "00\",\"content\":%s}";

#define CHANGES_MAX 10
struct kind_case {
    const char *kind;
    const char *content;
    const char *coded; /* what leaves in clear; NULL: all of the content */
    const char *personal;
    struct form_case changes[CHANGES_MAX];
};

#define BEFORE_NOON  "\"2026-03-01T10:00:00+08:00\""
#define YESTERDAY    "\"2026-02-28T10:00:00+08:00\""
#define AFTER_RECORD "\"2026-03-01T11:00:01+08:00\""
#define AT(name)     "$.content." name
#define WRONG(name, member, value)                                                                 \
    {                                                                                              \
        name, "content." member, value, PHI_ERR_FIELD_VALUE, AT(member)                            \
    }
#define UNRULY(name, member, value)                                                                \
    {                                                                                              \
        name, "content." member, value, PHI_ERR_RULE, AT(member)                                   \
    }
#define MISSING(member)                                                                            \
    {                                                                                              \
        "no " member, "content." member, NULL, PHI_ERR_FIELD_MISSING, AT(member)                   \
    }
#define WITHOUT(member)                                                                            \
    {                                                                                              \
        "without " member, "content." member, NULL, PHI_OK, NULL                                   \
    }

static const struct kind_case kind_cases[] = {
    {"cases",
     "{\"caseNo\":\"abc\",\"class\":\"confirmed\",\"diagnosedAt\":" BEFORE_NOON
     ",\"onsetAt\":" YESTERDAY ",\"region\":\"320102\",\"severity\":\"mild\"}",
     "{\"class\":\"confirmed\",\"diagnosedAt\":" BEFORE_NOON
     ",\"eventKey\":\"66c7f0f462eeedd9d1f2d46bdc10e4e2\",\"onsetAt\":" YESTERDAY
     ",\"region\":\"320102\",\"severity\":\"mild\"}",
     "\"caseNo\":\"abc\"",
     {WITHOUT("onsetAt"), WITHOUT("severity"), MISSING("class"), MISSING("caseNo"),
      WRONG("unknown class", "class", "\"maybe\""),
      UNRULY("no such region", "region", "\"320199\""),
      UNRULY("diagnosed before the onset", "diagnosedAt", "\"2026-02-28T09:59:59+08:00\""),
      UNRULY("outcome before the diagnosis", "outcomeAt", YESTERDAY),
      UNRULY("diagnosed after the record", "diagnosedAt", AFTER_RECORD)}},
    {"contacts",
     "{\"contactAt\":" YESTERDAY ",\"distance\":\"close\",\"region\":\"320102\"}",
     NULL,
     NULL,
     {WITHOUT("region"), MISSING("distance"), MISSING("contactAt"),
      WRONG("unknown distance", "distance", "\"far\""),
      WRONG("unknown setting", "setting", "\"moon\""),
      WRONG("empty number", "investigationNo", "\"\""),
      UNRULY("met after the record", "contactAt", AFTER_RECORD)}},
    {"tests",
     "{\"method\":\"nucleic-acid\",\"result\":\"negative\",\"sampledAt\":" BEFORE_NOON
     ",\"specimenNo\":\"abc\"}",
     "{\"eventKey\":\"66c7f0f462eeedd9d1f2d46bdc10e4e2\",\"method\":\"nucleic-acid\","
     "\"result\":\"negative\",\"sampledAt\":" BEFORE_NOON "}",
     "\"specimenNo\":\"abc\"",
     {MISSING("specimenNo"),
      WRONG("unknown method", "method", "\"guess\""),
      WRONG("unknown result", "result", "\"maybe\""),
      WRONG("long number", "specimenNo",
            "\"01234567890123456789012345678901234567890123456789012345678901234\""),
      UNRULY("told before it was taken", "reportedAt", YESTERDAY),
      UNRULY("taken after the record", "sampledAt", AFTER_RECORD),
      {"pooled a text", "content.isPooled", "\"yes\"", PHI_ERR_FIELD_TYPE, AT("isPooled")}}},
    {"fever-clinics",
     "{\"diagnosis\":\"observation\",\"region\":\"320102\",\"symptoms\":[\"fever\",\"cough\"],"
     "\"temperature\":38.2,\"visitNo\":\"abc\",\"visitedAt\":" BEFORE_NOON "}",
     "{\"diagnosis\":\"observation\",\"eventKey\":\"66c7f0f462eeedd9d1f2d46bdc10e4e2\","
     "\"region\":\"320102\",\"symptoms\":[\"fever\",\"cough\"],\"temperature\":38.2,"
     "\"visitedAt\":" BEFORE_NOON "}",
     "\"visitNo\":\"abc\"",
     {MISSING("temperature"),
      MISSING("symptoms"),
      WRONG("too cold", "temperature", "33.9"),
      WRONG("too hot", "temperature", "43.1"),
      WRONG("no diagnosis", "diagnosis", "\"\""),
      {"symptom twice", "content.symptoms", "[\"cough\",\"cough\"]", PHI_ERR_FIELD_VALUE,
       AT("symptoms[1]")},
      {"unknown symptom", "content.symptoms", "[\"ennui\"]", PHI_ERR_FIELD_VALUE,
       AT("symptoms[0]")},
      UNRULY("came tomorrow", "visitedAt", "\"2026-03-02T10:00:00+08:00\"")}},
    {"roaming",
     "{\"from\":" YESTERDAY ",\"region\":\"310101\",\"riskLevel\":\"high\",\"to\":" BEFORE_NOON "}",
     NULL,
     NULL,
     {WITHOUT("riskLevel"), MISSING("from"), MISSING("to"), MISSING("region"),
      WRONG("unknown level", "riskLevel", "\"red\""),
      WRONG("a province's name", "region", "\"上海\""),
      UNRULY("ends before it begins", "to", "\"2026-02-28T09:59:59+08:00\""),
      UNRULY("ends after the record", "to", AFTER_RECORD)}},
    {"travel",
     "{\"arrivedAt\":" BEFORE_NOON ",\"departedAt\":" YESTERDAY
     ",\"fromRegion\":\"110100\",\"mode\":\"train\",\"number\":\"G1\",\"seat\":\"3A\","
     "\"ticketNo\":\"abc\",\"toRegion\":\"320100\"}",
     "{\"arrivedAt\":" BEFORE_NOON ",\"departedAt\":" YESTERDAY
     ",\"eventKey\":\"66c7f0f462eeedd9d1f2d46bdc10e4e2\",\"fromRegion\":\"110100\","
     "\"mode\":\"train\",\"toRegion\":\"320100\"}",
     "\"ticketNo\":\"abc\"",
     {WITHOUT("seat"), WITHOUT("number"), MISSING("ticketNo"), WRONG("on foot", "mode", "\"foot\""),
      WRONG("from nowhere", "fromRegion", "\"000000\""), WRONG("empty seat", "seat", "\"\""),
      UNRULY("arrived first", "arrivedAt", "\"2026-02-28T09:59:59+08:00\"")}},
    {"border",
     "{\"country\":\"JPN\",\"crossedAt\":" BEFORE_NOON ",\"direction\":\"entry\","
     "\"passageNo\":\"abc\",\"portRegion\":\"310115\"}",
     "{\"country\":\"JPN\",\"crossedAt\":" BEFORE_NOON
     ",\"direction\":\"entry\",\"eventKey\":\"66c7f0f462eeedd9d1f2d46bdc10e4e2\","
     "\"portRegion\":\"310115\"}",
     "\"passageNo\":\"abc\"",
     {MISSING("country"), MISSING("direction"), WRONG("no country", "country", "\"XXX\""),
      WRONG("two letters", "country", "\"JP\""), WRONG("sideways", "direction", "\"left\""),
      WRONG("no port", "portRegion", "\"310000x\""),
      UNRULY("long ago", "crossedAt", "\"1996-03-01T10:00:00+08:00\"")}},
    {"customs",
     "{\"declarationNo\":\"abc\",\"disposition\":\"released\",\"inspectedAt\":" BEFORE_NOON
     ",\"isSampled\":true,\"portRegion\":\"310115\",\"symptoms\":[],\"temperature\":36.5}",
     "{\"disposition\":\"released\",\"eventKey\":\"66c7f0f462eeedd9d1f2d46bdc10e4e2\","
     "\"inspectedAt\":" BEFORE_NOON
     ",\"isSampled\":true,\"portRegion\":\"310115\",\"symptoms\":[],\"temperature\":36.5}",
     "\"declarationNo\":\"abc\"",
     {MISSING("isSampled"),
      MISSING("disposition"),
      WRONG("kept", "disposition", "\"kept\""),
      {"sampled a number", "content.isSampled", "1", PHI_ERR_FIELD_TYPE, AT("isSampled")},
      {"degrees a text", "content.temperature", "\"36.5\"", PHI_ERR_FIELD_TYPE,
       AT("temperature")}}},
    {"venues",
     "{\"from\":" YESTERDAY ",\"placeId\":\"market-1\",\"placeKind\":\"venue\","
     "\"region\":\"320102\",\"role\":\"visitor\",\"to\":" BEFORE_NOON "}",
     NULL,
     NULL,
     {WITHOUT("to"), MISSING("placeId"), WRONG("blank in the id", "placeId", "\"market 1\""),
      WRONG("unknown kind", "placeKind", "\"country\""), WRONG("unknown role", "role", "\"king\""),
      UNRULY("left before", "to", "\"2026-02-28T09:59:59+08:00\"")}},
    {"health-records",
     "{\"documentNo\":\"abc\",\"dose\":2,\"eventAt\":" YESTERDAY
     ",\"recordType\":\"vaccination\",\"vaccine\":\"mrna\"}",
     "{\"dose\":2,\"eventAt\":" YESTERDAY
     ",\"eventKey\":\"66c7f0f462eeedd9d1f2d46bdc10e4e2\",\"recordType\":\"vaccination\","
     "\"vaccine\":\"mrna\"}",
     "\"documentNo\":\"abc\"",
     {MISSING("dose"),
      MISSING("vaccine"),
      WRONG("dose 0", "dose", "0"),
      WRONG("dose 21", "dose", "21"),
      {"half a dose", "content.dose", "1.5", PHI_ERR_FIELD_TYPE, AT("dose")},
      UNRULY("conditions of a vaccination", "conditions", "[\"diabetes\"]"),
      {"a discharge with a dose", "content.recordType", "\"discharge\"", PHI_ERR_RULE, AT("dose")},
      WRONG("bell in the note", "note", "\"\\u0007\"")}},
    {"surveys",
     "{\"address\":\"\\u67d0\\u8def1\\u53f7\",\"household\":\"family\",\"householdSize\":3,"
     "\"isolation\":\"none\",\"residenceRegion\":\"320102\",\"stays\":[{\"from\":" YESTERDAY
     ",\"region\":\"310101\",\"to\":" BEFORE_NOON "}],\"surveyedAt\":" BEFORE_NOON "}",
     "{\"household\":\"family\",\"householdSize\":3,\"isolation\":\"none\","
     "\"residenceRegion\":\"320102\",\"stays\":[{\"from\":" YESTERDAY
     ",\"region\":\"310101\",\"to\":" BEFORE_NOON "}],\"surveyedAt\":" BEFORE_NOON "}",
     "\"address\":\"某路1号\"",
     {WITHOUT("address"),
      WITHOUT("household"),
      MISSING("isolation"),
      WRONG("nobody at home", "householdSize", "0"),
      {"stay's region", "content.stays.0.region", "\"320002\"", PHI_ERR_FIELD_VALUE,
       AT("stays[0].region")},
      {"stay ends first", "content.stays.0.to", "\"2026-02-26T00:00:00Z\"", PHI_ERR_RULE,
       AT("stays[0].to")},
      {"stay without end", "content.stays.0.to", NULL, PHI_ERR_FIELD_MISSING, AT("stays[0].to")},
      {"stay's unknown member", "content.stays.0.why", "1", PHI_ERR_FIELD_UNKNOWN,
       AT("stays[0].why")},
      {"stays no array", "content.stays", "{}", PHI_ERR_FIELD_TYPE, AT("stays")}}},
    {"checkpoints",
     "{\"direction\":\"exit\",\"passedAt\":" BEFORE_NOON
     ",\"placeId\":\"gate-3\",\"region\":\"320102\",\"temperature\":36.5}",
     NULL,
     NULL,
     {WITHOUT("temperature"),
      MISSING("placeId"),
      WRONG("frozen", "temperature", "0"),
      {"passed a number", "content.passedAt", "1", PHI_ERR_FIELD_TYPE, AT("passedAt")}}},
    {"other",
     "{\"from\":" YESTERDAY ",\"measure\":\"isolation-end\",\"note\":\"a\\nb\"}",
     "{\"from\":" YESTERDAY ",\"measure\":\"isolation-end\"}",
     "\"note\":\"a\\nb\"",
     {WITHOUT("from"), WITHOUT("note"), MISSING("measure"),
      WRONG("unknown measure", "measure", "\"magic\""),
      UNRULY("ends before it begins", "to", "\"2026-02-27T10:00:00+08:00\"")}},
};

static enum phi_err read_json(const char *kind, const json_t *document, struct phi_arena *arena,
                              struct form_source *form, struct phi_error *error)
{
    char *text = json_dumps(document, JSON_COMPACT);
    const struct form_kind *found = form_kind_find(kind);
    assert_non_null(found);
    enum phi_err err = form_source_read(found, phi_view_text(text), NOW_US, arena, form, error);
    free(text);
    return err;
}

static void try_change(const char *kind, const char *line, const struct form_case *c)
{
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_error error = {0};
    struct form_source form;
    char name[96];
    struct form_case named = *c;
    snprintf(name, sizeof(name), "%s: %s", kind, c->name);
    named.name = name;
    json_t *document = changed(line, c);
    check_result(&named, read_json(kind, document, arena, &form, &error), &error);
    json_decref(document);
    phi_arena_free(arena);
}

/* Every kind refuses an unknown member and a content that is none. */
static const struct form_case common_cases[] = {
    {"as it is", NULL, NULL, PHI_OK, NULL},
    {"unknown member", "content.remark", "1", PHI_ERR_FIELD_UNKNOWN, "$.content.remark"},
    {"its own event key", "content.eventKey", "\"66c7f0f462eeedd9d1f2d46bdc10e4e2\"",
     PHI_ERR_FIELD_UNKNOWN, "$.content.eventKey"},
    {"no content", "content", NULL, PHI_ERR_FIELD_MISSING, "$.content"},
    {"content a list", "content", "[]", PHI_ERR_FIELD_TYPE, "$.content"},
};

static void every_kind_has_its_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(kind_cases); i++) {
        const struct kind_case *k = &kind_cases[i];
        char line[2048];
        snprintf(line, sizeof(line), line_around, k->content);
        for (size_t j = 0; j < PHI_COUNT(common_cases); j++)
            try_change(k->kind, line, &common_cases[j]);
        for (size_t j = 0; j < CHANGES_MAX && k->changes[j].name != NULL; j++)
            try_change(k->kind, line, &k->changes[j]);
    }
}

static void check_parts(const struct kind_case *k)
{
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_error error = {0};
    struct form_source form;
    struct phi_view personal;
    char line[2048];
    snprintf(line, sizeof(line), line_around, k->content);
    json_t *document = json_loads(line, 0, NULL);
    if (read_json(k->kind, document, arena, &form, &error) != PHI_OK)
        fail_msg("%s: %s", k->kind, error.place);
    check_text(arena, form.content, k->coded != NULL ? k->coded : k->content);
    assert_int_equal(phi_json_canonical(form.personal, arena, &personal), PHI_OK);
    if (k->personal != NULL)
        assert_non_null(strstr((const char *)personal.data, k->personal));
    json_decref(document);
    phi_arena_free(arena);
}

/* Texts are sealed; a numbering text leaves as the beginning of GB/T 32905's own SM3("abc"). */
static void only_coded_members_leave_in_clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(kind_cases); i++)
        check_parts(&kind_cases[i]);
}

static void the_kinds_are_those_of_the_standard(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < PHI_SOURCES_COUNT; i++) {
        const struct phi_source *source = &phi_sources[i];
        if (source->kind == NULL) {
            assert_int_equal(source->letter, 'm');
            continue;
        }
        const struct form_kind *kind = form_kind_at(count++);
        assert_string_equal(kind->kind, source->kind);
        assert_string_equal(kind->stream, source->stream);
        assert_ptr_equal(form_kind_find(source->kind), kind);
    }
    assert_int_equal(count, 13);
    assert_int_equal(count, PHI_COUNT(kind_cases));
    assert_null(form_kind_at(count));
    assert_null(form_kind_find("rumours"));
    assert_null(form_kind_find("health"));
}

static const struct form_case line_cases[] = {
    {"as it is", NULL, NULL, PHI_OK, NULL},
    {"15 digits", "person.idNo", "\"110105491231002\"", PHI_OK, NULL},
    {"no record number", "recordNo", NULL, PHI_ERR_FIELD_MISSING, "$.recordNo"},
    {"record number with a space", "recordNo", "\"R 1\"", PHI_ERR_FIELD_VALUE, "$.recordNo"},
    {"revision 0", "revision", "0", PHI_ERR_FIELD_VALUE, "$.revision"},
    {"revision a text", "revision", "\"1\"", PHI_ERR_FIELD_TYPE, "$.revision"},
    {"no person", "person", "null", PHI_ERR_FIELD_MISSING, "$.person"},
    {"check digit", "person.idNo", "\"110105194912310021\"", PHI_ERR_FIELD_VALUE, "$.person.idNo"},
    {"birth date that is none", "person.idNo", "\"110105194902310026\"", PHI_ERR_FIELD_VALUE,
     "$.person.idNo"},
    {"not born yet", "person.idNo", "\"110105209912310029\"", PHI_ERR_RULE, "$.person.idNo"},
    {"document type", "person.idType", "\"123\"", PHI_ERR_FIELD_VALUE, "$.person.idType"},
    {"no country", "person.country", "\"XXX\"", PHI_ERR_FIELD_VALUE, "$.person.country"},
    {"no name", "person.name", "\"\"", PHI_ERR_FIELD_VALUE, "$.person.name"},
    {"phone in the person", "person.phone", "\"1\"", PHI_ERR_FIELD_UNKNOWN, "$.person.phone"},
    {"birth date as the number's", "person.birthDate", "\"1949-12-31\"", PHI_OK, NULL},
    {"another birth date", "person.birthDate", "\"1949-12-30\"", PHI_ERR_RULE,
     "$.person.birthDate"},
    {"no birth date", "person.birthDate", "\"1949-02-30\"", PHI_ERR_FIELD_VALUE,
     "$.person.birthDate"},
    {"birth date to come", "person.birthDate", "\"2026-03-02\"", PHI_ERR_RULE,
     "$.person.birthDate"},
    {"sex as the number's", "person.sex", "\"2\"", PHI_OK, NULL},
    {"sex not stated", "person.sex", "\"9\"", PHI_OK, NULL},
    {"the other sex", "person.sex", "\"1\"", PHI_ERR_RULE, "$.person.sex"},
    {"unknown sex", "person.sex", "\"3\"", PHI_ERR_FIELD_VALUE, "$.person.sex"},
    {"a passport tells no birth date", "person",
     "{\"name\":\"A\",\"idType\":\"400\",\"idNo\":\"E12345678\",\"country\":\"USA\","
     "\"birthDate\":\"1980-01-01\",\"sex\":\"1\"}",
     PHI_OK, NULL},
    {"future", "observedAt", "\"2026-03-02T11:00:00+08:00\"", PHI_ERR_RULE, "$.observedAt"},
    {"content of the other kind", "content", "{\"distance\":\"close\"}", PHI_ERR_FIELD_UNKNOWN,
     "$.content.distance"},
    {"unknown member", "remark", "\"x\"", PHI_ERR_FIELD_UNKNOWN, "$.remark"},
};

static void what_is_around_the_content(void **state)
{
    (void)state;
    char line[2048];
    snprintf(line, sizeof(line), line_around,
             "{\"method\":\"nucleic-acid\",\"result\":\"negative\",\"sampledAt\":" BEFORE_NOON
             ",\"specimenNo\":\"abc\"}");
    for (size_t i = 0; i < PHI_COUNT(line_cases); i++)
        try_change("tests", line, &line_cases[i]);
}

static void what_is_no_json_is_no_line(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_error error = {0};
    struct form_source form;
    const struct form_kind *kind = form_kind_find("contacts");
    assert_int_equal(form_source_read(kind, phi_view_text("{"), NOW_US, arena, &form, &error),
                     PHI_ERR_JSON);
    assert_int_equal(form_source_read(kind, phi_view_text("[]"), NOW_US, arena, &form, &error),
                     PHI_ERR_FIELD_TYPE);
    assert_int_equal(form_source_read(kind, phi_view_text(""), NOW_US, arena, &form, &error),
                     PHI_ERR_JSON);
    phi_arena_free(arena);
}

static const char place_line[] =
    "{\"recordNo\":\"P-1\",\"revision\":1,\"kind\":\"venue\",\"region\":\"320102\",\"placeId\":"
    "\"market-1\",\"name\":\"\\u5e02\\u573a\",\"risk\":\"high\",\"from\":"
    "\"2026-02-28T00:00:00+08:00\"}";

static const struct form_case place_cases[] = {
    {"as it is", NULL, NULL, PHI_OK, NULL},
    {"with an end", "to", "\"2026-03-14T00:00:00+08:00\"", PHI_OK, NULL},
    {"withdrawn", "withdrawn", "true", PHI_OK, NULL},
    {"without a name", "name", NULL, PHI_OK, NULL},
    {"next month", "from", "\"2026-03-31T00:00:00+08:00\"", PHI_OK, NULL},
    {"next year", "from", "\"2027-03-01T00:00:00+08:00\"", PHI_ERR_RULE, "$.from"},
    {"half a second", "from", "\"2026-02-28T00:00:00.5+08:00\"", PHI_ERR_FIELD_VALUE, "$.from"},
    {"ends where it begins", "to", "\"2026-02-28T00:00:00+08:00\"", PHI_ERR_RULE, "$.to"},
    {"no such region", "region", "\"320199\"", PHI_ERR_RULE, "$.region"},
    {"no region", "region", "\"320001\"", PHI_ERR_FIELD_VALUE, "$.region"},
    {"venue without an id", "placeId", NULL, PHI_ERR_FIELD_MISSING, "$.placeId"},
    {"region with an id", "kind", "\"region\"", PHI_ERR_RULE, "$.placeId"},
    {"unknown kind", "kind", "\"planet\"", PHI_ERR_FIELD_VALUE, "$.kind"},
    {"unknown risk", "risk", "\"extreme\"", PHI_ERR_FIELD_VALUE, "$.risk"},
    {"withdrawn a word", "withdrawn", "\"yes\"", PHI_ERR_FIELD_TYPE, "$.withdrawn"},
    {"no risk", "risk", NULL, PHI_ERR_FIELD_MISSING, "$.risk"},
    {"unknown member", "phone", "1", PHI_ERR_FIELD_UNKNOWN, "$.phone"},
};

static void places_have_their_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(place_cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct phi_error error = {0};
        struct form_place place;
        json_t *document = changed(place_line, &place_cases[i]);
        char *text = json_dumps(document, JSON_COMPACT);
        check_result(&place_cases[i],
                     form_place_read(phi_view_text(text), NOW_US, arena, &place, &error), &error);
        free(text);
        json_decref(document);
        phi_arena_free(arena);
    }
}

static void a_place_is_known_by_kind_id_and_beginning(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct form_place place;
    assert_int_equal(form_place_read(phi_view_text(place_line), NOW_US, arena, &place, NULL),
                     PHI_OK);
    assert_string_equal(place.key, "venue/market-1/1772208000");
    check_text(arena, place.content,
               "{\"from\":\"2026-02-28T00:00:00+08:00\",\"kind\":\"venue\",\"name\":\"市场\","
               "\"placeId\":\"market-1\",\"region\":\"320102\",\"risk\":\"high\",\"state\":"
               "\"in-force\",\"to\":null}");
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_table),
        cmocka_unit_test(only_coded_members_leave_in_clear),
        cmocka_unit_test(the_kinds_are_those_of_the_standard),
        cmocka_unit_test(what_is_around_the_content),
        cmocka_unit_test(what_is_no_json_is_no_line),
        cmocka_unit_test(places_have_their_table),
        cmocka_unit_test(a_place_is_known_by_kind_id_and_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
