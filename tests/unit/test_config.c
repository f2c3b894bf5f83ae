#include "case.h"
#include "failing_alloc.h"
#include "freed_marker.h"

#include "base/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char secret_path[128];

static void write_file(const char *name, const char *text, size_t len, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/phi-config-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(secret_path, sizeof(secret_path), "%s/secret", folder);
    write_file("secret", "s3cret\nsecond line\n", 19, 0600);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"secret", "crlf",   "narrow", "bare",  "open",
                                        "empty",  "binary", "long",   "group", "line"};
    for (size_t i = 0; i < PHI_COUNT(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static const struct phi_config_row rows[] = {
    {.name = "PHI_T_NAME",
     .type = PHI_CONFIG_TEXT,
     .fallback = "中文",
     .min = 1,
     .max = 4,
     .text = "a name"},
    {.name = "PHI_T_PORT",
     .type = PHI_CONFIG_INT,
     .fallback = "8101",
     .min = 1,
     .max = 65535,
     .unit = "",
     .text = "a port"},
    {.name = "PHI_T_ON", .type = PHI_CONFIG_BOOL, .fallback = "false", .text = "a switch"},
    {.name = "PHI_T_WAIT",
     .type = PHI_CONFIG_MS,
     .fallback = "500",
     .min = 0,
     .max = 60000,
     .unit = "ms",
     .reloadable = true,
     .text = "a wait"},
    {.name = "PHI_T_SIZE",
     .type = PHI_CONFIG_BYTES,
     .fallback = "65536",
     .min = 1,
     .max = 1 << 20,
     .text = "a size"},
    {.name = "PHI_T_KIND",
     .type = PHI_CONFIG_ENUM,
     .fallback = "logfmt",
     .choices = "logfmt|json",
     .text = "a choice"},
    {.name = "PHI_T_HOSTS",
     .type = PHI_CONFIG_LIST,
     .fallback = "",
     .min = 0,
     .max = 3,
     .text = "some a|b hosts"},
    {.name = "PHI_T_CERT", .type = PHI_CONFIG_FILE, .optional = true, .text = "a file"},
    {.name = "PHI_T_KEY_FILE",
     .type = PHI_CONFIG_SECRET,
     .optional = true,
     .max = 32,
     .text = "a secret"},
    {.name = "PHI_T_URL", .type = PHI_CONFIG_TEXT, .min = 1, .max = 200, .text = "an address"},
    {.name = "PHI_T_SHARDS",
     .type = PHI_CONFIG_INT,
     .min = 1,
     .max = 8,
     .optional = true,
     .text = "an optional number"},
};

static void clear_environment(void)
{
    for (size_t i = 0; i < PHI_COUNT(rows); i++)
        unsetenv(rows[i].name);
}

#define MAX_ARGS 24

/* Loads with the arguments of a text such as "--a b --c=d". */
static enum phi_err load(const char *arguments, struct phi_config **config, struct phi_error *error)
{
    static char words[1024];
    static char program[] = "test";
    char *argv[MAX_ARGS] = {program};
    int argc = 1;
    snprintf(words, sizeof(words), "%s", arguments);
    char *rest = words;
    for (char *word = strsep(&rest, " "); word != NULL && argc < MAX_ARGS;
         word = strsep(&rest, " "))
        if (word[0] != '\0')
            argv[argc++] = word;
    return phi_config_load(rows, PHI_COUNT(rows), argc, argv, config, error);
}

static void defaults(void **state)
{
    (void)state;
    struct phi_config *config = NULL;
    clear_environment();
    assert_int_equal(load("--t-url=x", &config, NULL), PHI_OK);
    assert_string_equal(phi_config_text(config, "PHI_T_NAME"), "中文");
    assert_int_equal(phi_config_int(config, "PHI_T_PORT"), 8101);
    assert_false(phi_config_bool(config, "PHI_T_ON"));
    assert_int_equal(phi_config_int(config, "PHI_T_WAIT"), 500);
    assert_int_equal(phi_config_int(config, "PHI_T_SIZE"), 65536);
    assert_string_equal(phi_config_text(config, "PHI_T_KIND"), "logfmt");
    assert_int_equal(phi_config_list_count(config, "PHI_T_HOSTS"), 0);
    assert_null(phi_config_list_item(config, "PHI_T_HOSTS", 0));
    assert_null(phi_config_text(config, "PHI_T_CERT"));
    assert_null(phi_config_text(config, "PHI_T_KEY_FILE"));
    assert_int_equal(phi_config_int(config, "PHI_T_SHARDS"), 0);
    assert_false(phi_config_wants_help(config));
    assert_false(phi_config_wants_check(config));
    phi_config_free(config);
    phi_config_free(NULL);
}

static void flags_win_over_the_environment(void **state)
{
    (void)state;
    struct phi_config *config = NULL;
    clear_environment();
    setenv("PHI_T_PORT", "1", 1);
    setenv("PHI_T_NAME", "env", 1);
    setenv("PHI_T_KIND", "", 1); /* counts as unset */
    setenv("PHI_T_URL", "http://env", 1);
    setenv("PHI_T_NOBODY", "x", 1); /* another program's */
    assert_int_equal(
        load("--t-port 65535 --t-on true --t-hosts=a,b=c,d --t-url=http://flag?a=b", &config, NULL),
        PHI_OK);
    assert_int_equal(phi_config_int(config, "PHI_T_PORT"), 65535);
    assert_string_equal(phi_config_text(config, "PHI_T_NAME"), "env");
    assert_string_equal(phi_config_text(config, "PHI_T_KIND"), "logfmt");
    assert_string_equal(phi_config_text(config, "PHI_T_URL"), "http://flag?a=b");
    assert_true(phi_config_bool(config, "PHI_T_ON"));
    assert_int_equal(phi_config_list_count(config, "PHI_T_HOSTS"), 3);
    assert_string_equal(phi_config_list_item(config, "PHI_T_HOSTS", 0), "a");
    assert_string_equal(phi_config_list_item(config, "PHI_T_HOSTS", 1), "b=c");
    assert_string_equal(phi_config_list_item(config, "PHI_T_HOSTS", 2), "d");
    assert_null(phi_config_list_item(config, "PHI_T_HOSTS", 3));
    phi_config_free(config);
    unsetenv("PHI_T_NOBODY");
    clear_environment();
}

static void wrong_values_name_the_variable(void **state)
{
    (void)state;
    static const struct {
        const char *name, *arguments, *place;
    } cases[] = {
        {"required", "", "PHI_T_URL"},
        {"text too short", "--t-name=", "PHI_T_NAME"},
        {"text too long", "--t-name=一二三四五", "PHI_T_NAME"},
        {"text not UTF-8", "--t-name=\xFF", "PHI_T_NAME"},
        {"text with a control", "--t-name=a\nb", "PHI_T_NAME"},
        {"number too small", "--t-port=0", "PHI_T_PORT"},
        {"number too large", "--t-port=65536", "PHI_T_PORT"},
        {"number with a letter", "--t-port=80a", "PHI_T_PORT"},
        {"number empty", "--t-port=", "PHI_T_PORT"},
        {"number with a sign", "--t-port=+80", "PHI_T_PORT"},
        {"number past 64 bits", "--t-port=18446744073709551617", "PHI_T_PORT"},
        {"bool yes", "--t-on=yes", "PHI_T_ON"},
        {"bool in capitals", "--t-on=TRUE", "PHI_T_ON"},
        {"bool 1", "--t-on=1", "PHI_T_ON"},
        {"duration with a unit", "--t-wait=5s", "PHI_T_WAIT"},
        {"duration negative", "--t-wait=-1", "PHI_T_WAIT"},
        {"size with a unit", "--t-size=64K", "PHI_T_SIZE"},
        {"choice unknown", "--t-kind=xml", "PHI_T_KIND"},
        {"choice cut", "--t-kind=log", "PHI_T_KIND"},
        {"choice empty", "--t-kind=", "PHI_T_KIND"},
        {"choice both", "--t-kind=logfmt|json", "PHI_T_KIND"},
        {"list too long", "--t-hosts=a,b,c,d", "PHI_T_HOSTS"},
        {"list with an empty item", "--t-hosts=a,,b", "PHI_T_HOSTS"},
        {"list of a comma", "--t-hosts=,", "PHI_T_HOSTS"},
        {"list ends in a comma", "--t-hosts=a,", "PHI_T_HOSTS"},
        {"no such file", "--t-cert=/nowhere/at/all", "PHI_T_CERT"},
        {"a folder for a file", "--t-cert=/tmp", "PHI_T_CERT"},
        {"a device for a file", "--t-cert=/dev/null", "PHI_T_CERT"},
        {"an empty file name", "--t-cert=", "PHI_T_CERT"},
        {"no such secret", "--t-key-file=/nowhere", "PHI_T_KEY_FILE"},
        {"a flag twice", "--t-on=true --t-on=true", "PHI_T_ON"},
        {"a flag without its value", "--t-url=x --t-port", "PHI_T_PORT"},
        {"an unknown flag", "--t-nobody=s3cret", "--t-nobody"},
        {"a cut flag", "--t-por=80", "--t-por"},
        {"a flag in capitals", "--T-PORT=80", "--T-PORT"},
        {"a variable for a flag", "PHI_T_PORT=80", "argv"},
        {"a stray word", "--t-port 80 word", "argv"},
        {"a single dash", "-t", "argv"},
        {"two dashes", "--", "--"},
    };
    clear_environment();
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_config *config = NULL;
        struct phi_error error = {0};
        phi_check(cases[i].name, load(cases[i].arguments, &config, &error) == PHI_ERR_CONFIG);
        phi_check(cases[i].name, config == NULL && error.code == PHI_ERR_CONFIG);
        if (strcmp(error.place, cases[i].place) != 0)
            fail_msg("case \"%s\": place %s", cases[i].name, error.place);
        phi_check(cases[i].name, strlen(error.text) > 0 && strstr(error.text, "s3cret") == NULL);
    }
}

static void secrets_come_from_narrow_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t len;
        mode_t mode;
        const char *secret; /* NULL: refused */
    } cases[] = {
        {"secret", "s3cret\nsecond line\n", 19, 0600, "s3cret"},
        {"crlf", "s3cret\r\n", 8, 0600, "s3cret"},
        {"narrow", "s3cret", 6, 0400, "s3cret"},
        {"bare", "x", 1, 0600, "x"},
        {"group", "s3cret\n", 7, 0640, NULL},
        {"open", "s3cret\n", 7, 0604, NULL},
        {"empty", "", 0, 0600, NULL},
        {"line", "\ns3cret\n", 8, 0600, NULL},
        {"binary", "s3\0cret\n", 8, 0600, NULL},
        {"long", "123456789012345678901234567890123\n", 34, 0600, NULL},
    };
    clear_environment();
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        char arguments[256];
        struct phi_config *config = NULL;
        struct phi_error error = {0};
        write_file(cases[i].name, cases[i].text, cases[i].len, cases[i].mode);
        snprintf(arguments, sizeof(arguments), "--t-url=x --t-key-file=%s/%s", folder,
                 cases[i].name);
        enum phi_err err = load(arguments, &config, &error);
        if (cases[i].secret == NULL) {
            phi_check(cases[i].name, err == PHI_ERR_CONFIG);
            phi_check(cases[i].name, strcmp(error.place, "PHI_T_KEY_FILE") == 0);
            phi_check(cases[i].name, strstr(error.text, "s3cret") == NULL);
            continue;
        }
        phi_check(cases[i].name, err == PHI_OK);
        phi_check(cases[i].name,
                  strcmp(phi_config_text(config, "PHI_T_KEY_FILE"), cases[i].secret) == 0);
        phi_config_free(config);
    }
}

static void secrets_are_wiped(void **state)
{
    (void)state;
    char arguments[256];
    struct phi_config *config = NULL;
    clear_environment();
    write_file("line", phi_marker, sizeof(phi_marker) - 1, 0600);
    snprintf(arguments, sizeof(arguments), "--t-url=x --t-key-file=%s/line", folder);
    phi_marked_frees = 0;
    assert_int_equal(load(arguments, &config, NULL), PHI_OK);
    assert_string_equal(phi_config_text(config, "PHI_T_KEY_FILE"), phi_marker);
    phi_config_free(config);
    assert_int_equal(phi_marked_frees, 0);
}

static void files_are_given_by_name(void **state)
{
    (void)state;
    char arguments[256];
    struct phi_config *config = NULL;
    clear_environment();
    snprintf(arguments, sizeof(arguments), "--t-url=x --t-cert %s", secret_path);
    assert_int_equal(load(arguments, &config, NULL), PHI_OK);
    assert_string_equal(phi_config_text(config, "PHI_T_CERT"), secret_path);
    phi_config_free(config);
}

static void help_checks_nothing(void **state)
{
    (void)state;
    struct phi_config *config = NULL;
    clear_environment();
    assert_int_equal(load("--t-port=bad stray --help", &config, NULL), PHI_OK);
    assert_true(phi_config_wants_help(config));
    phi_config_free(config);
}

static char *printed;
static size_t printed_len;

static FILE *open_print(void)
{
    FILE *to = open_memstream(&printed, &printed_len);
    assert_non_null(to);
    return to;
}

static void check_shows_no_secret(void **state)
{
    (void)state;
    char arguments[256];
    struct phi_config *config = NULL;
    clear_environment();
    setenv("PHI_T_PORT", "99", 1);
    snprintf(arguments, sizeof(arguments), "--check --t-url=x --t-key-file=%s", secret_path);
    assert_int_equal(load(arguments, &config, NULL), PHI_OK);
    assert_true(phi_config_wants_check(config));
    FILE *to = open_print();
    phi_config_print_check(config, to);
    fclose(to);
    assert_string_equal(printed, "PHI_T_NAME=中文  # default\n"
                                 "PHI_T_PORT=99  # environment\n"
                                 "PHI_T_ON=false  # default\n"
                                 "PHI_T_WAIT=500  # default\n"
                                 "PHI_T_SIZE=65536  # default\n"
                                 "PHI_T_KIND=logfmt  # default\n"
                                 "PHI_T_HOSTS=  # default\n"
                                 "PHI_T_CERT=(unset)\n"
                                 "PHI_T_KEY_FILE=(set)  # flag\n"
                                 "PHI_T_URL=x  # flag\n"
                                 "PHI_T_SHARDS=(unset)\n");
    free(printed);
    phi_config_free(config);
    clear_environment();
    struct phi_error error;
    assert_int_equal(load("--check --t-port=0", &config, &error), PHI_ERR_CONFIG);
}

static void help_names_every_flag(void **state)
{
    (void)state;
    FILE *to = open_print();
    phi_config_print_help(rows, PHI_COUNT(rows), "svc-test", "tests things", to);
    fclose(to);
    static const char *const parts[] = {
        "svc-test: tests things\n",
        "\n  --t-port VALUE\n      a port; number, 1 to 65535; default: 8101  [PHI_T_PORT]\n",
        "; duration in ms, 0 to 60000; default: 500; read again on SIGHUP  [PHI_T_WAIT]\n",
        "size in bytes, ",
        "choice, logfmt, json; default: logfmt",
        "a file; file; default: none",
        "an address; text; default: required",
        "\n  --check\n",
        "\n  --help\n",
    };
    for (size_t i = 0; i < PHI_COUNT(parts); i++)
        phi_check(parts[i], strstr(printed, parts[i]) != NULL);
    free(printed);
}

static void markdown_is_a_table(void **state)
{
    (void)state;
    FILE *to = open_print();
    phi_config_print_markdown(rows, PHI_COUNT(rows), "svc-test", to);
    fclose(to);
    static const char *const parts[] = {
        "## svc-test\n\n| variable | type |",
        "\n| `PHI_T_PORT` | number | `8101` | 1 to 65535 |  | no | a port |\n",
        "\n| `PHI_T_WAIT` | duration | `500` | 0 to 60000 | ms | yes | a wait |\n",
        "\n| `PHI_T_KIND` | choice | `logfmt` | logfmt, json |  | no | a choice |\n",
        "\n| `PHI_T_HOSTS` | list | empty | 0 to 3 items |  | no | some a\\|b hosts |\n",
        "\n| `PHI_T_URL` | text | required | 1 to 200 characters |  | no | an address |\n",
        "\n| `PHI_T_KEY_FILE` | secret file | none |  |  | no | a secret |\n",
    };
    for (size_t i = 0; i < PHI_COUNT(parts); i++)
        phi_check(parts[i], strstr(printed, parts[i]) != NULL);
    free(printed);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    char arguments[256];
    clear_environment();
    setenv("PHI_T_NAME", "env", 1);
    snprintf(arguments, sizeof(arguments), "--t-url=x --t-hosts=a,b --t-key-file=%s", secret_path);
    for (size_t n = 1;; n++) {
        struct phi_config *config = NULL;
        struct phi_error error = {0};
        phi_fail_alloc(n);
        enum phi_err err = load(arguments, &config, &error);
        bool failed = phi_alloc_has_failed();
        assert_int_equal(err, failed ? PHI_ERR_MEMORY : PHI_OK);
        assert_int_equal(error.code, err);
        phi_config_free(config);
        if (!failed) {
            assert_true(n > 10);
            break;
        }
    }
    clear_environment();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(flags_win_over_the_environment),
        cmocka_unit_test(wrong_values_name_the_variable),
        cmocka_unit_test(secrets_come_from_narrow_files),
        cmocka_unit_test(secrets_are_wiped),
        cmocka_unit_test(files_are_given_by_name),
        cmocka_unit_test(help_checks_nothing),
        cmocka_unit_test(check_shows_no_secret),
        cmocka_unit_test(help_names_every_flag),
        cmocka_unit_test(markdown_is_a_table),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
