/* What the store's tests share: a schema of their own in the database of tests/tools/with-postgres.
 */
#ifndef PHI_TESTS_UNIT_STORE_FIXTURE_H
#define PHI_TESTS_UNIT_STORE_FIXTURE_H

#include "store/migrate.h"
#include "store/offsets.h"
#include "store/outbox.h"
#include "store/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define assert_ok(expression) assert_int_equal((expression), PHI_OK)

static inline const char *fixture_conninfo(void)
{
    const char *conninfo = getenv("PHI_TEST_DB");
    if (conninfo == NULL) {
        fprintf(stderr, "run me as: tests/tools/with-postgres <program>\n");
        exit(2);
    }
    return conninfo;
}

static inline const char *fixture_dir(void)
{
    return getenv("PHI_TEST_PG_DIR");
}

/* `command` of with-postgres --control: "stop immediate", "start", "pause", "resume" */
static inline void fixture_control(const char *command)
{
    char line[512];
    snprintf(line, sizeof(line), "%s %s", getenv("PHI_TEST_PG"), command);
    int status = system(line);
    if (status != 0)
        fprintf(stderr, "%s: status %d\n", line, status);
}

static const char fixture_ddl[] =
    "CREATE TABLE ledger (serial bytea PRIMARY KEY, holder text NOT NULL);"
    "CREATE TABLE items (id bigint PRIMARY KEY, word text NOT NULL, ok boolean, CHECK (word <> "
    "'bad'));"
    "CREATE TABLE latest (id bytea PRIMARY KEY, version bigint NOT NULL);";

static const struct phi_migration fixture_migrations[] = {
    {1, "lane", phi_lane_ddl},     {2, "requests", phi_requests_ddl},
    {3, "outbox", phi_outbox_ddl}, {4, "offsets", phi_offsets_ddl},
    {5, "fixture", fixture_ddl},
};
#define FIXTURE_MIGRATIONS (sizeof(fixture_migrations) / sizeof(fixture_migrations[0]))

static inline struct phi_store *fixture_open(const char *schema)
{
    struct phi_error error = {0};
    struct phi_store *store = NULL;
    if (phi_migrate(fixture_conninfo(), schema, fixture_migrations, FIXTURE_MIGRATIONS, &error) !=
        PHI_OK)
        fprintf(stderr, "migrate: %s: %s\n", error.place, error.text);
    struct phi_store_options options = {.conninfo = fixture_conninfo(),
                                        .schema = schema,
                                        .pool_size = 4,
                                        .statement_timeout_ms = 4000};
    if (phi_store_open(&options, &store, &error) != PHI_OK)
        fprintf(stderr, "open: %s: %s\n", error.place, error.text);
    return store;
}

static inline struct phi_conn *fixture_conn(struct phi_store *store)
{
    struct phi_conn *conn = NULL;
    assert_ok(phi_store_acquire(store, phi_deadline_in_ms(5000), &conn));
    return conn;
}

/* The first column of the first row of `sql` as a number. */
static inline int64_t fixture_number(struct phi_store *store, const char *name, const char *sql)
{
    struct phi_conn *conn = fixture_conn(store);
    struct phi_rows *rows = NULL;
    assert_ok(phi_conn_exec(conn, name, sql, NULL, 0, &rows, NULL));
    int64_t number = phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    phi_store_release(conn);
    return number;
}

#endif
