/* The parts of minting that need nobody: ages, consent records, mandates' statements, the memory of
 * recent codes. */
#include "case.h"
#include "codes/consent.h"
#include "json/canonical.h"
#include "auth/mandate.h"
#include "codes/age.h"
#include "svc-codegen/minting/recent.h"
#include "svc-codegen/consent/record.h"

#include <string.h>

#define NOW_S 1795223696 /* 2026-11-21 09:14:56 in China */

static struct phi_person person_of(const char *id_type, const char *id_no)
{
    return (struct phi_person){.name = phi_view_text("张小三"),
                               .id_type = phi_view_text(id_type),
                               .id_no = phi_view_text(id_no),
                               .country = phi_view_text("CHN")};
}

static void ages_are_of_the_calendar(void **state)
{
    static const struct {
        const char *name;
        const char *id_type;
        const char *id_no;
        int64_t now_s;
        int years; /* -1: not told */
    } cases[] = {
        {"the day before 18", "111", "320102200811220011", NOW_S, 17},
        {"18 today", "111", "320102200811210011", NOW_S, 18},
        {"in China it is tomorrow already", "111", "320102200811220011", NOW_S + 15 * 3600, 18},
        {"an old number", "111", "320102490101001", NOW_S, 77},
        {"born on 29 February, days before", "111", "320102200802290011", 1771862400, 17},
        {"born on 29 February, 28 February", "111", "320102200802290011", 1772251200, 17},
        {"born on 29 February, 1 March", "111", "320102200802290011", 1772337600, 18},
        {"a permit of Hong Kong residents", "551", "810000201001010011", NOW_S, 16},
        {"a residence card of 18", "553", "911156201001010011", NOW_S, 16},
        {"a residence card of 15", "516", "DEU320010123456", NOW_S, -1},
        {"a travel permit", "516", "H12345678", NOW_S, -1},
        {"a passport", "400", "C01X00T47", NOW_S, -1},
        {"a passport of 18 digits", "999", "320102201001010011", NOW_S, -1},
    };
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        int years = -1;
        struct phi_person person = person_of(cases[i].id_type, cases[i].id_no);
        bool is_told = phi_age_in_years(&person, cases[i].now_s, &years);
        phi_check(cases[i].name, is_told == (cases[i].years >= 0));
        phi_check(cases[i].name, years == cases[i].years);
    }
}

static struct policy policy = {.controller = "控制者",
                               .other = {.grantee = "场所",
                                         .categories = {"health-status"},
                                         .category_count = 1,
                                         .operations = {"read"},
                                         .operation_count = 1}};
static const struct policy_scene pass = {.scene = "pass"};
static const struct policy_scene medical = {.scene = "medical",
                                            .has_record = true,
                                            .record = {.grantee = "医院",
                                                       .categories = {"tests", "trips"},
                                                       .category_count = 2,
                                                       .operations = {"read"},
                                                       .operation_count = 1}};

static struct phi_view record_of(const struct record_input *input, struct phi_arena *arena)
{
    struct phi_view record;
    assert_int_equal(record_make(input, arena, &record), PHI_OK);
    return record;
}

#define ZHANG                                                                                      \
    "{\"country\":\"CHN\",\"idNo\":\"11010519491231002X\",\"idType\":\"111\",\"name\":\"张小三\""
#define TERM                                                                                       \
    "\"YXQX\":{\"from\":\"2026-11-21T09:14:56+08:00\",\"grantedAt\":\"2026-11-21T09:14:56+08:00\"" \
    ",\"until\":\"2026-11-21T09:19:56+08:00\"}"

static void records_are_as_table_1_has_them(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct phi_person zhang = person_of("111", "11010519491231002X");
    struct phi_person child = person_of("111", "320102201001010010");
    const struct record_mandate mandate = {"m-1", "civil-app", "parent"};
    const struct record_collector collector = {"home-app", "home-1", "paper-7"};
    struct record_input input = {.policy = &policy,
                                 .scene = &pass,
                                 .region = "320000",
                                 .holder = &zhang,
                                 .grantor = &zhang,
                                 .now_s = NOW_S,
                                 .deadline_s = NOW_S + 300};
    assert_non_null(arena);
    phi_check("passing is short",
              phi_view_equal(record_of(&input, arena),
                             phi_view_text("张小三|11010519491231002X|111|CHN|20261121091456")));
    input.scene = &medical;
    phi_check("other scenes are whole",
              phi_view_equal(record_of(&input, arena),
                             phi_view_text("{\"BSQZT\":{\"name\":\"医院\"},\"CZQX\":[\"read\"],"
                                           "\"SQZT\":" ZHANG "},\"XXKZZ\":{\"name\":\"控制者\","
                                           "\"platform\":\"320000\"},\"XXLB\":[\"tests\","
                                           "\"trips\"],\"XXSY\":" ZHANG "}," TERM "}")));
    input.scene = &pass;
    input.holder = &child;
    input.mandate = &mandate;
    struct phi_view behalf = record_of(&input, arena);
    phi_check("on behalf is whole, also for passing",
              strstr((const char *)behalf.data, "\"XXSY\":" ZHANG) == NULL &&
                  strstr((const char *)behalf.data,
                         "\"mandate\":{\"issuer\":\"civil-app\",\"mandateId\":\"m-1\","
                         "\"relation\":\"parent\"}") != NULL &&
                  strstr((const char *)behalf.data, "\"BSQZT\":{\"name\":\"场所\"}") != NULL &&
                  strstr((const char *)behalf.data, "320102201001010010") != NULL);
    input.grantor = &child;
    input.mandate = NULL;
    input.collector = &collector;
    struct phi_view collected = record_of(&input, arena);
    phi_check("an institution is named",
              strstr((const char *)collected.data,
                     "\"collectedBy\":{\"app\":\"home-app\",\"consentRef\":\"paper-7\","
                     "\"institution\":\"home-1\"}") != NULL);
    struct phi_person bad = person_of("111", "11010519491231002X");
    bad.name = phi_view_text("张|三");
    input.grantor = &bad;
    struct phi_view none;
    assert_int_equal(record_make(&input, arena, &none), PHI_ERR_FIELD_VALUE);
    phi_arena_free(arena);
}

static void a_mandate_is_signed_whole(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct phi_person guardian = person_of("111", "11010519491231002X");
    struct phi_mandate mandate = {.ward = person_of("111", "320102201001010010"),
                                  .mandate_id = "m-1",
                                  .relation = "parent",
                                  .from = "2026-11-01T00:00:00+08:00",
                                  .until = "2027-11-01T00:00:00+08:00"};
    struct phi_view statement;
    assert_non_null(arena);
    assert_int_equal(phi_mandate_statement(&mandate, &guardian, "320000", arena, &statement),
                     PHI_OK);
    phi_check("bytes",
              phi_view_equal(
                  statement,
                  phi_view_text("{\"from\":\"2026-11-01T00:00:00+08:00\",\"guardian\":{\"country\":"
                                "\"CHN\",\"idNo\":\"11010519491231002X\",\"idType\":\"111\"},"
                                "\"mandateId\":\"m-1\",\"region\":\"320000\",\"relation\":\"parent"
                                "\",\"type\":\"phi-mandate-1\",\"until\":\"2027-11-01T00:00:00+08:"
                                "00\",\"ward\":{\"country\":\"CHN\",\"idNo\":\"320102201001010010"
                                "\",\"idType\":\"111\",\"name\":\"张小三\"}}")));
    phi_arena_free(arena);
}

static struct recent_entry entry_of(uint8_t id, uint8_t serial, int64_t minted_us)
{
    static const uint8_t sealed[] = {1, 2, 3};
    struct recent_entry entry = {.minted_us = minted_us,
                                 .consent_sealed = phi_view_of(sealed, 3),
                                 .code_sealed = phi_view_of(sealed, 2)};
    memset(entry.application_id, 0, sizeof(entry.application_id));
    entry.application_id[15] = id; /* all in one set */
    memset(entry.serial_hmac, serial, sizeof(entry.serial_hmac));
    return entry;
}

static void of_two_codes_at_one_time_one_is_told(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct recent *recent = recent_new(8);
    struct recent_entry first = entry_of(1, 11, 1000), second = entry_of(1, 22, 1005), seen;
    assert_false(recent_get(recent, first.application_id, arena, &seen));
    assert_false(recent_settle(recent, &first, 900, arena));
    assert_true(recent_settle(recent, &second, 1000, arena));
    assert_int_equal(second.serial_hmac[0], 11);
    assert_false(second.is_committed);
    assert_int_equal(second.consent_sealed.len, 3); /* whoever is told keeps the rows too */
    recent_commit(recent, first.application_id, entry_of(1, 22, 0).serial_hmac);
    assert_true(recent_get(recent, first.application_id, arena, &seen));
    assert_false(seen.is_committed); /* another code's commit */
    recent_commit(recent, first.application_id, first.serial_hmac);
    assert_true(recent_get(recent, first.application_id, arena, &seen));
    assert_true(seen.is_committed);
    assert_int_equal(seen.consent_sealed.len, 0);
    struct recent_entry later = entry_of(1, 33, 2000);
    assert_false(recent_settle(recent, &later, 1001, arena));
    assert_true(recent_get(recent, first.application_id, arena, &seen));
    assert_int_equal(seen.serial_hmac[0], 33);
    recent_free(recent);
    phi_arena_free(arena);
}

static void the_oldest_neighbour_goes(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct recent *recent = recent_new(1);
    struct recent_entry seen;
    for (uint8_t id = 1; id <= 5; id++) {
        struct recent_entry entry = entry_of(id, id, id == 3 ? 1 : 1000 + id);
        assert_false(recent_settle(recent, &entry, 2000, arena));
    }
    for (uint8_t id = 1; id <= 5; id++)
        assert_int_equal(recent_get(recent, entry_of(id, 0, 0).application_id, arena, &seen),
                         id != 3);
    uint8_t large[RECENT_SEALED_MAX + 1] = {0};
    struct recent_entry huge = entry_of(9, 9, 5000);
    huge.consent_sealed = phi_view_of(large, sizeof(large));
    assert_false(recent_settle(recent, &huge, 0, arena));
    assert_false(recent_get(recent, huge.application_id, arena, &seen));
    assert_null(recent_new(0));
    recent_free(recent);
    phi_arena_free(arena);
}

static void of_a_one_time_code_the_application_is_known(void **state)
{
    (void)state;
    static const char none[PHI_JKM1_TEXT_LEN + 1];
    struct phi_arena *arena = phi_arena_new(1 << 20);
    struct recent *recent = recent_new(8);
    struct recent_entry told = entry_of(1, 11, 1000), seen;
    memset(told.text, 'A', PHI_JKM1_TEXT_LEN);
    told.paper_days = 3;
    recent_know(recent, &told);
    assert_true(recent_get(recent, told.application_id, arena, &seen));
    assert_true(seen.is_committed);
    assert_int_equal(seen.paper_days, 3);
    assert_memory_equal(seen.text, none, sizeof(none));
    assert_int_equal(seen.consent_sealed.len, 0);
    told.minted_us = 2000;
    recent_know(recent, &told);
    assert_true(recent_get(recent, told.application_id, arena, &seen));
    assert_int_equal(seen.minted_us, 2000);
    recent_free(recent);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages_are_of_the_calendar),
        cmocka_unit_test(records_are_as_table_1_has_them),
        cmocka_unit_test(a_mandate_is_signed_whole),
        cmocka_unit_test(of_two_codes_at_one_time_one_is_told),
        cmocka_unit_test(the_oldest_neighbour_goes),
        cmocka_unit_test(of_a_one_time_code_the_application_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
