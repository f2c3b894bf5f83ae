/* The one table of a program's configuration, and the connection text that is made of it. */
#include "case.h"
#include "service/parts.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct phi_config_row own_rows[] = {
    {.name = "PHI_OWN", .type = PHI_CONFIG_TEXT, .fallback = "x", .max = 8, .text = "its own"},
};

static size_t count_of(const struct phi_service *service, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < service->row_count; i++)
        count += strcmp(service->rows[i].name, name) == 0;
    return count;
}

static const struct phi_config_row *row_of(const struct phi_service *service, const char *name)
{
    for (size_t i = 0; i < service->row_count; i++)
        if (strcmp(service->rows[i].name, name) == 0)
            return &service->rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void parts_bring_their_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned parts;
        const char *row;
        size_t count;
    } cases[] = {
        {"every program has a database", 0, "PHI_DATABASE", 1},
        {"its own row", 0, "PHI_OWN", 1},
        {"no bus", 0, "PHI_BUS", 0},
        {"a registry has the bus", PHI_PART_REGISTRY, "PHI_BUS", 1},
        {"a registry has its owner", PHI_PART_REGISTRY, "PHI_ACCESS_PUBLIC_FILE", 1},
        {"a relay has the bus", PHI_PART_RELAY, "PHI_BUS", 1},
        {"a relay has no registry", PHI_PART_RELAY, "PHI_ACCESS_PUBLIC_FILE", 0},
        {"both have the bus once", PHI_PART_REGISTRY | PHI_PART_RELAY, "PHI_BUS", 1},
        {"identities", PHI_PART_IDENTITY, "PHI_DEV_HTTP_JWKS", 1},
        {"no identities", PHI_PART_TRUST, "PHI_DEV_HTTP_JWKS", 0},
        {"trust has the nation's bus", PHI_PART_TRUST, "PHI_PLATFORM_BUS", 1},
        {"trust has its owner", PHI_PART_TRUST, "PHI_TRUST_PUBLIC_FILE", 1},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        const struct phi_program program = {.name = "svc-x",
                                            .schema = "x",
                                            .http_port = "8199",
                                            .parts = cases[i].parts,
                                            .rows = own_rows,
                                            .row_count = 1};
        static struct phi_service service;
        memset(&service, 0, sizeof(service));
        service.program = &program;
        phi_service_rows(&service);
        phi_check(cases[i].name, count_of(&service, cases[i].row) == cases[i].count);
    }
}

/* A name twice would leave one of two rows without effect; a secret with a default is none. */
static void rows_are_whole(void **state)
{
    (void)state;
    const struct phi_program program = {
        .name = "svc-x", .schema = "x", .http_port = "8199", .parts = 0xf};
    static struct phi_service service;
    service.program = &program;
    phi_service_rows(&service);
    for (size_t i = 0; i < service.row_count; i++) {
        const struct phi_config_row *row = &service.rows[i];
        phi_check(row->name, count_of(&service, row->name) == 1);
        phi_check(row->name, strncmp(row->name, "PHI_", 4) == 0);
        phi_check(row->name, row->text != NULL && row->unit != NULL);
        phi_check(row->name, row->type != PHI_CONFIG_SECRET || row->fallback == NULL);
        phi_check(row->name,
                  row->type == PHI_CONFIG_BOOL || row->type == PHI_CONFIG_ENUM || row->max > 0);
    }
    assert_string_equal(row_of(&service, "PHI_SCHEMA")->fallback, "x");
    assert_string_equal(row_of(&service, "PHI_HTTP_PORT")->fallback, "8199");
}

static const struct phi_config_row database_rows[] = {
    {.name = "PHI_DATABASE", .type = PHI_CONFIG_TEXT, .min = 1, .max = 1024},
    {.name = "PHI_DATABASE_PASSWORD_FILE", .type = PHI_CONFIG_SECRET, .optional = true},
};

static char *conninfo_with(const char *password)
{
    char path[] = "/tmp/phi-password.XXXXXX";
    struct phi_config *config = NULL;
    struct phi_error error;
    char words[][32] = {"svc-x", "--database", "host=127.0.0.1 user=u", "--database-password-file"};
    char *argv[] = {words[0], words[1], words[2], words[3], path, NULL};
    if (password != NULL) {
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, password, strlen(password)), (ssize_t)strlen(password));
        close(fd);
    }
    assert_int_equal(
        phi_config_load(database_rows, 2, password == NULL ? 3 : 5, argv, &config, &error), PHI_OK);
    char *conninfo = phi_service_conninfo(config);
    assert_non_null(conninfo);
    phi_config_free(config);
    if (password != NULL)
        unlink(path);
    return conninfo;
}

/* libpq itself is asked what it reads. */
static void passwords_are_quoted(void **state)
{
    (void)state;
    static const char *const passwords[] = {
        "plain", "with blank", "it's", "back\\slash", "\\'", "'", "''''''''", "a=b host=evil", "密",
    };
    for (size_t i = 0; i < PHI_COUNT(passwords); i++) {
        char *conninfo = conninfo_with(passwords[i]);
        PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
        phi_check(passwords[i], options != NULL);
        for (PQconninfoOption *option = options; option->keyword != NULL; option++) {
            if (strcmp(option->keyword, "password") == 0)
                assert_string_equal(option->val, passwords[i]);
            if (strcmp(option->keyword, "host") == 0)
                assert_string_equal(option->val, "127.0.0.1");
        }
        PQconninfoFree(options);
        free(conninfo);
    }
}

static void without_a_password_the_text_is_as_given(void **state)
{
    (void)state;
    char *conninfo = conninfo_with(NULL);
    assert_string_equal(conninfo, "host=127.0.0.1 user=u");
    free(conninfo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_bring_their_rows),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(passwords_are_quoted),
        cmocka_unit_test(without_a_password_the_text_is_as_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
