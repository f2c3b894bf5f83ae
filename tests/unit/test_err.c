#include "case.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void every_row_is_complete_and_unique(void **state)
{
    (void)state;
    for (enum phi_err err = PHI_OK; err < PHI_ERR_COUNT; err++) {
        const char *name = phi_err_name(err);
        phi_check(name, strlen(name) > 0);
        phi_check(name, strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));
        phi_check(name, strspn(phi_err_return_code(err), "0123456789") == 4);
        phi_check(name, strlen(phi_err_return_code(err)) == 4);
        phi_check(name, strlen(phi_err_text_zh(err)) > 0);
        phi_check(name, strlen(phi_err_text_en(err)) > 0);
        for (enum phi_err other = PHI_OK; other < err; other++) {
            phi_check(name, strcmp(phi_err_name(other), name) != 0);
            phi_check(name, strcmp(phi_err_return_code(other), phi_err_return_code(err)) < 0);
        }
    }
}

static void classes_agree_with_http(void **state)
{
    (void)state;
    for (enum phi_err err = PHI_OK; err < PHI_ERR_COUNT; err++) {
        const char *name = phi_err_name(err);
        int status = phi_err_http_status(err);
        switch (phi_err_return_code(err)[0]) {
        case '0':
        case '2':
            phi_check(name, status == 200);
            break;
        case '1':
        case '3':
        case '4':
            phi_check(name, status >= 400 && status < 500);
            break;
        case '5':
            phi_check(name, phi_err_is_retryable(err));
            break;
        default:
            phi_check(name, status == 500);
        }
        phi_check(name, phi_err_is_verdict(err) == (phi_err_return_code(err)[0] == '2'));
    }
}

static void known_rows(void **state)
{
    (void)state;
    static const struct {
        enum phi_err err;
        const char *name, *code;
        int http;
        bool retryable, verdict;
    } cases[] = {
        {PHI_OK, "ok", "0000", 200, false, false},
        {PHI_ERR_FIELD_VALUE, "field_value", "1006", 400, false, false},
        {PHI_ERR_CODE_EXPIRED, "code_expired", "2003", 200, false, true},
        {PHI_ERR_ISSUER, "issuer", "5004", 200, true, false},
        {PHI_ERR_THROTTLED, "throttled", "5008", 429, true, false},
        {PHI_ERR_INTERNAL, "internal", "9001", 500, false, false},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        phi_check(cases[i].name, strcmp(phi_err_name(cases[i].err), cases[i].name) == 0);
        phi_check(cases[i].name, strcmp(phi_err_return_code(cases[i].err), cases[i].code) == 0);
        phi_check(cases[i].name, phi_err_http_status(cases[i].err) == cases[i].http);
        phi_check(cases[i].name, phi_err_is_retryable(cases[i].err) == cases[i].retryable);
        phi_check(cases[i].name, phi_err_is_verdict(cases[i].err) == cases[i].verdict);
    }
    assert_string_equal(phi_err_text_zh(PHI_ERR_CODE_EXPIRED), "健康码已过期");
    assert_string_equal(phi_err_text_en(PHI_ERR_CODE_EXPIRED), "the code has expired");
}

static void return_codes_lead_back(void **state)
{
    (void)state;
    static const char *const unknown[] = {"", "0", "00000", "8002", "2003 ", "ok", "-001"};
    for (enum phi_err err = PHI_OK; err < PHI_ERR_COUNT; err++)
        phi_check(phi_err_name(err), phi_err_from_return_code(phi_err_return_code(err)) == err);
    for (size_t i = 0; i < PHI_COUNT(unknown); i++)
        phi_check(unknown[i], phi_err_from_return_code(unknown[i]) == PHI_ERR_INTERNAL);
}

static void set_fills_and_returns(void **state)
{
    (void)state;
    struct phi_error error;
    assert_int_equal(phi_error_set(&error, PHI_ERR_FIELD_TYPE, "$.age", "must be %s", "a number"),
                     PHI_ERR_FIELD_TYPE);
    assert_int_equal(error.code, PHI_ERR_FIELD_TYPE);
    assert_string_equal(error.place, "$.age");
    assert_string_equal(error.text, "must be a number");
    assert_int_equal(phi_error_set(NULL, PHI_ERR_IO, "x", "y"), PHI_ERR_IO);
    assert_int_equal(phi_error_set(&error, PHI_ERR_IO, NULL, "y"), PHI_ERR_IO);
    assert_string_equal(error.place, "");
}

static void cut_text_stays_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *name, *tail;
        size_t kept;
    } cases[] = {
        {"three bytes, all fit", "码", 3},
        {"three bytes and one over", "码x", 3},
        {"two bytes", "éé", 2},
        {"four bytes cut", "\xF0\x9F\x98\x80", 0},
        {"ascii", "abcd", 3},
    };
    char place[256];
    struct phi_error error;
    size_t prefix = sizeof(error.place) - 1 - 3;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        memset(place, 'a', prefix);
        snprintf(place + prefix, sizeof(place) - prefix, "%s", cases[i].tail);
        assert_int_equal(phi_error_set(&error, PHI_ERR_IO, place, "x"), PHI_ERR_IO);
        phi_check(cases[i].name, strlen(error.place) == prefix + cases[i].kept);
        phi_check(cases[i].name, memcmp(error.place, place, prefix + cases[i].kept) == 0);
    }
}

static enum phi_err guarded(enum phi_err given, int *steps)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(given);
    (*steps)++;
out:
    return err;
}

static void guard_leaves_at_the_first_failure(void **state)
{
    (void)state;
    int steps = 0;
    assert_int_equal(guarded(PHI_ERR_BUS, &steps), PHI_ERR_BUS);
    assert_int_equal(steps, 0);
    assert_int_equal(guarded(PHI_OK, &steps), PHI_OK);
    assert_int_equal(steps, 1);
}

static void markdown_has_every_code(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    phi_err_print_markdown(to);
    assert_int_equal(fclose(to), 0);
    for (enum phi_err err = PHI_OK; err < PHI_ERR_COUNT; err++) {
        char start[64];
        snprintf(start, sizeof(start), "\n| %s | `%s` | ", phi_err_return_code(err),
                 phi_err_name(err));
        phi_check(phi_err_name(err), strstr(text, start) != NULL);
    }
    assert_non_null(strstr(text, "\n## 2xxx: Verdicts about a code\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete_and_unique),
        cmocka_unit_test(classes_agree_with_http),
        cmocka_unit_test(known_rows),
        cmocka_unit_test(return_codes_lead_back),
        cmocka_unit_test(set_fills_and_returns),
        cmocka_unit_test(cut_text_stays_utf8),
        cmocka_unit_test(guard_leaves_at_the_first_failure),
        cmocka_unit_test(markdown_has_every_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
