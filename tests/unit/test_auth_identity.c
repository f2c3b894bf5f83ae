/* Id tokens: every claim wrong once, algorithms, keys, the cache; the provider's keys come from
 * this test. */
#include "auth/identity.h"
#include "case.h"
#include "test_auth_support.h"

#include <cjose/cjose.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_S (TEST_NOW_US / 1000000)
#define AUD   "client-1"

static struct test_key owner;
static struct phi_registry *registry;
static struct phi_identities *identities;
static cjose_jwk_t *signer;
static cjose_jwk_t *stranger;
static char *jwks;
static int fetches;
static enum phi_err fetch_result;

static enum phi_err fetch(void *context, const char *url, int64_t timeout_ms, uint8_t *out,
                          size_t size, size_t *len)
{
    (void)context;
    (void)timeout_ms;
    fetches++;
    if (fetch_result != PHI_OK || strncmp(url, "https://id.example/", 19) != 0)
        return PHI_ERR_NEIGHBOUR;
    *len = strlen(jwks);
    assert_true(*len < size);
    memcpy(out, jwks, *len); /* NOLINT(bugprone-not-null-terminated-result): bytes, not a text */
    return PHI_OK;
}

static cjose_jwk_t *make_key(const char *kid)
{
    cjose_err error;
    cjose_jwk_t *key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error);
    assert_non_null(key);
    assert_true(cjose_jwk_set_kid(key, kid, strlen(kid), &error));
    return key;
}

static void identities_anew(void)
{
    const struct phi_identity_options options = {
        .registry = registry, .cache_max = 8, .fetch = fetch};
    phi_identities_close(identities);
    identities = NULL;
    fetches = 0;
    fetch_result = PHI_OK;
    assert_int_equal(phi_identities_open(&options, &identities, NULL), PHI_OK);
}

static int set_up(void **state)
{
    cjose_err error;
    (void)state;
    test_key_make(&owner);
    registry = test_registry(&owner);
    signer = make_key("k1");
    stranger = make_key("k1");
    char *public_key = cjose_jwk_to_json(signer, false, &error);
    /* a set as providers have them: with keys that are not for this */
    assert_true(asprintf(&jwks,
                         "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
                         "{\"kty\":\"EC\",\"kid\":\"enc\",\"crv\":\"P-256\",\"use\":\"enc\"},%s]}",
                         public_key) > 0);
    cjose_get_dealloc()(public_key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    phi_identities_close(identities);
    (void)cjose_jwk_release(signer);
    (void)cjose_jwk_release(stranger);
    phi_registry_close(registry);
    test_key_drop(&owner);
    free(jwks);
    return 0;
}

static char *sign_with(cjose_jwk_t *key, const char *kid, const char *alg, const char *payload)
{
    cjose_err error;
    const char *compact = NULL;
    cjose_header_t *header = cjose_header_new(&error);
    assert_true(cjose_header_set(header, CJOSE_HDR_ALG, alg, &error));
    if (kid != NULL)
        assert_true(cjose_header_set(header, CJOSE_HDR_KID, kid, &error));
    cjose_jws_t *jws =
        cjose_jws_sign(key, header, (const uint8_t *)payload, strlen(payload), &error);
    assert_non_null(jws);
    assert_true(cjose_jws_export(jws, &compact, &error));
    char *token = strdup(compact);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
}

/* A citizen's claims with one changed: `value` is JSON, NULL takes the claim out. */
static char *payload_with(const char *claim, const char *value)
{
    json_t *claims =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:[s,s], s:s, s:s, s:s, s:s}", "iss",
                  TEST_CITIZEN, "sub", "c-1", "aud", AUD, "exp", (json_int_t)(NOW_S + 300), "iat",
                  (json_int_t)NOW_S, "acr", "real-name", "amr", "pwd", "face", "name", "张三",
                  "phi_id_type", "111", "phi_id_no", "11010519491231002X", "phi_country", "CHN");
    assert_non_null(claims);
    if (claim != NULL && value == NULL)
        (void)json_object_del(claims, claim);
    if (claim != NULL && value != NULL) {
        json_t *changed = json_loads(value, JSON_DECODE_ANY, NULL);
        assert_non_null(changed);
        assert_int_equal(json_object_set_new(claims, claim, changed), 0);
    }
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    return text;
}

static enum phi_err check(const char *token, enum phi_identity_kind want, int64_t now_us,
                          struct phi_error *error)
{
    struct phi_identity identity;
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    const struct phi_identity_ask ask = {
        .token = phi_view_text(token), .audience = AUD, .want = want};
    enum phi_err err = phi_identity_check(identities, &ask, now_us, arena, &identity, error);
    phi_arena_free(arena);
    return err;
}

static void a_citizen_is_known_by_the_token(void **state)
{
    char *payload = payload_with("phi_id_no", "\"11010519491231002x\"");
    char *token = sign_with(signer, "k1", "ES256", payload);
    struct phi_identity identity;
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    const struct phi_identity_ask ask = {.token = phi_view_text(token), .audience = AUD};
    (void)state;
    identities_anew();
    for (int turn = 0; turn < 2; turn++) { /* the second from the cache */
        assert_int_equal(phi_identity_check(identities, &ask, TEST_NOW_US, arena, &identity, NULL),
                         PHI_OK);
        assert_string_equal(identity.sub, "c-1");
        assert_string_equal(identity.factor, "face");
        assert_false(identity.is_staff);
        assert_true(identity.has_person);
        assert_true(phi_view_equal(identity.person.id_no, phi_view_text("11010519491231002X")));
        assert_true(phi_view_equal(identity.person.name, phi_view_text("张三")));
    }
    assert_int_equal(fetches, 1);
    phi_arena_free(arena);
    free(token);
    free(payload);
}

static void each_claim_is_checked(void **state)
{
    static const struct {
        const char *name;
        const char *claim;
        const char *value;
        enum phi_err err;
    } cases[] = {
        {"nothing changed", NULL, NULL, PHI_OK},
        {"two audiences", "aud", "[\"x\",\"" AUD "\"]", PHI_OK},
        {"azp of this app", "azp", "\"" AUD "\"", PHI_OK},
        {"amr of one biometric", "amr", "[\"iris\"]", PHI_OK},
        {"passport", "phi_id_type", "\"400\"", PHI_ERR_IDENTITY},
        {"no issuer", "iss", NULL, PHI_ERR_IDENTITY},
        {"unknown issuer", "iss", "\"https://evil.example\"", PHI_ERR_IDENTITY},
        {"issuer a number", "iss", "1", PHI_ERR_IDENTITY},
        {"no sub", "sub", NULL, PHI_ERR_IDENTITY},
        {"empty sub", "sub", "\"\"", PHI_ERR_IDENTITY},
        {"no audience", "aud", NULL, PHI_ERR_IDENTITY},
        {"another audience", "aud", "\"client-2\"", PHI_ERR_IDENTITY},
        {"audience of numbers", "aud", "[1,\"" AUD "\"]", PHI_ERR_IDENTITY},
        {"azp of another app", "azp", "\"client-2\"", PHI_ERR_IDENTITY},
        {"no exp", "exp", NULL, PHI_ERR_IDENTITY},
        {"exp a text", "exp", "\"1700000300\"", PHI_ERR_IDENTITY},
        {"exp now", "exp", "1700000000", PHI_ERR_IDENTITY_EXPIRED},
        {"no iat", "iat", NULL, PHI_ERR_IDENTITY},
        {"iat in 60 s", "iat", "1700000060", PHI_OK},
        {"iat in 61 s", "iat", "1700000061", PHI_ERR_IDENTITY},
        {"nbf in 61 s", "nbf", "1700000061", PHI_ERR_IDENTITY},
        {"iat an hour ago", "iat", "1699996400", PHI_OK},
        {"iat more than an hour ago", "iat", "1699996399", PHI_ERR_IDENTITY_EXPIRED},
        {"no acr", "acr", NULL, PHI_ERR_REAL_NAME},
        {"another acr", "acr", "\"phone\"", PHI_ERR_REAL_NAME},
        {"no amr", "amr", NULL, PHI_ERR_BIOMETRIC},
        {"amr empty", "amr", "[]", PHI_ERR_BIOMETRIC},
        {"amr without biometrics", "amr", "[\"pwd\",\"otp\"]", PHI_ERR_BIOMETRIC},
        {"amr nearly", "amr", "[\"Face\"]", PHI_ERR_BIOMETRIC},
        {"amr a text", "amr", "\"face\"", PHI_ERR_IDENTITY},
        {"no name", "name", NULL, PHI_ERR_IDENTITY},
        {"name with a bar", "name", "\"a|b\"", PHI_ERR_IDENTITY},
        {"name with a control", "name", "\"a\\u0007\"", PHI_ERR_IDENTITY},
        {"no id number", "phi_id_no", NULL, PHI_ERR_IDENTITY},
        {"wrong check digit", "phi_id_no", "\"110105194912310021\"", PHI_ERR_IDENTITY},
        {"no id type", "phi_id_type", NULL, PHI_ERR_IDENTITY},
        {"unknown id type", "phi_id_type", "\"123\"", PHI_ERR_IDENTITY},
        {"no country", "phi_country", NULL, PHI_ERR_IDENTITY},
        {"country not of the document", "phi_country", "\"USA\"", PHI_ERR_IDENTITY},
    };
    (void)state;
    identities_anew();
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_error error = {.code = PHI_OK};
        char *payload = payload_with(cases[i].claim, cases[i].value);
        char *token = sign_with(signer, "k1", "ES256", payload);
        enum phi_err err = check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, &error);
        if (err != cases[i].err)
            fail_msg("case \"%s\": %s at %s", cases[i].name, phi_err_name(err), error.place);
        phi_check(cases[i].name, err == PHI_OK || error.code == err);
        free(payload);
        free(token);
    }
    assert_int_equal(fetches, 1);
}

static void expect(const char *name, char *token, enum phi_err err)
{
    phi_check(name, check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL) == err);
    free(token);
}

static void keys_and_algorithms_are_pinned(void **state)
{
    cjose_err error;
    char *payload = payload_with(NULL, NULL);
    cjose_jwk_t *secret =
        cjose_jwk_create_oct_spec((const uint8_t *)"0123456789abcdef0123456789abcdef", 32, &error);
    (void)state;
    identities_anew();
    expect("good", sign_with(signer, "k1", "ES256", payload), PHI_OK);
    expect("another key of this id", sign_with(stranger, "k1", "ES256", payload), PHI_ERR_IDENTITY);
    expect("no key id", sign_with(signer, NULL, "ES256", payload), PHI_ERR_IDENTITY);
    expect("unknown key id", sign_with(signer, "k2", "ES256", payload), PHI_ERR_IDENTITY);
    expect("a key for encryption", sign_with(signer, "enc", "ES256", payload), PHI_ERR_IDENTITY);
    expect("HS256", sign_with(secret, "k1", "HS256", payload), PHI_ERR_IDENTITY);
    expect("alg none", strdup("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.e30."), PHI_ERR_IDENTITY);
    assert_int_equal(fetches, 1);
    (void)cjose_jwk_release(secret);
    free(payload);
}

static void forms_that_are_no_token_are_refused(void **state)
{
    static const struct {
        const char *name;
        const char *token;
        enum phi_err err;
    } cases[] = {
        {"empty", "", PHI_ERR_IDENTITY_MISSING},
        {"one part", "abc", PHI_ERR_IDENTITY},
        {"two parts", "YQ.YQ", PHI_ERR_IDENTITY},
        {"four parts", "YQ.YQ.YQ.YQ", PHI_ERR_IDENTITY},
        {"empty parts", "..", PHI_ERR_IDENTITY},
        {"not base64url", "e30+.e30.e30", PHI_ERR_IDENTITY},
        {"padding", "e30=.e30.e30", PHI_ERR_IDENTITY},
        {"length of 1 mod 4", "e30aa.e30.e30", PHI_ERR_IDENTITY},
        {"header not an object", "W10.e30.e30", PHI_ERR_IDENTITY},
        {"header empty", "e30.e30.e30", PHI_ERR_IDENTITY},
        {"header not JSON", "YQ.e30.e30", PHI_ERR_IDENTITY},
    };
    char *long_token = calloc(1, PHI_TOKEN_MAX_BYTES + 2);
    (void)state;
    identities_anew();
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  check(cases[i].token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL) == cases[i].err);
    memset(long_token, 'a', PHI_TOKEN_MAX_BYTES + 1);
    assert_int_equal(check(long_token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_ERR_IDENTITY);
    assert_int_equal(fetches, 0);
    free(long_token);
}

static void every_flipped_letter_is_refused(void **state)
{
    char *payload = payload_with(NULL, NULL);
    char *token = sign_with(signer, "k1", "ES256", payload);
    (void)state;
    identities_anew();
    for (size_t i = 0; i < strlen(token); i++) {
        char kept = token[i];
        token[i] = kept == 'B' ? 'C' : 'B';
        assert_int_not_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_OK);
        token[i] = kept;
    }
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_OK);
    free(token);
    free(payload);
}

static char *staff_token(const char *sub)
{
    char payload[512];
    (void)snprintf(payload, sizeof(payload),
                   "{\"iss\":\"" TEST_STAFF "\",\"sub\":\"%s\",\"aud\":\"" AUD "\",\"exp\":%lld,"
                   "\"iat\":%lld,\"amr\":[\"hwk\"]}",
                   sub, (long long)(NOW_S + 60), (long long)NOW_S);
    return sign_with(signer, "k1", "ES256", payload);
}

static void staff_have_their_roles_from_the_registry(void **state)
{
    char *officer = staff_token("officer-1");
    char *other = staff_token("officer-2");
    char *payload = payload_with(NULL, NULL);
    char *citizen = sign_with(signer, "k1", "ES256", payload);
    struct phi_identity identity;
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    const struct phi_identity_ask ask = {phi_view_text(officer), AUD, PHI_IDENTITY_EITHER};
    (void)state;
    identities_anew();
    assert_int_equal(phi_identity_check(identities, &ask, TEST_NOW_US, arena, &identity, NULL),
                     PHI_OK);
    assert_true(identity.is_staff);
    assert_false(identity.has_person);
    assert_true(phi_words_has(&identity.staff->roles, "decide"));
    assert_int_equal(check(officer, PHI_IDENTITY_STAFF, TEST_NOW_US, NULL), PHI_OK);
    assert_int_equal(check(officer, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_ERR_IDENTITY);
    assert_int_equal(check(citizen, PHI_IDENTITY_STAFF, TEST_NOW_US, NULL), PHI_ERR_IDENTITY);
    assert_int_equal(check(other, PHI_IDENTITY_STAFF, TEST_NOW_US, NULL), PHI_ERR_FORBIDDEN);
    phi_arena_free(arena);
    free(officer);
    free(other);
    free(payload);
    free(citizen);
}

static void a_remembered_token_still_expires(void **state)
{
    char *payload = payload_with(NULL, NULL);
    char *token = sign_with(signer, "k1", "ES256", payload);
    (void)state;
    identities_anew();
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US + 290 * 1000000LL, NULL),
                     PHI_OK);
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US + 299 * 1000000LL, NULL),
                     PHI_OK);
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US + 300 * 1000000LL, NULL),
                     PHI_ERR_IDENTITY_EXPIRED);
    free(token);
    free(payload);
}

static void a_suspended_provider_counts_at_once(void **state)
{
    char *payload = payload_with(NULL, NULL);
    char *token = sign_with(signer, "k1", "ES256", payload);
    (void)state;
    identities_anew();
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_OK);
    assert_int_equal(test_put(registry, &owner, "provider:" TEST_CITIZEN, 2,
                              "{\"kind\":\"provider\",\"issuer\":\"" TEST_CITIZEN "\",\"jwksUrl\":"
                              "\"https://id.example/citizens/jwks\",\"serves\":\"citizen\","
                              "\"status\":\"suspended\"}"),
                     PHI_OK);
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_ERR_IDENTITY);
    assert_int_equal(test_put(registry, &owner, "provider:" TEST_CITIZEN, 3,
                              "{\"kind\":\"provider\",\"issuer\":\"" TEST_CITIZEN "\",\"jwksUrl\":"
                              "\"http://id.example/citizens/jwks\",\"serves\":\"citizen\","
                              "\"acr\":\"real-name\"}"),
                     PHI_OK);
    identities_anew();
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_ERR_IDENTITY);
    assert_int_equal(fetches, 0);
    assert_int_equal(test_put(registry, &owner, "provider:" TEST_CITIZEN, 4,
                              "{\"kind\":\"provider\",\"issuer\":\"" TEST_CITIZEN "\",\"jwksUrl\":"
                              "\"https://id.example/citizens/jwks\",\"serves\":\"citizen\","
                              "\"acr\":\"real-name\"}"),
                     PHI_OK);
    free(token);
    free(payload);
}

static void a_provider_that_is_away_is_said(void **state)
{
    char *payload = payload_with(NULL, NULL);
    char *token = sign_with(signer, "k1", "ES256", payload);
    (void)state;
    identities_anew();
    fetch_result = PHI_ERR_NEIGHBOUR;
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_ERR_NEIGHBOUR);
    assert_int_equal(check(token, PHI_IDENTITY_CITIZEN, TEST_NOW_US, NULL), PHI_ERR_NEIGHBOUR);
    assert_int_equal(fetches, 1);
    free(token);
    free(payload);
}

static void addresses_of_keys_are_bounded(void **state)
{
    static const struct {
        const char *url;
        bool in_development;
        bool allowed;
    } cases[] = {
        {"https://id.example/jwks", false, true},
        {"http://id.example/jwks", false, false},
        {"http://id.example/jwks", true, false},
        {"http://127.0.0.1:8190/jwks", true, true},
        {"http://127.0.0.1:8190/jwks", false, false},
        {"http://localhost/jwks", true, true},
        {"http://[::1]:80/jwks", true, true},
        {"http://127.0.0.1.evil.example/", true, false},
        {"http://127.0.0.1@evil.example/", true, false},
        {"https://user@id.example/", false, false},
        {"file:///etc/passwd", true, false},
        {"ftp://127.0.0.1/", true, false},
        {"", true, false},
        {"id.example/jwks", true, false},
    };
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].url, phi_identity_url_is_allowed(
                                    cases[i].url, cases[i].in_development) == cases[i].allowed);
    assert_false(phi_identity_url_is_allowed(NULL, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_citizen_is_known_by_the_token),
        cmocka_unit_test(each_claim_is_checked),
        cmocka_unit_test(keys_and_algorithms_are_pinned),
        cmocka_unit_test(forms_that_are_no_token_are_refused),
        cmocka_unit_test(every_flipped_letter_is_refused),
        cmocka_unit_test(staff_have_their_roles_from_the_registry),
        cmocka_unit_test(a_remembered_token_still_expires),
        cmocka_unit_test(a_suspended_provider_counts_at_once),
        cmocka_unit_test(a_provider_that_is_away_is_said),
        cmocka_unit_test(addresses_of_keys_are_bounded),
    };
    return cmocka_run_group_tests_name("auth: identity", tests, set_up, tear_down);
}
