#include "store_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

static const struct phi_migration first[] = {
    {1, "one", "CREATE TABLE one (a int); CREATE TABLE uno (a int)"}};
static const struct phi_migration second[] = {
    {1, "one", "CREATE TABLE one (a int); CREATE TABLE uno (a int)"},
    {2, "two", "INSERT INTO one VALUES (1); ALTER TABLE one ADD b text"},
};

static enum phi_err run(const char *schema, const struct phi_migration *list, size_t count,
                        struct phi_error *error)
{
    return phi_migrate(fixture_conninfo(), schema, list, count, error);
}

static void test_once_and_again(void **state)
{
    (void)state;
    struct phi_error error = {0};
    for (int i = 0; i < 2; i++)
        assert_ok(run("mig_a", first, 1, &error));
    for (int i = 0; i < 2; i++)
        assert_ok(run("mig_a", second, 2, &error));
    struct phi_store *store = NULL;
    struct phi_store_options options = {.conninfo = fixture_conninfo(), .schema = "mig_a"};
    assert_ok(phi_store_open(&options, &store, NULL));
    assert_int_equal(fixture_number(store, "n", "SELECT count(*) FROM one"), 1);
    assert_int_equal(fixture_number(store, "m", "SELECT count(*) FROM migrations"), 2);
    phi_store_close(store);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct phi_migration changed[] = {{1, "one", "CREATE TABLE one (a bigint)"}};
    static const struct phi_migration falling[] = {{2, "x", "SELECT 1"}, {1, "y", "SELECT 1"}};
    static const struct phi_migration broken[] = {
        {1, "good", "CREATE TABLE good (a int)"},
        {2, "broken", "CREATE TABLE half (a int); CREATE TABLE good (a int)"},
    };
    struct phi_error error = {0};
    assert_ok(run("mig_b", second, 2, &error));
    assert_int_equal(run("mig_b", changed, 1, &error),
                     PHI_ERR_CONFIG); /* and older than the schema */
    assert_int_equal(run("mig_b", first, 1, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.text, "the schema is newer than this program");
    assert_ok(run("mig_c", first, 1, &error));
    assert_int_equal(run("mig_c", changed, 1, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.place, "one");
    assert_int_equal(run("mig_d", falling, 2, &error), PHI_ERR_CONFIG);
    assert_int_equal(run("Mig", first, 1, &error), PHI_ERR_CONFIG);
    assert_int_equal(run("mig_e", broken, 2, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.place, "broken");
    struct phi_store *store = NULL;
    struct phi_store_options options = {.conninfo = fixture_conninfo(), .schema = "mig_e"};
    assert_ok(phi_store_open(&options, &store, NULL));
    assert_int_equal(fixture_number(store, "h",
                                    "SELECT count(*) FROM pg_tables WHERE schemaname = 'mig_e'"
                                    " AND tablename IN ('good', 'half')"),
                     1);
    phi_store_close(store);
    assert_int_equal(phi_migrate("host=/nonexistent", "mig_f", first, 1, &error), PHI_ERR_STORE);
}

/* Each process starts from nothing; the slow text makes them overlap. */
static void test_two_processes_at_once(void **state)
{
    (void)state;
    static const struct phi_migration slow[] = {
        {1, "slow", "SELECT pg_sleep(0.3); CREATE TABLE once (a int); INSERT INTO once VALUES (1)"},
        {2, "more", "INSERT INTO once VALUES (2)"},
    };
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(run("mig_g", slow, 2, NULL) == PHI_OK ? 0 : 1);
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        waitpid(children[i], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct phi_store *store = NULL;
    struct phi_store_options options = {.conninfo = fixture_conninfo(), .schema = "mig_g"};
    assert_ok(phi_store_open(&options, &store, NULL));
    assert_int_equal(fixture_number(store, "n", "SELECT count(*) FROM once"), 2);
    phi_store_close(store);
}

/* A service's role without the right to create schemas, in a schema made for it. */
static void test_role_of_one_schema(void **state)
{
    (void)state;
    struct phi_store *store = fixture_open("mig_admin");
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_conn_script(
        conn, "CREATE ROLE mig_role LOGIN; CREATE SCHEMA mig_own AUTHORIZATION mig_role", NULL));
    phi_store_release(conn);
    phi_store_close(store);
    char conninfo[512];
    struct phi_error error = {0};
    snprintf(conninfo, sizeof(conninfo), "%s user=mig_role", fixture_conninfo());
    assert_ok(phi_migrate(conninfo, "mig_own", second, 2, &error));
    assert_int_equal(phi_migrate(conninfo, "mig_other", second, 2, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.text, "SQLSTATE 42501");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_and_again),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_two_processes_at_once),
        cmocka_unit_test(test_role_of_one_schema),
    };
    return cmocka_run_group_tests_name("store_migrate", tests, NULL, NULL);
}
