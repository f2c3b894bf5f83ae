/* Letters on intake.<app>: what is opened, and why the rest is not. */
#include "case.h"
#include "bus/signed.h"
#include "crypto/envelope.h"
#include "crypto/key.h"
#include "crypto/seal.h"
#include "json/json.h"
#include "svc-declare/sources/letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC  "phi.320000.intake.lab-app"
#define LINES  "{\"recordNo\":\"1\"}\n"
#define NOW_US 1772337600000000LL

struct world {
    struct phi_sm2_private *ours;
    struct phi_sm2_private *apps;
    struct phi_sm2_public *apps_public;
    char serial[17];
    struct phi_arena *arena;
};

static const char *const roles[] = {"source", "intake"};
static const char *const kinds[] = {"tests", "places"};

static struct phi_sm2_private *key_new(uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    struct phi_sm2_private *key = NULL;
    assert_int_equal(phi_sm2_private_generate(&key), PHI_OK);
    phi_sm2_private_public(key, xy);
    return key;
}

static int set_up(void **state)
{
    static struct world world;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    world.ours = key_new(xy);
    world.apps = key_new(xy);
    assert_int_equal(phi_sm2_public_new(xy, &world.apps_public), PHI_OK);
    assert_int_equal(phi_key_id_of(xy, world.serial), PHI_OK);
    world.arena = phi_arena_new(16 * 1024 * 1024);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    phi_sm2_private_free(world->ours);
    phi_sm2_private_free(world->apps);
    phi_sm2_public_free(world->apps_public);
    phi_arena_free(world->arena);
    return 0;
}

static const char *base64(struct world *world, struct phi_view bytes)
{
    char *text = phi_arena_alloc(world->arena, PHI_BASE64_LEN(bytes.len) + 1);
    assert_non_null(text);
    phi_base64_encode(bytes, text);
    return text;
}

/* What a case changes in a right letter. */
struct letter_case {
    const char *name;
    const char *kind;    /* NULL: tests */
    const char *context; /* NULL: the right one */
    const char *topic;   /* of the seal; NULL: the right one */
    const char *more;    /* a member more */
    bool is_to_another;
    bool is_unsigned;
    bool is_suspended;
    bool is_without_role;
    bool is_key_over;
    bool is_altered;
    enum phi_err err;
    const char *place;
};

static const struct letter_case cases[] = {
    {.name = "right", .err = PHI_OK},
    {.name = "no such kind", .kind = "weather", .err = PHI_ERR_FIELD_VALUE, .place = "$.kind"},
    {.name = "places are no kind", .kind = "places", .err = PHI_ERR_FIELD_VALUE, .place = "$.kind"},
    {.name = "a kind without the right",
     .kind = "cases",
     .err = PHI_ERR_FORBIDDEN,
     .place = "$.kind"},
    {.name = "another context",
     .context = "intake.line",
     .err = PHI_ERR_DATA_BROKEN,
     .place = "$.lines"},
    {.name = "of another topic",
     .topic = TOPIC "s",
     .err = PHI_ERR_DATA_BROKEN,
     .place = "$.lines"},
    {.name = "a member more", .more = "remark", .err = PHI_ERR_FIELD_UNKNOWN, .place = "$.remark"},
    {.name = "to another", .is_to_another = true, .err = PHI_ERR_DATA_BROKEN, .place = "$.key"},
    {.name = "unsigned", .is_unsigned = true, .err = PHI_ERR_UNSIGNED, .place = NULL},
    {.name = "altered after signing", .is_altered = true, .err = PHI_ERR_SIGNATURE, .place = NULL},
    {.name = "the key's time is over", .is_key_over = true, .err = PHI_ERR_KEY, .place = NULL},
    {.name = "suspended", .is_suspended = true, .err = PHI_ERR_FORBIDDEN, .place = "topic"},
    {.name = "without the role",
     .is_without_role = true,
     .err = PHI_ERR_FORBIDDEN,
     .place = "topic"},
};

static struct phi_view value_of(struct world *world, const struct letter_case *c)
{
    uint8_t to[PHI_SM2_PUBLIC_LEN], envelope[PHI_ENVELOPE_MAX], digest[PHI_SM3_LEN];
    static const uint8_t data_key[32] = {1, 2, 3};
    struct phi_seal_key *key = NULL;
    struct phi_view sealed;
    size_t len = 0;
    phi_sm2_private_public(c->is_to_another ? world->apps : world->ours, to);
    assert_int_equal(phi_envelope_seal(to, phi_view_of(data_key, sizeof(data_key)), envelope,
                                       sizeof(envelope), &len),
                     PHI_OK);
    assert_int_equal(phi_sm3(phi_view_text(c->topic == NULL ? TOPIC : c->topic), digest), PHI_OK);
    assert_int_equal(phi_seal_key_new(0, phi_view_of(data_key, sizeof(data_key)), &key), PHI_OK);
    assert_int_equal(phi_seal(key, c->context == NULL ? "intake.lines" : c->context, digest,
                              phi_view_text(LINES), world->arena, &sealed),
                     PHI_OK);
    phi_seal_key_free(key);
    json_t *json =
        json_pack("{s:s, s:s, s:s}", "kind", c->kind == NULL ? "tests" : c->kind, "key",
                  base64(world, phi_view_of(envelope, len)), "lines", base64(world, sealed));
    if (c->more != NULL)
        json_object_set_new(json, c->more, json_true());
    char *text = json_dumps(json, JSON_COMPACT);
    const char *copy = phi_arena_text(world->arena, phi_view_text(text));
    json_decref(json);
    free(text);
    return phi_view_text(copy);
}

/* As the consumer hands it on: the event's headers are the record's. */
static void write_letter(struct world *world, const struct letter_case *c, struct phi_msg *out)
{
    struct phi_event event = {.topic = TOPIC, .value = value_of(world, c)};
    const struct phi_signer signer = {.key_serial = world->serial, .key = world->apps};
    assert_int_equal(phi_signed_add(&event, &signer, 1, world->arena), PHI_OK);
    *out = (struct phi_msg){.topic = TOPIC, .value = event.value};
    for (size_t i = 0; i < event.extra_count && !c->is_unsigned; i++)
        out->headers[out->header_count++] = event.extra[i];
    if (c->is_altered)
        out->value.len--;
}

static void letters_have_their_table(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        const struct letter_case *c = &cases[i];
        static struct phi_msg msg;
        struct phi_error error = {0};
        struct letter letter = {0};
        struct phi_registry_key key = {.public_key = world->apps_public,
                                       .to_us = c->is_key_over ? NOW_US : INT64_MAX};
        snprintf(key.serial, sizeof(key.serial), "%s", world->serial);
        const struct phi_registry_app app = {.suspended = c->is_suspended,
                                             .keys = &key,
                                             .key_count = 1,
                                             .roles = {roles, c->is_without_role ? 1 : 2},
                                             .sources = {kinds, 2}};
        write_letter(world, c, &msg);
        enum phi_err err =
            letter_open(&msg, &app, world->ours, NOW_US, world->arena, &letter, &error);
        if (err != c->err || (c->place != NULL && strcmp(error.place, c->place) != 0))
            fail_msg("case \"%s\": %s at %s", c->name, phi_err_name(err), error.place);
        if (err == PHI_OK)
            assert_true(phi_view_equal(letter.lines, phi_view_text(LINES)));
    }
}

static void nobodys_letter_is_none(void **state)
{
    struct world *world = *state;
    static struct phi_msg msg;
    struct letter letter = {0};
    write_letter(world, &cases[0], &msg);
    assert_int_equal(letter_open(&msg, NULL, world->ours, NOW_US, world->arena, &letter, NULL),
                     PHI_ERR_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_have_their_table),
        cmocka_unit_test(nobodys_letter_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
