#include "store/migrate.h"

#include "store/conn.h"

#include <stdio.h>
#include <string.h>

#define WAIT_MS 60000

static enum phi_err check_list(const struct phi_migration *migrations, size_t count,
                               struct phi_error *error)
{
    int last = 0;
    for (size_t i = 0; i < count; i++) {
        if (migrations[i].number <= last)
            return phi_error_set(error, PHI_ERR_CONFIG, migrations[i].name,
                                 "numbers must rise from 1");
        last = migrations[i].number;
    }
    return PHI_OK;
}

/* Session locks wait for the other process; its work is bounded by the same time-out. */
static enum phi_err lock_schema(struct phi_conn *conn, const char *schema, struct phi_error *error)
{
    conn->has_locks = true;
    return phi_conn_exec(conn, "phi_migrate_lock",
                         "SELECT pg_advisory_lock(hashtextextended('phi.migrate.' || $1, 0))",
                         (struct phi_param[]){PHI_TEXT(schema)}, 1, NULL, error);
}

/* Not CREATE … IF NOT EXISTS alone: that asks for the right to create even when there is nothing to
 * do. */
static enum phi_err make_schema(struct phi_conn *conn, const char *schema, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err =
        phi_conn_exec(conn, "phi_migrate_schema", "SELECT 1 FROM pg_namespace WHERE nspname = $1",
                      (struct phi_param[]){PHI_TEXT(schema)}, 1, &rows, error);
    size_t count = phi_rows_count(rows);
    phi_rows_free(rows);
    if (err != PHI_OK || count > 0)
        return err;
    char sql[96];
    snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", schema);
    return phi_conn_script(conn, sql, error);
}

static enum phi_err make_table(struct phi_conn *conn, struct phi_error *error)
{
    return phi_conn_script(conn,
                           "CREATE TABLE IF NOT EXISTS migrations (number int PRIMARY KEY,"
                           " name text NOT NULL, digest text NOT NULL,"
                           " applied_at timestamptz NOT NULL DEFAULT now())",
                           error);
}

static enum phi_err check_known(struct phi_conn *conn, const struct phi_migration *migrations,
                                size_t count, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err = phi_conn_exec(conn, "phi_migrate_known",
                                     "SELECT max(number) FROM migrations", NULL, 0, &rows, error);
    if (err != PHI_OK)
        return err;
    int64_t newest = phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    int64_t ours = count ? migrations[count - 1].number : 0;
    if (newest > ours)
        return phi_error_set(error, PHI_ERR_CONFIG, "migrations",
                             "the schema is newer than this program");
    return PHI_OK;
}

static enum phi_err find_applied(struct phi_conn *conn, const struct phi_migration *migration,
                                 bool *is_applied, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err =
        phi_conn_exec(conn, "phi_migrate_find",
                      "SELECT digest = encode(sha256(convert_to($2, 'UTF8')), 'hex') FROM "
                      "migrations WHERE number = $1",
                      (struct phi_param[]){PHI_I64(migration->number), PHI_TEXT(migration->sql)}, 2,
                      &rows, error);
    if (err != PHI_OK)
        return err;
    *is_applied = phi_rows_count(rows) > 0;
    bool is_same = phi_rows_bool(rows, 0, 0);
    phi_rows_free(rows);
    if (*is_applied && !is_same)
        return phi_error_set(error, PHI_ERR_CONFIG, migration->name,
                             "the text of migration %d was changed", migration->number);
    return PHI_OK;
}

/* What the server refuses is for the operator to mend, not to be tried again. */
static enum phi_err as_config(enum phi_err err, const char *place, struct phi_error *error)
{
    if (err != PHI_ERR_INTERNAL && err != PHI_ERR_RULE && err != PHI_ERR_CONFLICT)
        return err;
    char why[sizeof(((struct phi_error *)0)->text)] = "refused";
    if (error != NULL)
        snprintf(why, sizeof(why), "%s", error->text);
    return phi_error_set(error, PHI_ERR_CONFIG, place, "%s", why);
}

static enum phi_err apply(struct phi_conn *conn, const struct phi_migration *migration,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(phi_conn_script(conn, migration->sql, error));
    PHI_GUARD(
        phi_conn_exec(conn, "phi_migrate_note",
                      "INSERT INTO migrations (number, name, digest)"
                      " VALUES ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
                      (struct phi_param[]){PHI_I64(migration->number), PHI_TEXT(migration->name),
                                           PHI_TEXT(migration->sql)},
                      3, NULL, error));
    PHI_GUARD(phi_conn_commit(conn, error));
out:
    return as_config(err, migration->name, error);
}

static enum phi_err migrate(struct phi_conn *conn, const char *schema,
                            const struct phi_migration *migrations, size_t count,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(lock_schema(conn, schema, error));
    PHI_GUARD(make_schema(conn, schema, error));
    PHI_GUARD(make_table(conn, error));
    PHI_GUARD(check_known(conn, migrations, count, error));
    for (size_t i = 0; i < count; i++) {
        bool is_applied = false;
        PHI_GUARD(find_applied(conn, &migrations[i], &is_applied, error));
        if (!is_applied)
            PHI_GUARD(apply(conn, &migrations[i], error));
    }
out:
    return as_config(err, schema, error);
}

enum phi_err phi_migrate(const char *conninfo, const char *schema,
                         const struct phi_migration *migrations, size_t count,
                         struct phi_error *error)
{
    enum phi_err err = check_list(migrations, count, error);
    if (err != PHI_OK)
        return err;
    struct phi_store *store = NULL;
    struct phi_conn *conn = NULL;
    struct phi_store_options options = {.conninfo = conninfo,
                                        .schema = schema,
                                        .application_name = "phi-migrate",
                                        .pool_size = 1,
                                        .statement_timeout_ms = WAIT_MS};
    PHI_GUARD(phi_store_open(&options, &store, error));
    err = phi_store_acquire(store, phi_deadline_in_ms(5000), &conn);
    if (err != PHI_OK) {
        err = phi_error_set(error, err, "connect", "no connection to the database");
        goto out;
    }
    err = migrate(conn, schema, migrations, count, error);
out:
    phi_store_release(conn);
    phi_store_close(store);
    return err;
}
