/* What the consumer takes from the bus, and each way in which it must refuse. */
#include "case.h"

#include "crypto/key.h"
#include "json/canonical.h"
#include "svc-directory/facts/fact.h"

#include <string.h>

#define REGION "320000"
#define TOPIC  "phi.320000.source.tests"

struct kit {
    struct fact_keys keys;
    struct phi_hmac_key *other_bus;
    struct phi_sm2_private *correction;
    struct phi_sm2_public *correction_public;
    struct phi_pinned_key pinned;
    struct phi_arena *arena;
    uint8_t subject[PHI_SUBJECT_LEN];
};

static struct kit kit;

static int open_kit(void **state)
{
    (void)state;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    memset(kit.subject, 0x5a, sizeof(kit.subject));
    assert_int_equal(
        phi_hmac_key_new(phi_view_text("a key of thirty-two bytes length"), &kit.keys.bus), PHI_OK);
    assert_int_equal(
        phi_hmac_key_new(phi_view_text("another of thirty-two bytes len."), &kit.other_bus),
        PHI_OK);
    assert_int_equal(
        phi_seal_key_new(1, phi_view_text("health key, thirty-two bytes len"), &kit.keys.health),
        PHI_OK);
    assert_int_equal(phi_sm2_private_generate(&kit.correction), PHI_OK);
    phi_sm2_private_public(kit.correction, xy);
    assert_int_equal(phi_sm2_public_new(xy, &kit.correction_public), PHI_OK);
    assert_int_equal(phi_key_id_of(xy, kit.pinned.key_serial), PHI_OK);
    kit.pinned.key = kit.correction_public;
    return 0;
}

static int close_kit(void **state)
{
    (void)state;
    phi_hmac_key_free(kit.keys.bus);
    phi_hmac_key_free(kit.other_bus);
    phi_seal_key_free(kit.keys.health);
    phi_sm2_private_free(kit.correction);
    phi_sm2_public_free(kit.correction_public);
    return 0;
}

static int open_arena(void **state)
{
    (void)state;
    kit.arena = phi_arena_new(4 * 1024 * 1024);
    return kit.arena == NULL;
}

static int close_arena(void **state)
{
    (void)state;
    phi_arena_free(kit.arena);
    return 0;
}

static const char *sealed_text(const char *context, const char *plain)
{
    struct phi_view sealed;
    assert_int_equal(
        phi_seal(kit.keys.health, context, kit.subject, phi_view_text(plain), kit.arena, &sealed),
        PHI_OK);
    char *text = phi_arena_alloc(kit.arena, PHI_BASE64_LEN(sealed.len) + 1);
    phi_base64_encode(sealed, text);
    return text;
}

#define PERSON                                                                                     \
    "{\"country\":\"CHN\",\"idNo\":\"11010519491231002X\",\"idType\":\"111\",\"name\":\"张三\"," \
    "\"note\":\"x\"}"

static json_t *fact_json(void)
{
    uint8_t id[PHI_FACT_ID_LEN];
    char id_hex[33], subject_hex[33];
    assert_int_equal(phi_fact_id(phi_view_text(REGION), phi_view_text("source.tests"),
                                 phi_view_text("lab"), phi_view_text("R-1"), 1, id),
                     PHI_OK);
    phi_hex_encode(phi_view_of(id, sizeof(id)), id_hex);
    phi_hex_encode(phi_view_of(kit.subject, sizeof(kit.subject)), subject_hex);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:s, s:s, s:{s:s, s:s}, s:s}",
                     "factId", id_hex, "region", REGION, "source", "source.tests", "institution",
                     "lab", "recordNo", "R-1", "revision", 1, "subject", subject_hex,
                     "subjectKeyVersion", 1, "observedAt", "2026-11-20T08:00:00+08:00",
                     "recordedAt", "2026-11-20T09:00:00+08:00", "content", "method", "nucleic-acid",
                     "result", "positive", "sealed", sealed_text("source.tests.sealed", PERSON));
}

static struct phi_msg message(json_t *json, const char *topic, struct phi_event *event)
{
    struct phi_msg msg = {.topic = topic};
    struct phi_view value;
    assert_int_equal(phi_json_canonical(json, kit.arena, &value), PHI_OK);
    *event = (struct phi_event){
        .topic = topic, .key = phi_view_of(kit.subject, sizeof(kit.subject)), .value = value};
    msg.key = event->key;
    msg.value = value;
    json_decref(json);
    return msg;
}

static void put_headers(struct phi_msg *msg, const struct phi_event *event)
{
    memcpy(msg->headers, event->extra, event->extra_count * sizeof(event->extra[0]));
    msg->header_count = event->extra_count;
}

static struct phi_msg with_mac(json_t *json)
{
    struct phi_event event;
    struct phi_msg msg = message(json, TOPIC, &event);
    assert_int_equal(phi_mac_add(&event, kit.keys.bus, kit.arena), PHI_OK);
    put_headers(&msg, &event);
    return msg;
}

static void taken(void **state)
{
    (void)state;
    struct fact fact, again;
    struct phi_error error = {0};
    struct phi_msg msg = with_mac(fact_json());
    enum phi_err err = fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, &error);
    if (err != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    assert_string_equal(fact.record_no, "R-1");
    assert_string_equal((const char *)fact.content.data,
                        "{\"method\":\"nucleic-acid\",\"result\":\"positive\"}");
    assert_non_null(strstr((const char *)fact.identity.data, "张三"));
    assert_null(strstr((const char *)fact.identity.data, "note"));
    /* sealed anew under another nonce, recorded later: the same all the same */
    json_t *json = fact_json();
    json_object_set_new(json, "recordedAt", json_string("2026-11-20T10:00:00+08:00"));
    msg = with_mac(json);
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &again, NULL),
                     PHI_OK);
    assert_memory_equal(fact.digest, again.digest, sizeof(fact.digest));
    assert_int_equal(again.recorded_us - fact.recorded_us, 3600000000LL);
}

/* With a digest and an identity nothing is opened: both are taken as they came. */
static void taken_sealed(void **state)
{
    (void)state;
    struct fact fact;
    json_t *json = fact_json();
    json_object_set_new(json, "digest",
                        json_string("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
                                    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"));
    json_object_set_new(json, "sealed", json_string("bm90IHRvIGJlIG9wZW5lZA=="));
    json_object_set_new(json, "identity", json_string(sealed_text("of a data key", PERSON)));
    struct phi_msg msg = with_mac(json);
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_OK);
    assert_int_equal(fact.digest[0], 0x5a);
    assert_int_equal(fact.identity.len, 0);
    assert_int_equal(fact.identity_sealed.len, strlen(PERSON) + PHI_SEAL_OVERHEAD);
}

static void other_content_differs(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        const char *value;
    } changes[] = {
        {"observedAt", "2026-11-20T08:00:01+08:00"}, {"content", NULL}, {"sealed", NULL}};
    struct fact fact, other;
    struct phi_msg msg = with_mac(fact_json());
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_OK);
    for (size_t i = 0; i < PHI_COUNT(changes); i++) {
        json_t *json = fact_json();
        json_object_set_new(json, changes[i].field,
                            changes[i].value ? json_string(changes[i].value)
                            : i == 1         ? json_pack("{s:s}", "method", "antibody")
                                             : json_null());
        msg = with_mac(json);
        phi_check(changes[i].field, fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena,
                                              &other, NULL) == PHI_OK);
        phi_check(changes[i].field, memcmp(fact.digest, other.digest, sizeof(fact.digest)) != 0);
    }
    assert_int_equal(other.identity.len, 0);
}

static void refused_values(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *patch; /* members to set; null takes one away */
        enum phi_err err;
    } cases[] = {
        {"no fact id", "{\"factId\":null}", PHI_ERR_FIELD_MISSING},
        {"another fact id", "{\"factId\":\"00000000000000000000000000000000\"}",
         PHI_ERR_DATA_BROKEN},
        {"another record number", "{\"recordNo\":\"R-2\"}", PHI_ERR_DATA_BROKEN},
        {"another revision", "{\"revision\":2}", PHI_ERR_DATA_BROKEN},
        {"revision 0", "{\"revision\":0}", PHI_ERR_FIELD_VALUE},
        {"another region", "{\"region\":\"310000\"}", PHI_ERR_FORBIDDEN},
        {"another source", "{\"source\":\"source.contacts\"}", PHI_ERR_FIELD_VALUE},
        {"another subject than the key", "{\"subject\":\"00000000000000000000000000000000\"}",
         PHI_ERR_FIELD_VALUE},
        {"a subject too short", "{\"subject\":\"00\"}", PHI_ERR_FIELD_VALUE},
        {"no time", "{\"observedAt\":\"yesterday\"}", PHI_ERR_FIELD_VALUE},
        {"a content that is none", "{\"content\":[]}", PHI_ERR_FIELD_TYPE},
        {"sealed that isn't", "{\"sealed\":\"AAAA\"}", PHI_ERR_FIELD_VALUE},
        {"an institution with a space", "{\"institution\":\"a b\"}", PHI_ERR_FIELD_VALUE},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct fact fact;
        json_t *json = fact_json();
        json_t *patch = json_loads(cases[i].patch, 0, NULL);
        json_object_update(json, patch);
        json_decref(patch);
        struct phi_msg msg = with_mac(json);
        phi_check(cases[i].name, fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena,
                                           &fact, NULL) == cases[i].err);
    }
}

/* Sealed under another context, or for another person. */
static void refused_seals(void **state)
{
    (void)state;
    struct fact fact;
    json_t *json = fact_json();
    json_object_set_new(json, "sealed", json_string(sealed_text("source.contacts.sealed", PERSON)));
    struct phi_msg msg = with_mac(json);
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_ERR_DATA_BROKEN);
}

static void refused_macs(void **state)
{
    (void)state;
    struct fact fact;
    struct phi_event event;
    struct phi_msg msg = message(fact_json(), TOPIC, &event);
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_ERR_UNSIGNED);
    assert_int_equal(phi_mac_add(&event, kit.other_bus, kit.arena), PHI_OK);
    put_headers(&msg, &event);
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_ERR_SIGNATURE);
    msg = with_mac(fact_json());
    msg.topic = "phi.310000.source.tests";
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_ERR_SIGNATURE);
    json_t *fat = fact_json();
    char *big = phi_arena_alloc(kit.arena, FACT_VALUE_MAX + 1);
    memset(big, 'x', FACT_VALUE_MAX);
    json_object_set_new(fat, "more", json_string(big));
    msg = with_mac(fat);
    assert_int_equal(fact_read(&msg, "source.tests", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_ERR_BODY_TOO_LARGE);
}

/* A declaration's record number is a digest, and counts as the text it is. */
static void declarations(void **state)
{
    (void)state;
    struct fact fact;
    uint8_t id[PHI_FACT_ID_LEN];
    char id_hex[33], record[PHI_DECLARATION_RECORD_LEN + 1];
    assert_int_equal(phi_declaration_record_no(phi_view_text("/v1/declarations/health"),
                                               phi_view_text("c-1"), phi_view_text("b-1"),
                                               kit.subject, record),
                     PHI_OK);
    assert_int_equal(phi_fact_id(phi_view_text(REGION), phi_view_text("declare.health"),
                                 phi_view_text("lab"), phi_view_text(record), 1, id),
                     PHI_OK);
    phi_hex_encode(phi_view_of(id, sizeof(id)), id_hex);
    json_t *json = fact_json();
    json_object_set_new(json, "source", json_string("declare.health"));
    json_object_set_new(json, "recordNo", json_string(record));
    json_object_set_new(json, "factId", json_string(id_hex));
    json_object_set_new(json, "sealed", json_string(sealed_text("declare.health.sealed", PERSON)));
    json_t *odd = json_deep_copy(json);
    json_object_set_new(odd, "recordNo", json_string("R-1"));
    struct phi_msg msg = with_mac(json);
    assert_int_equal(fact_read(&msg, "declare.health", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_OK);
    assert_string_equal(fact.record_no, record);
    msg = with_mac(odd);
    assert_int_equal(fact_read(&msg, "declare.health", REGION, &kit.keys, kit.arena, &fact, NULL),
                     PHI_ERR_DATA_BROKEN);
}

static json_t *decision_json(void)
{
    char subject_hex[33];
    phi_hex_encode(phi_view_of(kit.subject, sizeof(kit.subject)), subject_hex);
    return json_pack("{s:s, s:I, s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s}", "caseId", "c-1",
                     "decisionVersion", (json_int_t)1795233600000000, "subject", subject_hex,
                     "action", "retract", "fact", "region", REGION, "source", "source.contacts",
                     "institution", "cdc", "recordNo", "R-9", "decidedAt",
                     "2026-11-21T08:00:00+08:00", "reason", "wrong person");
}

static struct phi_msg with_signature(json_t *json)
{
    struct phi_event event;
    const struct phi_signer signer = {kit.pinned.key_serial, kit.correction};
    struct phi_msg msg = message(json, "phi.320000.correction.decided", &event);
    assert_int_equal(phi_signed_add(&event, &signer, 1, kit.arena), PHI_OK);
    put_headers(&msg, &event);
    return msg;
}

#define MADE(number)                                                                               \
    "{\"institution\":\"cdc\",\"recordNo\":\"" number                                              \
    "\",\"observedAt\":\"2026-11-20T08:00:00+08:00\",\"content\":{\"distance\":\"general\"}}"

static void decisions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *patch;
        enum phi_err err;
    } cases[] = {
        {"as it should be", "{}", PHI_OK},
        {"the version as a text", "{\"decisionVersion\":\"1795233600000000\"}", PHI_OK},
        {"more members", "{\"more\":1}", PHI_OK},
        {"another action", "{\"action\":\"forget\"}", PHI_ERR_FIELD_VALUE},
        {"amended to nothing", "{\"action\":\"amend\"}", PHI_ERR_FIELD_MISSING},
        {"amended", "{\"action\":\"amend\",\"record\":" MADE("c-1") "}", PHI_OK},
        {"amended to itself", "{\"action\":\"amend\",\"record\":" MADE("R-9") "}",
         PHI_ERR_FIELD_VALUE},
        {"added", "{\"action\":\"add\",\"record\":" MADE("R-9") "}", PHI_OK},
        {"set aside", "{\"action\":\"relieve\",\"until\":\"2026-11-24T08:00:00+08:00\"}", PHI_OK},
        {"set aside for too long",
         "{\"action\":\"relieve\",\"until\":\"2026-11-24T08:00:01+08:00\"}", PHI_ERR_FIELD_VALUE},
        {"set aside until before",
         "{\"action\":\"relieve\",\"until\":\"2026-11-21T08:00:00+08:00\"}", PHI_ERR_FIELD_VALUE},
        {"set aside for ever", "{\"action\":\"relieve\"}", PHI_ERR_FIELD_MISSING},
        {"no longer", "{\"action\":\"resume\"}", PHI_OK},
        {"added as another", "{\"action\":\"add\",\"record\":" MADE("c-1") "}",
         PHI_ERR_FIELD_VALUE},
        {"version 0", "{\"decisionVersion\":0}", PHI_ERR_FIELD_VALUE},
        {"no version", "{\"decisionVersion\":null}", PHI_ERR_FIELD_MISSING},
        {"a version that is none", "{\"decisionVersion\":\"x\"}", PHI_ERR_FIELD_VALUE},
        {"no fact", "{\"fact\":null}", PHI_ERR_FIELD_MISSING},
        {"another region's fact",
         "{\"fact\":{\"region\":\"310000\",\"source\":\"a\",\"institution\":\"b\",\"recordNo\":"
         "\"c\"}}",
         PHI_ERR_FORBIDDEN},
        {"another subject", "{\"subject\":\"00000000000000000000000000000000\"}",
         PHI_ERR_FIELD_VALUE},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct decision decision;
        json_t *json = decision_json();
        json_t *patch = json_loads(cases[i].patch, 0, NULL);
        json_object_update(json, patch);
        json_decref(patch);
        struct phi_msg msg = with_signature(json);
        phi_check(cases[i].name, decision_read(&msg, REGION, &kit.pinned, 1, &kit.keys, kit.arena,
                                               &decision, NULL) == cases[i].err);
        if (cases[i].err == PHI_OK)
            phi_check(cases[i].name, decision.version == 1795233600000000 &&
                                         strcmp(decision.record_no, "R-9") == 0);
    }
}

static void refused_signatures(void **state)
{
    (void)state;
    struct decision decision;
    struct phi_msg msg = with_signature(decision_json());
    struct phi_pinned_key other = kit.pinned;
    assert_int_equal(decision_read(&msg, REGION, NULL, 0, &kit.keys, kit.arena, &decision, NULL),
                     PHI_ERR_KEY);
    memset(other.key_serial, '0', 16);
    assert_int_equal(decision_read(&msg, REGION, &other, 1, &kit.keys, kit.arena, &decision, NULL),
                     PHI_ERR_KEY);
    msg.topic = "phi.310000.correction.decided";
    assert_int_equal(
        decision_read(&msg, REGION, &kit.pinned, 1, &kit.keys, kit.arena, &decision, NULL),
        PHI_ERR_SIGNATURE);
    msg.header_count = 0;
    assert_int_equal(
        decision_read(&msg, REGION, &kit.pinned, 1, &kit.keys, kit.arena, &decision, NULL),
        PHI_ERR_UNSIGNED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(taken),          TEST(taken_sealed),  TEST(other_content_differs),
        TEST(refused_values), TEST(refused_seals), TEST(refused_macs),
        TEST(declarations),   TEST(decisions),     TEST(refused_signatures),
    };
    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
