/* What svc-declare takes and refuses, and what of it may leave in clear. */
#include "form_case.h"
#include "forms/form.h"

static const char health_document[] =
    "{\"health\":{\"observedAt\":\"2026-03-01T11:00:00+08:00\",\"temperature\":36.5,\"symptoms\":["
    "\"cough\"],"
    "\"contact\":\"none\",\"isolation\":\"home\",\"riskStays\":[{\"region\":\"320100\","
    "\"from\":\"2026-02-27T00:00:00Z\",\"to\":\"2026-02-28T00:00:00Z\"}],\"vaccinationDoses\":2,"
    "\"note\":\"a\\nb\"},\"basic\":{\"sex\":\"1\",\"nationality\":\"CHN\",\"region\":\"320102\","
    "\"address\":\"\\u67d0\\u8def1\\u53f7\",\"phone\":\"+86-13800000000\",\"medicalHistory\":\"-\"}"
    "}";

static const struct form_case health_cases[] = {
    {"as it is", NULL, NULL, PHI_OK, NULL},
    {"without basic", "basic", NULL, PHI_OK, NULL},
    {"without stays", "health.riskStays", NULL, PHI_OK, NULL},
    {"without doses", "health.vaccinationDoses", "null", PHI_OK, NULL},
    {"no symptoms", "health.symptoms", "[]", PHI_OK, NULL},
    {"coldest", "health.temperature", "34", PHI_OK, NULL},
    {"hottest", "health.temperature", "43.0", PHI_OK, NULL},
    {"clock 5 s ahead", "health.observedAt", "\"2026-03-01T12:00:05+08:00\"", PHI_OK, NULL},
    {"no health", "health", NULL, PHI_ERR_FIELD_MISSING, "$.health"},
    {"health a text", "health", "\"x\"", PHI_ERR_FIELD_TYPE, "$.health"},
    {"unknown member", "health.name", "\"x\"", PHI_ERR_FIELD_UNKNOWN, "$.health.name"},
    {"future", "health.observedAt", "\"2026-03-01T12:00:06+08:00\"", PHI_ERR_RULE,
     "$.health.observedAt"},
    {"last century", "health.observedAt", "\"1926-03-01T12:00:00+08:00\"", PHI_ERR_RULE,
     "$.health.observedAt"},
    {"no time", "health.observedAt", "\"2026-02-30T12:00:00+08:00\"", PHI_ERR_FIELD_VALUE,
     "$.health.observedAt"},
    {"too cold", "health.temperature", "33.9", PHI_ERR_FIELD_VALUE, "$.health.temperature"},
    {"too hot", "health.temperature", "43.1", PHI_ERR_FIELD_VALUE, "$.health.temperature"},
    {"temperature a text", "health.temperature", "\"36.5\"", PHI_ERR_FIELD_TYPE,
     "$.health.temperature"},
    {"unknown symptom", "health.symptoms", "[\"ennui\"]", PHI_ERR_FIELD_VALUE,
     "$.health.symptoms[0]"},
    {"symptom twice", "health.symptoms", "[\"cough\",\"cough\"]", PHI_ERR_FIELD_VALUE,
     "$.health.symptoms[1]"},
    {"no symptoms at all", "health.symptoms", NULL, PHI_ERR_FIELD_MISSING, "$.health.symptoms"},
    {"unknown contact", "health.contact", "\"far\"", PHI_ERR_FIELD_VALUE, "$.health.contact"},
    {"unknown isolation", "health.isolation", "\"\"", PHI_ERR_FIELD_VALUE, "$.health.isolation"},
    {"stay's region", "health.riskStays.0.region", "\"320002\"", PHI_ERR_FIELD_VALUE,
     "$.health.riskStays[0].region"},
    {"stay ends before it begins", "health.riskStays.0.to", "\"2026-02-26T00:00:00Z\"",
     PHI_ERR_RULE, "$.health.riskStays[0].to"},
    {"stay to come", "health.riskStays.0.to", "\"2026-03-02T00:00:00Z\"", PHI_ERR_RULE,
     "$.health.riskStays[0].to"},
    {"stay without end", "health.riskStays.0.to", NULL, PHI_ERR_FIELD_MISSING,
     "$.health.riskStays[0].to"},
    {"stay's unknown member", "health.riskStays.0.why", "1", PHI_ERR_FIELD_UNKNOWN,
     "$.health.riskStays[0].why"},
    {"doses below zero", "health.vaccinationDoses", "-1", PHI_ERR_FIELD_VALUE,
     "$.health.vaccinationDoses"},
    {"doses not whole", "health.vaccinationDoses", "1.5", PHI_ERR_FIELD_TYPE,
     "$.health.vaccinationDoses"},
    {"vaccinations", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-03-01\",\"vaccine\":\"mrna\",\"manufacturer\":\"M-1\"},"
     "{\"dose\":2,\"date\":\"2026-03-01\",\"vaccine\":\"other\",\"region\":\"320102\"}]",
     PHI_OK, NULL},
    {"no vaccinations", "health.vaccinations", "[]", PHI_OK, NULL},
    {"vaccinations null", "health.vaccinations", "null", PHI_OK, NULL},
    {"vaccination to come", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-03-02\",\"vaccine\":\"mrna\"}]", PHI_ERR_RULE,
     "$.health.vaccinations[0].date"},
    {"vaccination on no day", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-02-30\",\"vaccine\":\"mrna\"}]", PHI_ERR_FIELD_VALUE,
     "$.health.vaccinations[0].date"},
    {"vaccination without a number", "health.vaccinations",
     "[{\"date\":\"2026-02-01\",\"vaccine\":\"mrna\"}]", PHI_ERR_FIELD_MISSING,
     "$.health.vaccinations[0].dose"},
    {"dose zero", "health.vaccinations",
     "[{\"dose\":0,\"date\":\"2026-02-01\",\"vaccine\":\"mrna\"}]", PHI_ERR_FIELD_VALUE,
     "$.health.vaccinations[0].dose"},
    {"unknown vaccine", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-02-01\",\"vaccine\":\"tea\"}]", PHI_ERR_FIELD_VALUE,
     "$.health.vaccinations[0].vaccine"},
    {"manufacturer with a blank", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-02-01\",\"vaccine\":\"mrna\",\"manufacturer\":\"a b\"}]",
     PHI_ERR_FIELD_VALUE, "$.health.vaccinations[0].manufacturer"},
    {"vaccinated nowhere", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-02-01\",\"vaccine\":\"mrna\",\"region\":\"000000\"}]",
     PHI_ERR_FIELD_VALUE, "$.health.vaccinations[0].region"},
    {"vaccination's unknown member", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-02-01\",\"vaccine\":\"mrna\",\"arm\":\"left\"}]",
     PHI_ERR_FIELD_UNKNOWN, "$.health.vaccinations[0].arm"},
    {"a dose twice", "health.vaccinations",
     "[{\"dose\":1,\"date\":\"2026-02-01\",\"vaccine\":\"mrna\"},"
     "{\"dose\":1,\"date\":\"2026-02-01\",\"vaccine\":\"mrna\"}]",
     PHI_ERR_RULE, "$.health.vaccinations[1].dose"},
    {"a third of two doses", "health.vaccinations",
     "[{\"dose\":3,\"date\":\"2026-02-01\",\"vaccine\":\"mrna\"}]", PHI_ERR_RULE,
     "$.health.vaccinationDoses"},
    {"empty note", "health.note", "\"\"", PHI_ERR_FIELD_VALUE, "$.health.note"},
    {"bell in the note", "health.note", "\"\\u0007\"", PHI_ERR_FIELD_VALUE, "$.health.note"},
    {"unknown sex", "basic.sex", "\"3\"", PHI_ERR_FIELD_VALUE, "$.basic.sex"},
    {"sex a number", "basic.sex", "1", PHI_ERR_FIELD_TYPE, "$.basic.sex"},
    {"no such country", "basic.nationality", "\"ZZZ\"", PHI_ERR_RULE, "$.basic.nationality"},
    {"no such region", "basic.region", "\"990000\"", PHI_ERR_FIELD_VALUE, "$.basic.region"},
    {"no address", "basic.address", NULL, PHI_ERR_FIELD_MISSING, "$.basic.address"},
    {"address of two lines", "basic.address", "\"a\\nb\"", PHI_ERR_FIELD_VALUE, "$.basic.address"},
    {"phone too short", "basic.phone", "\"+1234\"", PHI_ERR_FIELD_VALUE, "$.basic.phone"},
    {"phone with letters", "basic.phone", "\"138x0000000\"", PHI_ERR_FIELD_VALUE, "$.basic.phone"},
    {"phone of hyphens", "basic.phone", "\"------\"", PHI_ERR_FIELD_VALUE, "$.basic.phone"},
    {"basic's unknown member", "basic.idNo", "\"1\"", PHI_ERR_FIELD_UNKNOWN, "$.basic.idNo"},
};

static void health_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(health_cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct phi_error error = {0};
        struct form_health form;
        json_t *document = changed(health_document, &health_cases[i]);
        struct phi_json_at root = phi_json_root(document);
        check_result(&health_cases[i], form_health_read(&root, NOW_US, arena, &form, &error),
                     &error);
        json_decref(document);
        phi_arena_free(arena);
    }
}

static void health_content_is_coded(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct form_health form;
    json_t *document = json_loads(health_document, 0, NULL);
    struct phi_json_at root = phi_json_root(document);
    assert_int_equal(form_health_read(&root, NOW_US, arena, &form, NULL), PHI_OK);
    check_text(arena, form.content,
               "{\"contact\":\"none\",\"isolation\":\"home\",\"riskStays\":[{\"from\":"
               "\"2026-02-27T08:00:00+08:00\",\"region\":\"320100\",\"to\":\"2026-02-28T08:00:00+"
               "08:00\"}],"
               "\"symptoms\":[\"cough\"],\"temperature\":36.5,\"vaccinationDoses\":2}");
    check_text(
        arena, form.personal,
        "{\"basic\":{\"address\":\"某路1号\",\"medicalHistory\":\"-\",\"nationality\":\"CHN\","
        "\"phone\":\"+86-13800000000\",\"region\":\"320102\",\"sex\":\"1\"},\"note\":\"a\\nb\"}");
    assert_string_equal(form.basic_region, "320102");
    assert_true(form.observed_us == NOW_US - 3600 * 1000000LL);
    json_decref(document);
    phi_arena_free(arena);
}

static const char trips_document[] =
    "{\"trips\":[{\"mode\":\"train\",\"number\":\"G1\",\"seat\":\"3A\",\"fromRegion\":\"110100\","
    "\"toRegion\":\"320100\",\"departedAt\":\"2026-03-01T06:00:00+08:00\","
    "\"arrivedAt\":\"2026-03-01T10:00:00+08:00\",\"companions\":\"one\",\"purpose\":\"visit\"},"
    "{\"mode\":\"other\",\"fromRegion\":\"320100\",\"toRegion\":\"320100\","
    "\"departedAt\":\"2026-03-01T10:00:00+08:00\",\"arrivedAt\":\"2026-03-01T10:00:00+08:00\"}]}";

static const struct form_case trips_cases[] = {
    {"as it is", NULL, NULL, PHI_OK, NULL},
    {"none", "trips", "[]", PHI_ERR_FIELD_VALUE, "$.trips"},
    {"missing", "trips", NULL, PHI_ERR_FIELD_MISSING, "$.trips"},
    {"on foot", "trips.1.mode", "\"foot\"", PHI_ERR_FIELD_VALUE, "$.trips[1].mode"},
    {"from nowhere", "trips.1.fromRegion", "\"000000\"", PHI_ERR_FIELD_VALUE,
     "$.trips[1].fromRegion"},
    {"to nowhere", "trips.0.toRegion", "\"32010\"", PHI_ERR_FIELD_VALUE, "$.trips[0].toRegion"},
    {"arrived first", "trips.0.arrivedAt", "\"2026-03-01T05:59:59+08:00\"", PHI_ERR_RULE,
     "$.trips[0].arrivedAt"},
    {"on its way", "trips.0.arrivedAt", "\"2026-03-01T13:00:00+08:00\"", PHI_ERR_RULE,
     "$.trips[0].arrivedAt"},
    {"unknown member", "trips.0.price", "1", PHI_ERR_FIELD_UNKNOWN, "$.trips[0].price"},
    {"long number", "trips.0.number", "\"012345678901234567890123456789012\"", PHI_ERR_FIELD_VALUE,
     "$.trips[0].number"},
    {"a trip that is none", "trips", "[7]", PHI_ERR_FIELD_TYPE, "$.trips[0]"},
};

static void trips_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(trips_cases); i++) {
        struct phi_arena *arena = phi_arena_new(65536);
        struct phi_error error = {0};
        struct form_trips form = {0};
        json_t *document = changed(trips_document, &trips_cases[i]);
        struct phi_json_at root = phi_json_root(document);
        check_result(&trips_cases[i], form_trips_read(&root, NOW_US, arena, &form, &error), &error);
        json_decref(document);
        phi_arena_free(arena);
    }
}

static void trips_content_is_coded(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(65536);
    struct form_trips form = {0};
    json_t *document = json_loads(trips_document, 0, NULL);
    struct phi_json_at root = phi_json_root(document);
    assert_int_equal(form_trips_read(&root, NOW_US, arena, &form, NULL), PHI_OK);
    assert_int_equal(form.count, 2);
    check_text(
        arena, form.items[0].content,
        "{\"arrivedAt\":\"2026-03-01T10:00:00+08:00\",\"departedAt\":\"2026-03-01T06:00:00+08:00\","
        "\"fromRegion\":\"110100\",\"mode\":\"train\",\"toRegion\":\"320100\"}");
    check_text(arena, form.items[0].personal,
               "{\"companions\":\"one\",\"number\":\"G1\",\"purpose\":\"visit\",\"seat\":\"3A\"}");
    check_text(arena, form.items[1].personal, "{}");
    assert_true(form.items[0].observed_us == NOW_US - 2 * 3600 * 1000000LL);
    json_decref(document);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_table),
        cmocka_unit_test(health_content_is_coded),
        cmocka_unit_test(trips_table),
        cmocka_unit_test(trips_content_is_coded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
