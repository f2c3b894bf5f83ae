/* Signed requests and answers: the header's form, the order of the checks, each change of what was
 * signed. */
#include "auth/signature.h"
#include "case.h"
#include "test_auth_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_key owner;
static struct test_key app;
static struct phi_registry *registry;
static const struct phi_registry_view *view;

static int set_up(void **state)
{
    (void)state;
    test_key_make(&owner);
    test_key_make(&app);
    registry = test_registry(&owner);
    char *json = test_app_json(&app, "active");
    assert_int_equal(test_put(registry, &owner, "app:hz-app", 5, json), PHI_OK);
    free(json);
    view = phi_registry_acquire(registry);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    phi_registry_release(view);
    phi_registry_close(registry);
    test_key_drop(&owner);
    test_key_drop(&app);
    return 0;
}

#define NONCE "0123456789abcdef"
#define SIG86                                                                                      \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SIG  SIG86 "=="
#define HEAD "PHI-SM2-SM3 "
#define A    "app_id=\"hz-app\""
#define K    "key_serial=\"0123456789abcdef\""
#define T    "timestamp=\"1700000000\""
#define N    "nonce=\"" NONCE "\""
#define S    "signature=\"" SIG "\""
#define W32  "abcdefghijklmnopqrstuvwxyz012345"

static void headers_are_read_strictly(void **state)
{
    static const struct {
        const char *name;
        const char *header;
        enum phi_err err;
    } cases[] = {
        {"as written", HEAD A "," K "," T "," N "," S, PHI_OK},
        {"another order", HEAD S "," N "," T "," K "," A, PHI_OK},
        {"blanks after commas", HEAD A ", " K ",\t" T " , " N ", " S, PHI_OK},
        {"app id of 32", HEAD "app_id=\"" W32 "\"," K "," T "," N "," S, PHI_OK},
        {"nonce of 32", HEAD A "," K "," T ",nonce=\"" W32 "\"," S, PHI_OK},
        {"empty", "", PHI_ERR_UNSIGNED},
        {"another scheme", "Bearer abc", PHI_ERR_UNSIGNED},
        {"longer scheme", "PHI-SM2-SM3X " A "," K "," T "," N "," S, PHI_ERR_UNSIGNED},
        {"scheme alone", "PHI-SM2-SM3", PHI_ERR_HEADER},
        {"a parameter missing", HEAD A "," K "," T "," N, PHI_ERR_HEADER},
        {"a parameter twice", HEAD A "," A "," T "," N "," S, PHI_ERR_HEADER},
        {"a parameter more", HEAD A "," K "," T "," N "," S ",x=\"1\"", PHI_ERR_HEADER},
        {"unknown parameter", HEAD "app=\"hz-app\"," K "," T "," N "," S, PHI_ERR_HEADER},
        {"trailing comma", HEAD A "," K "," T "," N "," S ",", PHI_ERR_HEADER},
        {"no quotes", HEAD "app_id=hz-app," K "," T "," N "," S, PHI_ERR_HEADER},
        {"quote not closed", HEAD K "," T "," N "," S ",app_id=\"hz", PHI_ERR_HEADER},
        {"empty app id", HEAD "app_id=\"\"," K "," T "," N "," S, PHI_ERR_HEADER},
        {"app id of 33", HEAD "app_id=\"" W32 "x\"," K "," T "," N "," S, PHI_ERR_HEADER},
        {"app id with a blank", HEAD "app_id=\"hz app\"," K "," T "," N "," S, PHI_ERR_HEADER},
        {"serial too short", HEAD A ",key_serial=\"0123\"," T "," N "," S, PHI_ERR_HEADER},
        {"serial not hex", HEAD A ",key_serial=\"0123456789abcdeg\"," T "," N "," S,
         PHI_ERR_HEADER},
        {"serial upper case", HEAD A ",key_serial=\"0123456789ABCDEF\"," T "," N "," S,
         PHI_ERR_HEADER},
        {"timestamp signed", HEAD A "," K ",timestamp=\"-1\"," N "," S, PHI_ERR_HEADER},
        {"timestamp with zero", HEAD A "," K ",timestamp=\"01700000000\"," N "," S, PHI_ERR_HEADER},
        {"timestamp empty", HEAD A "," K ",timestamp=\"\"," N "," S, PHI_ERR_HEADER},
        {"timestamp too long", HEAD A "," K ",timestamp=\"1700000000000\"," N "," S,
         PHI_ERR_HEADER},
        {"nonce of 15", HEAD A "," K "," T ",nonce=\"0123456789abcde\"," S, PHI_ERR_HEADER},
        {"nonce of 33", HEAD A "," K "," T ",nonce=\"" W32 "x\"," S, PHI_ERR_HEADER},
        {"nonce with a dash", HEAD A "," K "," T ",nonce=\"0123456789abcde-\"," S, PHI_ERR_HEADER},
        {"signature short", HEAD A "," K "," T "," N ",signature=\"AAAA\"", PHI_ERR_HEADER},
        {"signature not base64", HEAD A "," K "," T "," N ",signature=\"!" SIG "\"",
         PHI_ERR_HEADER},
        {"signature spare bits", HEAD A "," K "," T "," N ",signature=\"" SIG86 "=A\"",
         PHI_ERR_HEADER},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_authorization out;
        struct phi_error error = {.code = PHI_OK};
        enum phi_err err = phi_authorization_parse(phi_view_text(cases[i].header), &out, &error);
        phi_check(cases[i].name, err == cases[i].err);
        phi_check(cases[i].name, err == PHI_OK || error.code == err);
    }
    (void)state;
}

static void every_cut_header_is_refused(void **state)
{
    static const char whole[] = HEAD A "," K "," T "," N "," S;
    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        struct phi_authorization out;
        /* an own copy, so that a read past its end is seen */
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, whole, len);
        assert_int_not_equal(phi_authorization_parse(phi_view_of(cut, len), &out, NULL), PHI_OK);
        free(cut);
    }
}

static void a_header_past_its_bound_is_refused(void **state)
{
    char header[PHI_AUTHORIZATION_MAX + 2];
    struct phi_authorization out;
    (void)state;
    memset(header, ' ', sizeof(header));
    memcpy(header, HEAD, sizeof(HEAD) - 1);
    assert_int_equal(phi_authorization_parse(phi_view_of(header, sizeof(header) - 1), &out, NULL),
                     PHI_ERR_HEADER);
}

struct change {
    const char *name;
    const char *method;
    const char *target;
    const char *body;
    int64_t later_s;
    enum phi_err err;
};

static void requests_verify_as_they_were_signed(void **state)
{
    static const struct change cases[] = {
        {"the same", "POST", "/v1/codes?x=%20", "{}", 0, PHI_OK},
        {"60 s later", "POST", "/v1/codes?x=%20", "{}", 60, PHI_OK},
        {"60 s earlier", "POST", "/v1/codes?x=%20", "{}", -60, PHI_OK},
        {"61 s later", "POST", "/v1/codes?x=%20", "{}", 61, PHI_ERR_TIMESTAMP},
        {"61 s earlier", "POST", "/v1/codes?x=%20", "{}", -61, PHI_ERR_TIMESTAMP},
        {"another method", "GET", "/v1/codes?x=%20", "{}", 0, PHI_ERR_SIGNATURE},
        {"another path", "POST", "/v1/code?x=%20", "{}", 0, PHI_ERR_SIGNATURE},
        {"query decoded", "POST", "/v1/codes?x= ", "{}", 0, PHI_ERR_SIGNATURE},
        {"another body", "POST", "/v1/codes?x=%20", "{ }", 0, PHI_ERR_SIGNATURE},
        {"no body", "POST", "/v1/codes?x=%20", "", 0, PHI_ERR_SIGNATURE},
        {"key no longer in force", "POST", "/v1/codes?x=%20", "{}", 5000000, PHI_ERR_APP_UNKNOWN},
    };
    struct phi_authorization_made made;
    assert_int_equal(phi_authorization_make(app.private_key, "hz-app", "POST", "/v1/codes?x=%20",
                                            phi_view_text("{}"), TEST_NOW_US, &made),
                     PHI_OK);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_signature_caller caller;
        const struct phi_signature_request request = {cases[i].method, cases[i].target,
                                                      phi_view_text(made.header),
                                                      phi_view_text(cases[i].body)};
        enum phi_err err = phi_signature_verify(
            view, &request, TEST_NOW_US + cases[i].later_s * 1000000, &caller, NULL);
        phi_check(cases[i].name, err == cases[i].err);
        phi_check(cases[i].name,
                  err != PHI_OK || strcmp(caller.authorization.nonce, made.nonce) == 0);
        phi_check(cases[i].name, err != PHI_OK || strcmp(caller.app->client_id, "client-1") == 0);
    }
    (void)state;
}

static enum phi_err verify_as(const struct test_key *key, const char *app_id,
                              const struct phi_registry_view *in,
                              struct phi_signature_caller *caller)
{
    struct phi_authorization_made made;
    assert_int_equal(phi_authorization_make(key->private_key, app_id, "GET", "/v1/codes/uses",
                                            phi_view_text(""), TEST_NOW_US, &made),
                     PHI_OK);
    const struct phi_signature_request request = {"GET", "/v1/codes/uses",
                                                  phi_view_text(made.header), phi_view_text("")};
    return phi_signature_verify(in, &request, TEST_NOW_US, caller, NULL);
}

static void strangers_and_suspended_apps_are_told_apart(void **state)
{
    struct phi_signature_caller caller;
    struct test_key stranger;
    (void)state;
    test_key_make(&stranger);
    assert_int_equal(verify_as(&app, "hz-app", view, &caller), PHI_OK);
    assert_int_equal(verify_as(&app, "other-app", view, &caller), PHI_ERR_APP_UNKNOWN);
    assert_int_equal(verify_as(&stranger, "hz-app", view, &caller), PHI_ERR_APP_UNKNOWN);
    char *json = test_app_json(&app, "suspended");
    assert_int_equal(test_put(registry, &owner, "app:hz-app", 6, json), PHI_OK);
    free(json);
    const struct phi_registry_view *later = phi_registry_acquire(registry);
    caller.app = NULL;
    assert_int_equal(verify_as(&app, "hz-app", later, &caller), PHI_ERR_APP_SUSPENDED);
    assert_non_null(caller.app);
    assert_int_equal(verify_as(&stranger, "hz-app", later, &caller), PHI_ERR_APP_UNKNOWN);
    assert_int_equal(verify_as(&app, "hz-app", view, &caller), PHI_OK);
    phi_registry_release(later);
    test_key_drop(&stranger);
}

/* The key's serial is claimed, but another key signed. */
static void a_borrowed_serial_does_not_help(void **state)
{
    struct phi_authorization_made made;
    struct phi_signature_caller caller;
    struct test_key stranger;
    (void)state;
    test_key_make(&stranger);
    assert_int_equal(phi_authorization_make(stranger.private_key, "hz-app", "GET", "/",
                                            phi_view_text(""), TEST_NOW_US, &made),
                     PHI_OK);
    memcpy(strstr(made.header, stranger.serial), app.serial, 16);
    const struct phi_signature_request request = {"GET", "/", phi_view_text(made.header),
                                                  phi_view_text("")};
    assert_int_equal(phi_signature_verify(view, &request, TEST_NOW_US, &caller, NULL),
                     PHI_ERR_SIGNATURE);
    test_key_drop(&stranger);
}

static void an_app_id_that_is_no_word_is_not_signed_for(void **state)
{
    struct phi_authorization_made made;
    (void)state;
    assert_int_equal(phi_authorization_make(app.private_key, "a\"b", "GET", "/", phi_view_text(""),
                                            TEST_NOW_US, &made),
                     PHI_ERR_HEADER);
}

static void answers_verify_as_they_were_signed(void **state)
{
    static const struct {
        const char *name;
        const char *body;
        const char *sent_nonce;
        int64_t later_s;
        int status;
        enum phi_err err;
    } cases[] = {
        {"the same", "{\"a\":1}", NONCE, 0, 200, PHI_OK},
        {"another status", "{\"a\":1}", NONCE, 0, 201, PHI_ERR_SIGNATURE},
        {"another body", "{\"a\":2}", NONCE, 0, 200, PHI_ERR_SIGNATURE},
        {"another nonce was sent", "{\"a\":1}", "fedcba9876543210", 0, 200, PHI_ERR_HEADER},
        {"an old answer", "{\"a\":1}", NONCE, 61, 200, PHI_ERR_TIMESTAMP},
    };
    struct phi_answer_signature answer;
    struct phi_sm2_public *key = NULL;
    (void)state;
    assert_int_equal(phi_sm2_public_new(app.xy, &key), PHI_OK);
    assert_int_equal(phi_signature_answer(app.private_key, app.serial, 200, TEST_NOW_US, NONCE,
                                          phi_view_text("{\"a\":1}"), &answer),
                     PHI_OK);
    assert_string_equal(answer.timestamp, "1700000000");
    assert_string_equal(answer.key_serial, app.serial);
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  phi_signature_check_answer(key, cases[i].status, answer.timestamp, answer.nonce,
                                             answer.signature, cases[i].sent_nonce,
                                             TEST_NOW_US + cases[i].later_s * 1000000,
                                             phi_view_text(cases[i].body), NULL) == cases[i].err);
    assert_int_equal(phi_signature_check_answer(key, 200, NULL, answer.nonce, answer.signature,
                                                NONCE, TEST_NOW_US, phi_view_text(""), NULL),
                     PHI_ERR_HEADER);
    assert_int_equal(phi_signature_check_answer(key, 200, answer.timestamp, answer.nonce, NULL,
                                                NONCE, TEST_NOW_US, phi_view_text(""), NULL),
                     PHI_ERR_HEADER);
    phi_sm2_public_free(key);
}

#define TOGETHER 70 /* more than a batch */

/* Each row as the single call would have it, wherever the bad ones stand. */
static void requests_verified_together_have_their_own_results(void **state)
{
    static struct phi_signature_check checks[TOGETHER];
    static struct phi_authorization_made made[TOGETHER];
    (void)state;
    for (size_t i = 0; i < TOGETHER; i++) {
        const char *body = i % 7 == 3 ? "{ }" : "{}";
        assert_int_equal(phi_authorization_make(app.private_key, "hz-app", "POST", "/v1/codes",
                                                phi_view_text("{}"), TEST_NOW_US, &made[i]),
                         PHI_OK);
        checks[i] = (struct phi_signature_check){
            .view = view,
            .request = {"POST", "/v1/codes",
                        i % 7 == 5 ? phi_view_text("") : phi_view_text(made[i].header),
                        phi_view_text(body)},
            .now_us = TEST_NOW_US + (i % 7 == 6 ? 61000000 : 0)};
    }
    phi_signature_verify_batch(checks, TOGETHER);
    for (size_t i = 0; i < TOGETHER; i++) {
        static const enum phi_err expected[7] = {
            [3] = PHI_ERR_SIGNATURE, [5] = PHI_ERR_UNSIGNED, [6] = PHI_ERR_TIMESTAMP};
        assert_int_equal(checks[i].result, expected[i % 7]);
        assert_int_equal(checks[i].error.code, expected[i % 7]);
        assert_int_equal(checks[i].caller.app != NULL, expected[i % 7] == PHI_OK);
        if (checks[i].result == PHI_OK)
            assert_string_equal(checks[i].caller.authorization.nonce, made[i].nonce);
    }
}

static void answers_signed_together_verify_alone(void **state)
{
    static struct phi_signature_reply replies[TOGETHER];
    static char bodies[TOGETHER][16];
    struct phi_sm2_public *key = NULL;
    (void)state;
    assert_int_equal(phi_sm2_public_new(app.xy, &key), PHI_OK);
    for (size_t i = 0; i < TOGETHER; i++) {
        snprintf(bodies[i], sizeof(bodies[i]), "{\"n\":%zu}", i);
        replies[i] = (struct phi_signature_reply){.status = i % 2 ? 200 : 409,
                                                  .now_us = TEST_NOW_US,
                                                  .nonce = NONCE,
                                                  .body = phi_view_text(bodies[i])};
    }
    phi_signature_answer_batch(app.private_key, app.serial, replies, TOGETHER);
    for (size_t i = 0; i < TOGETHER; i++) {
        const struct phi_answer_signature *s = &replies[i].signature;
        const struct phi_view other = phi_view_text(bodies[(i + 1) % TOGETHER]);
        assert_int_equal(replies[i].result, PHI_OK);
        assert_int_equal(phi_signature_check_answer(key, replies[i].status, s->timestamp, s->nonce,
                                                    s->signature, NONCE, TEST_NOW_US,
                                                    replies[i].body, NULL),
                         PHI_OK);
        assert_int_equal(phi_signature_check_answer(key, replies[i].status, s->timestamp, s->nonce,
                                                    s->signature, NONCE, TEST_NOW_US, other, NULL),
                         PHI_ERR_SIGNATURE);
    }
    phi_sm2_public_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_strictly),
        cmocka_unit_test(every_cut_header_is_refused),
        cmocka_unit_test(a_header_past_its_bound_is_refused),
        cmocka_unit_test(requests_verify_as_they_were_signed),
        cmocka_unit_test(a_borrowed_serial_does_not_help),
        cmocka_unit_test(an_app_id_that_is_no_word_is_not_signed_for),
        cmocka_unit_test(answers_verify_as_they_were_signed),
        cmocka_unit_test(strangers_and_suspended_apps_are_told_apart),
        cmocka_unit_test(requests_verified_together_have_their_own_results),
        cmocka_unit_test(answers_signed_together_verify_alone),
    };
    return cmocka_run_group_tests_name("auth: signature", tests, set_up, tear_down);
}
