/* A fact's id, digest, event and seal; and what becomes of a record that came before. */
#include "case.h"
#include "svc-declare/sources/intake.h"

#include "bus/signed.h"
#include "json/canonical.h"

#include <string.h>

#define TOPIC "phi.320000.source.tests"

struct fixture {
    struct phi_arena *arena;
    struct fact_keys keys;
    struct phi_person_key key;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    static const uint8_t secret[32] = {1, 2, 3};
    fixture.arena = phi_arena_new(1024 * 1024);
    assert_int_equal(phi_hmac_key_new(phi_view_of(secret, 32), &fixture.keys.index), PHI_OK);
    assert_int_equal(phi_hmac_key_new(phi_view_of(secret + 1, 31), &fixture.keys.bus), PHI_OK);
    assert_int_equal(phi_seal_key_new(7, phi_view_of(secret, 32), &fixture.keys.health), PHI_OK);
    uint8_t subject[PHI_SUBJECT_LEN];
    memset(subject, 0x5a, sizeof(subject));
    assert_int_equal(
        phi_person_key_make(fixture.keys.health, subject, 1, fixture.arena, &fixture.key), PHI_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    phi_arena_free(fixture->arena);
    phi_hmac_key_free(fixture->keys.index);
    phi_hmac_key_free(fixture->keys.bus);
    phi_seal_key_free(fixture->keys.health);
    return 0;
}

static struct fact make(struct fixture *fixture, const char *content)
{
    const struct phi_person person = {phi_view_text("甲"), phi_view_text("111"),
                                      phi_view_text("11010519491231002x"), phi_view_text("CHN")};
    struct fact fact = {.stream = "source.tests",
                        .institution = "lab",
                        .record_no = "R-1",
                        .revision = 2,
                        .observed_us = 1772337600000000LL,
                        .recorded_us = 1772337601000000LL,
                        .key = &fixture->key};
    memset(fact.subject, 0x5a, sizeof(fact.subject));
    assert_int_equal(form_person(&person, fixture->arena, &fact.personal, NULL), PHI_OK);
    fact.content = json_loads(content, 0, NULL);
    assert_int_equal(phi_json_keep(fixture->arena, fact.content), PHI_OK);
    assert_int_equal(fact_identify(&fixture->keys, "320000", fixture->arena, &fact), PHI_OK);
    return fact;
}

static void id_is_of_the_parts(void **state)
{
    uint8_t id[PHI_FACT_ID_LEN];
    struct fact fact = make(*state, "{\"a\":1}");
    assert_int_equal(phi_fact_id(phi_view_text("320000"), phi_view_text("source.tests"),
                                 phi_view_text("lab"), phi_view_text("R-1"), 2, id),
                     PHI_OK);
    assert_memory_equal(id, fact.id, PHI_FACT_ID_LEN);
}

static void digest_is_of_the_content(void **state)
{
    struct fact one = make(*state, "{\"a\":1,\"b\":2}");
    struct fact same = make(*state, "{\"b\":2,\"a\":1}");
    struct fact other = make(*state, "{\"b\":2,\"a\":2}");
    assert_memory_equal(one.digest, same.digest, PHI_SM3_LEN);
    assert_memory_not_equal(one.digest, other.digest, PHI_SM3_LEN);
    struct fixture *fixture = *state;
    same.observed_us++;
    assert_int_equal(fact_identify(&fixture->keys, "320000", fixture->arena, &same), PHI_OK);
    assert_memory_not_equal(one.digest, same.digest, PHI_SM3_LEN);
    json_object_set_new(one.personal, "note", json_string("x"));
    memcpy(other.digest, one.digest, PHI_SM3_LEN);
    assert_int_equal(fact_identify(&fixture->keys, "320000", fixture->arena, &one), PHI_OK);
    assert_memory_not_equal(one.digest, other.digest, PHI_SM3_LEN);
}

static struct phi_msg message_of(const struct phi_event *event)
{
    struct phi_msg msg = {.topic = event->topic, .key = event->key, .value = event->value};
    for (size_t i = 0; i < event->extra_count; i++)
        msg.headers[msg.header_count++] = event->extra[i];
    return msg;
}

static void event_carries_a_mac(void **state)
{
    struct fixture *fixture = *state;
    struct phi_event event;
    struct fact fact = make(fixture, "{\"a\":1}");
    assert_int_equal(fact_complete(&fixture->keys, "320000", TOPIC, fixture->arena, &fact, &event),
                     PHI_OK);
    assert_string_equal(event.type, "cn.phi.source.tests");
    assert_true(phi_view_equal(event.key, phi_view_of(fact.subject, PHI_SUBJECT_LEN)));
    struct phi_msg msg = message_of(&event);
    assert_int_equal(phi_mac_verify(&msg, fixture->keys.bus, NULL), PHI_OK);
    assert_int_equal(phi_mac_verify(&msg, fixture->keys.index, NULL), PHI_ERR_SIGNATURE);
    msg.topic = "phi.330000.source.tests";
    assert_int_equal(phi_mac_verify(&msg, fixture->keys.bus, NULL), PHI_ERR_SIGNATURE);
}

static void event_names_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct phi_event event;
    struct phi_json_at root;
    struct phi_view plain;
    struct fact fact = make(fixture, "{\"a\":1}");
    assert_int_equal(fact_complete(&fixture->keys, "320000", TOPIC, fixture->arena, &fact, &event),
                     PHI_OK);
    assert_null(memmem(event.value.data, event.value.len, "19491231", 8));
    assert_null(memmem(event.value.data, event.value.len, "甲", strlen("甲")));
    assert_int_equal(phi_json_read(event.value, 8, fixture->arena, &root, NULL), PHI_OK);
    assert_string_equal(json_string_value(json_object_get(root.value, "observedAt")),
                        "2026-03-01T12:00:00+08:00");
    assert_int_equal(phi_person_unseal(fixture->keys.health, &fixture->key, "source.tests.sealed",
                                       fact.sealed, fixture->arena, &plain),
                     PHI_OK);
    const char *wanted =
        "{\"country\":\"CHN\",\"idNo\":\"11010519491231002X\",\"idType\":\"111\",\"name\":\"甲\"}";
    assert_true(phi_view_equal(plain, phi_view_text(wanted)));
    assert_int_equal(phi_unseal(fixture->keys.health, "source.tests.sealed", fact.subject,
                                fact.sealed, fixture->arena, &plain),
                     PHI_ERR_DATA_BROKEN);
}

/* Only who the person is, for the directory; and the digest, so that nothing has to be opened. */
static void event_carries_the_identity_by_itself(void **state)
{
    struct fixture *fixture = *state;
    struct phi_event event;
    struct phi_json_at root;
    struct phi_view plain;
    uint8_t sealed[256], digest[PHI_SM3_LEN];
    size_t len = 0;
    struct fact fact = make(fixture, "{\"a\":1}");
    json_object_set_new(fact.personal, "note", json_string("x"));
    assert_int_equal(fact_complete(&fixture->keys, "320000", TOPIC, fixture->arena, &fact, &event),
                     PHI_OK);
    assert_int_equal(phi_json_read(event.value, 8, fixture->arena, &root, NULL), PHI_OK);
    assert_int_equal(phi_json_hex(&root, "digest", digest, sizeof(digest), NULL), PHI_OK);
    assert_memory_equal(digest, fact.digest, sizeof(digest));
    assert_int_equal(phi_json_base64(&root, "identity", 1, sizeof(sealed), sealed, &len, NULL),
                     PHI_OK);
    assert_int_equal(phi_person_unseal(fixture->keys.health, &fixture->key,
                                       PHI_PERSON_IDENTITY_SEALED, phi_view_of(sealed, len),
                                       fixture->arena, &plain),
                     PHI_OK);
    assert_null(memmem(plain.data, plain.len, "note", 4));
    assert_non_null(memmem(plain.data, plain.len, "甲", strlen("甲")));
}

static void nothing_is_sealed_under_a_destroyed_key(void **state)
{
    struct fixture *fixture = *state;
    struct phi_event event;
    struct phi_person_key ended;
    struct fact fact = make(fixture, "{\"a\":1}");
    assert_int_equal(
        phi_person_key_end(fixture->keys.health, fact.subject, 2, fixture->arena, &ended), PHI_OK);
    fact.key = &ended;
    assert_int_equal(fact_complete(&fixture->keys, "320000", TOPIC, fixture->arena, &fact, &event),
                     PHI_ERR_ERASED);
}

struct decide_case {
    const char *name;
    bool has_digest, is_same_digest;
    bool has_subject, is_same_subject;
    enum intake_result result;
    const char *place;
};

static const struct decide_case decide_cases[] = {
    {"new", false, false, false, false, INTAKE_ACCEPTED, ""},
    {"another revision, same person", false, false, true, true, INTAKE_ACCEPTED, ""},
    {"another revision, another person", false, false, true, false, INTAKE_REJECTED, "$.person"},
    {"same again", true, true, true, true, INTAKE_DUPLICATE, ""},
    {"same number, other content", true, false, true, true, INTAKE_REJECTED, "$.revision"},
    {"same number, another person", true, false, true, false, INTAKE_REJECTED, "$.revision"},
};

static void decide_table(void **state)
{
    (void)state;
    static const uint8_t other[PHI_SM3_LEN] = {9};
    for (size_t i = 0; i < PHI_COUNT(decide_cases); i++) {
        const struct decide_case *c = &decide_cases[i];
        struct intake_line line = {.result = INTAKE_ACCEPTED};
        memset(line.fact.digest, 1, PHI_SM3_LEN);
        memset(line.fact.subject, 2, PHI_SUBJECT_LEN);
        intake_decide(&line,
                      phi_view_of(c->is_same_digest ? line.fact.digest : other,
                                  c->has_digest ? PHI_SM3_LEN : 0),
                      phi_view_of(c->is_same_subject ? line.fact.subject : other,
                                  c->has_subject ? PHI_SUBJECT_LEN : 0));
        phi_check(c->name, line.result == c->result);
        phi_check(c->name, strcmp(line.error.place, c->place) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_is_of_the_parts),
        cmocka_unit_test(digest_is_of_the_content),
        cmocka_unit_test(event_carries_a_mac),
        cmocka_unit_test(event_names_nobody),
        cmocka_unit_test(event_carries_the_identity_by_itself),
        cmocka_unit_test(nothing_is_sealed_under_a_destroyed_key),
        cmocka_unit_test(decide_table),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
