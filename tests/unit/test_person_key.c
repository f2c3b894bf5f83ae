/* Data keys of persons: which version opens which text, and what travels on person.key. */
#include "case.h"

#include "json/canonical.h"
#include "person/key.h"

#include <string.h>

#define REGION  "320000"
#define CONTEXT "basic.sealed"

static struct phi_arena *arena;
static struct phi_seal_key *health, *stranger;
static const uint8_t subject[PHI_SUBJECT_LEN] = {0x5a, 1, 2};
static const uint8_t other[PHI_SUBJECT_LEN] = {0x5b};

static int open_kit(void **state)
{
    static const uint8_t secret[33] = {1, 2, 3};
    (void)state;
    arena = phi_arena_new(1024 * 1024);
    return arena == NULL ||
           phi_seal_key_new(0x9e3779b9, phi_view_of(secret, 32), &health) != PHI_OK ||
           phi_seal_key_new(0x9e3779b9, phi_view_of(secret + 1, 32), &stranger) != PHI_OK;
}

static int close_kit(void **state)
{
    (void)state;
    phi_arena_free(arena);
    phi_seal_key_free(health);
    phi_seal_key_free(stranger);
    return 0;
}

/* Version 0: nothing known; odd: that key; even: its end. Keys stay the same through a test. */
static struct phi_person_key key_of(int64_t version)
{
    static struct phi_person_key known[8];
    struct phi_person_key *key = &known[version];
    if (version > 0 && key->version == 0)
        assert_int_equal(version % 2 == 1
                             ? phi_person_key_make(health, subject, version, arena, key)
                             : phi_person_key_end(health, subject, version, arena, key),
                         PHI_OK);
    memcpy(key->subject, subject, PHI_SUBJECT_LEN);
    return *key;
}

static struct phi_view sealed_under(int64_t version)
{
    struct phi_view sealed;
    struct phi_person_key key = key_of(version);
    assert_int_equal(
        version == 0
            ? phi_seal(health, CONTEXT, subject, phi_view_text("text"), arena, &sealed)
            : phi_person_seal(health, &key, CONTEXT, phi_view_text("text"), arena, &sealed),
        PHI_OK);
    return sealed;
}

struct open_case {
    const char *name;
    int64_t sealed_under; /* 0: the health key itself */
    int64_t known;
    enum phi_err err;
};

static const struct open_case open_cases[] = {
    {"of before keys, none known", 0, 0, PHI_OK},
    {"of before keys, the first is there", 0, 1, PHI_OK},
    {"of before keys, erased since", 0, 2, PHI_ERR_ERASED},
    {"of before keys, erased and begun anew", 0, 3, PHI_ERR_ERASED},
    {"its own key", 1, 1, PHI_OK},
    {"its own key, the second", 3, 3, PHI_OK},
    {"erased", 1, 2, PHI_ERR_ERASED},
    {"erased and begun anew", 1, 3, PHI_ERR_ERASED},
    {"its key is not here yet", 1, 0, PHI_ERR_NOT_FOUND},
    {"its key is not here yet, an older is", 3, 1, PHI_ERR_NOT_FOUND},
    {"its key is not here yet, an older end is", 3, 2, PHI_ERR_NOT_FOUND},
};

static void which_key_opens_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(open_cases); i++) {
        const struct open_case *c = &open_cases[i];
        struct phi_person_key key = key_of(c->known);
        struct phi_view plain = {0};
        enum phi_err err =
            phi_person_unseal(health, &key, CONTEXT, sealed_under(c->sealed_under), arena, &plain);
        phi_check(c->name, err == c->err);
        phi_check(c->name, err != PHI_OK || phi_view_equal(plain, phi_view_text("text")));
    }
}

static void what_opens_nothing(void **state)
{
    (void)state;
    struct phi_person_key key = key_of(1), foreign = key_of(1), moved = key_of(1);
    struct phi_view plain, sealed = sealed_under(1);
    memcpy(moved.subject, other, PHI_SUBJECT_LEN);
    foreign.version = 3;
    assert_int_equal(phi_person_unseal(stranger, &key, CONTEXT, sealed, arena, &plain),
                     PHI_ERR_DATA_BROKEN);
    assert_int_equal(phi_person_unseal(health, &key, "other.sealed", sealed, arena, &plain),
                     PHI_ERR_DATA_BROKEN);
    assert_int_equal(phi_person_unseal(health, &moved, CONTEXT, sealed, arena, &plain),
                     PHI_ERR_DATA_BROKEN);
    assert_int_equal(phi_person_seal(health, &foreign, CONTEXT, sealed, arena, &plain),
                     PHI_ERR_DATA_BROKEN);
    assert_int_equal(phi_person_unseal(health, &key, CONTEXT, phi_view_of("ab", 2), arena, &plain),
                     PHI_ERR_DATA_BROKEN);
    assert_int_equal(phi_person_unseal(health, &key, CONTEXT, phi_view_of(NULL, 0), arena, &plain),
                     PHI_ERR_ERASED);
}

static void versions_that_are_none(void **state)
{
    (void)state;
    struct phi_person_key key;
    static const int64_t no_keys[] = {0, 2, -1, 65537}, no_ends[] = {0, 1, -2, 65536};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(phi_person_key_make(health, subject, no_keys[i], arena, &key),
                         PHI_ERR_FIELD_VALUE);
        assert_int_equal(phi_person_key_end(health, subject, no_ends[i], arena, &key),
                         PHI_ERR_FIELD_VALUE);
    }
}

static struct phi_msg record_of(int64_t version)
{
    struct phi_event event;
    struct phi_person_key key = key_of(version);
    assert_int_equal(phi_person_key_event(&key, REGION, 1772337600000000LL, arena, &event), PHI_OK);
    assert_string_equal(event.type, "cn.phi.person.key");
    return (struct phi_msg){.topic = "phi.320000.person.key",
                            .key = phi_arena_view(arena, event.key),
                            .value = event.value};
}

static void records_are_read_again(void **state)
{
    (void)state;
    for (int64_t version = 1; version <= 4; version++) {
        struct phi_msg msg = record_of(version);
        struct phi_person_key key;
        assert_int_equal(phi_person_key_read(&msg, REGION, health, arena, &key, NULL), PHI_OK);
        assert_int_equal(key.version, version);
        assert_memory_equal(key.subject, subject, PHI_SUBJECT_LEN);
        assert_int_equal(phi_person_key_is_kept(&key), version % 2 == 1);
    }
}

struct refused_case {
    const char *name;
    const char *member;
    const char *value; /* JSON; NULL: left out */
    enum phi_err err;
};

static const struct refused_case refused_cases[] = {
    {"no version", "version", NULL, PHI_ERR_FIELD_MISSING},
    {"version 0", "version", "0", PHI_ERR_FIELD_VALUE},
    {"a version too high", "version", "65536", PHI_ERR_FIELD_VALUE},
    {"another version than is wrapped", "version", "3", PHI_ERR_DATA_BROKEN},
    {"a state that isn't the version's", "state", "\"erased\"", PHI_ERR_FIELD_VALUE},
    {"no state", "state", "\"lost\"", PHI_ERR_FIELD_VALUE},
    {"another region", "region", "\"330000\"", PHI_ERR_FORBIDDEN},
    {"another person", "subject", "\"5b000000000000000000000000000000\"", PHI_ERR_FIELD_VALUE},
    {"nothing wrapped", "wrapped", NULL, PHI_ERR_FIELD_MISSING},
    {"wrapped too short", "wrapped", "\"AAAA\"", PHI_ERR_FIELD_VALUE},
};

static void records_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(refused_cases); i++) {
        const struct refused_case *c = &refused_cases[i];
        struct phi_msg msg = record_of(1);
        struct phi_json_at root;
        struct phi_person_key key;
        assert_int_equal(phi_json_read(msg.value, 2, arena, &root, NULL), PHI_OK);
        json_t *json = json_copy((json_t *)(uintptr_t)root.value);
        if (c->value == NULL)
            json_object_del(json, c->member);
        else
            json_object_set_new(json, c->member, json_loads(c->value, JSON_DECODE_ANY, NULL));
        assert_int_equal(phi_json_canonical(json, arena, &msg.value), PHI_OK);
        json_decref(json);
        phi_check(c->name, phi_person_key_read(&msg, REGION, health, arena, &key, NULL) == c->err);
    }
}

static void a_stranger_writes_no_key(void **state)
{
    (void)state;
    struct phi_msg msg = record_of(1);
    struct phi_person_key key;
    assert_int_equal(phi_person_key_read(&msg, REGION, stranger, arena, &key, NULL),
                     PHI_ERR_DATA_BROKEN);
    msg.value = phi_view_text("{");
    assert_int_equal(phi_person_key_read(&msg, REGION, health, arena, &key, NULL), PHI_ERR_JSON);
    msg.value = phi_view_of(NULL, 0); /* a bare tombstone destroys nothing */
    assert_int_equal(phi_person_key_read(&msg, REGION, health, arena, &key, NULL), PHI_ERR_JSON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_key_opens_what),     cmocka_unit_test(what_opens_nothing),
        cmocka_unit_test(versions_that_are_none),   cmocka_unit_test(records_are_read_again),
        cmocka_unit_test(records_that_are_refused), cmocka_unit_test(a_stranger_writes_no_key),
    };
    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
