#include "case.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int pipe_fds[2];
static char output[8192];

static int open_pipe(void **state)
{
    (void)state;
    return pipe2(pipe_fds, O_NONBLOCK);
}

static int close_pipe(void **state)
{
    (void)state;
    phi_log_set_request(NULL);
    phi_log_open("phi", PHI_LOG_LOGFMT, PHI_LOG_INFO, STDERR_FILENO);
    return close(pipe_fds[0]) | close(pipe_fds[1]);
}

/* What was written since the last look. */
static const char *written(void)
{
    ssize_t len = read(pipe_fds[0], output, sizeof(output) - 1);
    output[len > 0 ? len : 0] = '\0';
    return output;
}

/* The line behind its time, which is checked on the way. */
static const char *line_after(const char *before, const char *after)
{
    const char *line = written();
    assert_memory_equal(line, before, strlen(before));
    const char *time = line + strlen(before);
    const char *end = strstr(time, after);
    assert_non_null(end);
    int64_t time_us = 0;
    assert_int_equal(phi_rfc3339_parse(phi_view_of(time, (size_t)(end - time)), &time_us), PHI_OK);
    assert_true(phi_clock_now_us(NULL) - time_us < 60000000);
    return end + strlen(after);
}

static void logfmt_lines(void **state)
{
    (void)state;
    phi_log_open("svc-test", PHI_LOG_LOGFMT, PHI_LOG_INFO, pipe_fds[1]);
    phi_log(PHI_LOG_INFO, "ready", PHI_L_WORD("address", "127.0.0.1"), PHI_L_INT("port", 8101));
    assert_string_equal(line_after("time=", " "),
                        "level=info service=svc-test event=ready address=127.0.0.1 port=8101\n");
    phi_log(PHI_LOG_ERROR, "lost", PHI_L_ERR(PHI_ERR_BUS), PHI_L_INT("n", INT64_MIN));
    assert_string_equal(line_after("time=", " "),
                        "level=error service=svc-test event=lost err=bus n=-9223372036854775808\n");
    phi_log(PHI_LOG_WARN, "two words", PHI_L_WORD("why", "it can't"), PHI_L_WORD("a", "b=c"));
    assert_string_equal(
        line_after("time=", " "),
        "level=warn service=svc-test event=\"two words\" why=\"it can't\" a=\"b=c\"\n");
    phi_log_write(PHI_LOG_INFO, "bare", NULL, 0);
    assert_string_equal(line_after("time=", " "), "level=info service=svc-test event=bare\n");
}

static void json_lines(void **state)
{
    (void)state;
    phi_log_open("svc-test", PHI_LOG_JSON, PHI_LOG_DEBUG, pipe_fds[1]);
    phi_log_set_request("0a1b");
    phi_log(PHI_LOG_DEBUG, "ready", PHI_L_WORD("address", "a b"), PHI_L_INT("port", -1));
    assert_string_equal(line_after("{\"time\":\"", "\","),
                        "\"level\":\"debug\",\"service\":\"svc-test\",\"event\":\"ready\","
                        "\"request\":\"0a1b\",\"address\":\"a b\",\"port\":-1}\n");
    phi_log_set_request(NULL);
    phi_log_write(PHI_LOG_INFO, "bare", NULL, 0);
    assert_string_equal(line_after("{\"time\":\"", "\","),
                        "\"level\":\"info\",\"service\":\"svc-test\",\"event\":\"bare\"}\n");
}

static void details_pass_the_sieve(void **state)
{
    (void)state;
    struct phi_error error;
    phi_log_open("svc-test", PHI_LOG_LOGFMT, PHI_LOG_INFO, pipe_fds[1]);
    assert_int_equal(phi_error_set(&error, PHI_ERR_CONFIG, "PHI_X", "must be %d to %d", 1, 2),
                     PHI_ERR_CONFIG);
    phi_log(PHI_LOG_ERROR, "stop", PHI_L_DETAIL(&error));
    assert_string_equal(line_after("time=", " "),
                        "level=error service=svc-test event=stop err=config place=PHI_X "
                        "text=\"must be 1 to 2\"\n");
    assert_int_equal(
        phi_error_set(&error, PHI_ERR_FIELD_UNKNOWN, "$.张三", "id 110105194912310021"),
        PHI_ERR_FIELD_UNKNOWN);
    phi_log(PHI_LOG_ERROR, "stop", PHI_L_DETAIL(&error));
    assert_string_equal(line_after("time=", " "),
                        "level=error service=svc-test event=stop err=field_unknown place=redacted "
                        "text=redacted\n");
    error.text[0] = error.place[0] = '\0';
    error.code = (enum phi_err)12345;
    phi_log(PHI_LOG_ERROR, "stop", PHI_L_DETAIL(&error), PHI_L_DETAIL(NULL));
    assert_string_equal(line_after("time=", " "),
                        "level=error service=svc-test event=stop err=internal\n");
}

static void personal_words_are_redacted_wherever_they_stand(void **state)
{
    (void)state;
    phi_log_open("张三", PHI_LOG_LOGFMT, PHI_LOG_INFO, pipe_fds[1]);
    phi_log_set_request("11010519491231002X");
    phi_log(PHI_LOG_INFO, "张三", PHI_L_WORD("name", "张三"), PHI_L_WORD("none", NULL),
            PHI_L_WORD("quote", "a\" level=error"), PHI_L_WORD("line", "a\nb"));
    assert_string_equal(line_after("time=", " "),
                        "level=info service=phi event=redacted request=redacted name=redacted "
                        "none=redacted quote=redacted line=redacted\n");
}

static void low_levels_are_silent(void **state)
{
    (void)state;
    phi_log_open("svc-test", PHI_LOG_LOGFMT, PHI_LOG_WARN, pipe_fds[1]);
    phi_log_write(PHI_LOG_INFO, "quiet", NULL, 0);
    phi_log_write(PHI_LOG_DEBUG, "quiet", NULL, 0);
    assert_string_equal(written(), "");
    phi_log_write(PHI_LOG_WARN, "loud", NULL, 0);
    assert_true(strlen(written()) > 0);
}

static void a_long_line_is_cut_between_fields(void **state)
{
    (void)state;
    struct phi_log_field fields[40];
    static const char word[] =
        "abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.abc.";
    for (size_t i = 0; i < PHI_COUNT(fields); i++)
        fields[i] = PHI_L_WORD("key", word);
    static const struct {
        const char *name;
        enum phi_log_format format;
        const char *end;
    } cases[] = {
        {"logfmt", PHI_LOG_LOGFMT, "abc. cut=true\n"},
        {"json", PHI_LOG_JSON, "abc.\",\"cut\":true}\n"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        phi_log_open("svc-test", cases[i].format, PHI_LOG_INFO, pipe_fds[1]);
        phi_log_write(PHI_LOG_INFO, "long", fields, PHI_COUNT(fields));
        const char *line = written();
        size_t end = strlen(line) - strlen(cases[i].end);
        phi_check(cases[i].name, strlen(line) > 1800 && strlen(line) < 2048);
        phi_check(cases[i].name, strcmp(line + end, cases[i].end) == 0);
        phi_check(cases[i].name, strchr(line, '\n') == line + strlen(line) - 1);
    }
}

static void writing_changes_no_errno_and_survives_a_full_pipe(void **state)
{
    (void)state;
    phi_log_open("svc-test", PHI_LOG_LOGFMT, PHI_LOG_INFO, pipe_fds[1]);
    errno = ENOTTY;
    for (size_t i = 0; i < 2000; i++)
        phi_log_write(PHI_LOG_INFO, "full", NULL, 0);
    assert_int_equal(errno, ENOTTY);
    phi_log_open("svc-test", PHI_LOG_LOGFMT, PHI_LOG_INFO, -1);
    phi_log_write(PHI_LOG_INFO, "nowhere", NULL, 0);
    assert_int_equal(errno, ENOTTY);
}

#define TEN "aaaaaaaaaa"
#define W24 "abc.abc.abc.abc.abc.abc."

static void the_redaction_rule(void **state)
{
    (void)state;
    static const struct {
        const char *name, *word;
        bool safe;
    } cases[] = {
        {"a word", "partition", true},
        {"an address", "192.168.100.200:8101", true},
        {"a topic", "phi.declare.v1", true},
        {"a UUID", "0f8fad5b-d9cb-469f-a165-70867728950e", true},
        {"a time", "2026-11-21T08:00:00.123456+08:00", true},
        {"a 32 letter hex id", "0123456789abcdef0123456789abcdef", true},
        {"a sentence", "can't open: no such file (2)", true},
        {"14 digits", "20261121080000", true},
        {"39 letters", TEN TEN TEN "aaaaaaaaa", true},
        {"96 characters", W24 W24 W24 W24, true},
        {"97 characters", W24 W24 W24 W24 ".", false},
        {"empty", "", false},
        {"15 digits", "110105491231002", false},
        {"an id number", "11010519491231002X", false},
        {"an id number in spaces", "110105 19491231 002X", false},
        {"an id number in dashes", "110105-19491231-002X", false},
        {"an id number in spaces and dashes", "110105 - 1949-1231 002X", false},
        {"an id number in a sentence", "for 110105194912310021 twice", false},
        {"40 letters", TEN TEN TEN TEN, false},
        {"an SM3 digest", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
         false},
        {"base64", "abc+abc/abc=abc+abc/abc=abc+abc/abc=abc+", false},
        {"base64 for URLs", "abc-abc_abc-abc_abc-abc_abc-abc_abc-abc_", false},
        {"base32", "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZ", false},
        {"a name", "张三", false},
        {"a name in Latin 1", "Ren\xE9", false},
        {"a quote", "a\"b", false},
        {"a backslash", "a\\b", false},
        {"a line end", "a\n", false},
        {"a tab", "a\tb", false},
        {"an escape", "\x1B[0m", false},
        {"DEL", "\x7F", false},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name, phi_log_word_is_safe(cases[i].word) == cases[i].safe);
    assert_false(phi_log_word_is_safe(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logfmt_lines, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(json_lines, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(details_pass_the_sieve, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(personal_words_are_redacted_wherever_they_stand, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(low_levels_are_silent, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut_between_fields, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(writing_changes_no_errno_and_survives_a_full_pipe,
                                        open_pipe, close_pipe),
        cmocka_unit_test(the_redaction_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
