/* PostgreSQL: a bounded pool of connections, prepared statements by name, typed parameters and
 * rows. One role and one schema per service (design/data.md); the schema is the connection's
 * search_path.
 *
 *   struct phi_store_options options = {.conninfo = "host=/run/pg dbname=phi user=codegen",
 *                                       .schema = "codegen", .pool_size = 8};
 *   PHI_GUARD(phi_store_open(&options, &store, &error));
 *   PHI_GUARD(phi_store_acquire(store, phi_deadline_in_ms(500), &conn));
 *   err = phi_conn_exec(conn, "app_by_id", "SELECT name FROM apps WHERE app_id = $1",
 *                       (struct phi_param[]){PHI_TEXT(app_id)}, 1, &rows, &error);
 *   … phi_rows_text(rows, 0, 0) …; phi_rows_free(rows); phi_store_release(conn);
 *
 * Errors of statements, in `error->text` with the SQLSTATE and never a row's data; `error->place`
 * is the constraint or the statement's name. The same call may succeed later with the last only:
 *   PHI_ERR_CONFLICT  a unique key is taken already (23505)
 *   PHI_ERR_RULE      the data can't be stored: other classes 22 and 23
 *   PHI_ERR_INTERNAL  the statement itself is wrong (42, 0A …)
 *   PHI_ERR_STORE     no connection, time-out, deadlock, shutdown, full disk
 */
#ifndef PHI_STORE_STORE_H
#define PHI_STORE_STORE_H

#include "base/time.h"

struct phi_store; /* any thread */
struct phi_conn;  /* one thread at a time: its borrower's */
struct phi_rows;  /* the answer of one statement; immutable */
struct phi_array; /* one column of many rows, for unnest($n::type[]) */

struct phi_store_options {
    const char *conninfo;         /* libpq's keyword=value text or URI; copied */
    const char *schema;           /* [a-z][a-z0-9_]{0,40}; copied */
    const char *application_name; /* NULL: the schema's name */
    size_t pool_size;             /* 1..64 connections; 0 means 4 */
    int64_t connect_timeout_ms;   /* 0 means 2,000 */
    int64_t statement_timeout_ms; /* 0 means 5,000; also bounds the wait for a server that went
                                     silent */
    bool by_index; /* what is joined is looked up row by row, whatever the planner thinks of a table
                      that was small when a statement was prepared */
};

/* Checks the options (PHI_ERR_CONFIG) and tries one connection. A database that is down is no
 * error: phi_store_is_up says so and connections are tried again, with back-off, as they are asked
 * for. Blocks up to connect_timeout_ms. */
enum phi_err phi_store_open(const struct phi_store_options *options, struct phi_store **out,
                            struct phi_error *error) PHI_MUST_USE;
void phi_store_close(
    struct phi_store *store); /* everything must have been released; NULL is fine */
bool phi_store_is_up(
    const struct phi_store *store); /* what the last use saw; never blocks; any thread */
/* Sees for itself with one round trip, and sets what phi_store_is_up says. Blocks until `deadline`.
 */
enum phi_err phi_store_check(struct phi_store *store, struct phi_deadline deadline) PHI_MUST_USE;
const char *phi_store_schema(const struct phi_store *store);

/* Borrows a connection; waits for a free one, or for a new one while the database is down, until
 * `deadline`: PHI_ERR_OVERLOAD when all stayed busy, PHI_ERR_STORE when none could be opened. */
enum phi_err phi_store_acquire(struct phi_store *store, struct phi_deadline deadline,
                               struct phi_conn **out) PHI_MUST_USE;
/* Gives it back: an open transaction is rolled back, advisory locks are dropped, a broken
 * connection is closed (the pool opens another when needed). NULL is fine. */
void phi_store_release(struct phi_conn *conn);

enum phi_param_kind {
    PHI_P_NULL,
    PHI_P_TEXT,  /* UTF-8 without U+0000, of any type the server reads from text */
    PHI_P_BYTES, /* bytea */
    PHI_P_I64,   /* any integer type, timestamps as µs in bigint columns */
    PHI_P_BOOL,
    PHI_P_ARRAY,
};

struct phi_param {
    enum phi_param_kind kind;
    struct phi_view view; /* borrowed until the call returns */
    int64_t number;
    const struct phi_array *array;
};

#define PHI_NULL ((struct phi_param){.kind = PHI_P_NULL})
/* a C string; NULL gives SQL's NULL */
#define PHI_TEXT(s)        phi_param_text(s)
#define PHI_TEXT_VIEW(v)   ((struct phi_param){.kind = PHI_P_TEXT, .view = (v)})
#define PHI_BYTES(v)       ((struct phi_param){.kind = PHI_P_BYTES, .view = (v)})
#define PHI_BYTES_OF(p, n) ((struct phi_param){.kind = PHI_P_BYTES, .view = phi_view_of((p), (n))})
#define PHI_I64(n)         ((struct phi_param){.kind = PHI_P_I64, .number = (int64_t)(n)})
#define PHI_BOOL(b)        ((struct phi_param){.kind = PHI_P_BOOL, .number = (b) ? 1 : 0})
#define PHI_ARRAY(a)       ((struct phi_param){.kind = PHI_P_ARRAY, .array = (a)})
struct phi_param phi_param_text(const char *text);

#define PHI_PARAMS_MAX 32

/* Runs `sql`, prepared under `name` (1..48 characters) on the first use in each connection; one
 * name is always the same text. At most 256 names a connection, past that PHI_ERR_INTERNAL. `rows`
 * may be NULL; otherwise the caller frees it. Blocks up to the statement time-out plus 0.5 s. */
enum phi_err phi_conn_exec(struct phi_conn *conn, const char *name, const char *sql,
                           const struct phi_param *params, size_t count, struct phi_rows **rows,
                           struct phi_error *error) PHI_MUST_USE;
/* Runs SQL without parameters, possibly several statements. */
enum phi_err phi_conn_script(struct phi_conn *conn, const char *sql,
                             struct phi_error *error) PHI_MUST_USE;

/* READ COMMITTED transactions. A commit that fails with PHI_ERR_STORE may or may not have happened:
 * the caller's own key (an offset, a guard) says which. */
enum phi_err phi_conn_begin(struct phi_conn *conn, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_conn_commit(struct phi_conn *conn, struct phi_error *error) PHI_MUST_USE;
void phi_conn_rollback(struct phi_conn *conn); /* no effect outside a transaction */

/* Rows; columns are counted from 0. A NULL reads as NULL, an empty view, 0 or false. Integers of 2,
 * 4 and 8 bytes and timestamps (µs since 1970) are read by _i64; other types are to be cast in the
 * SQL (::text). Pointers live as long as the rows. */
size_t phi_rows_count(const struct phi_rows *rows);    /* 0 for NULL */
size_t phi_rows_affected(const struct phi_rows *rows); /* rows inserted, updated or deleted */
bool phi_rows_is_null(const struct phi_rows *rows, size_t row, size_t column);
const char *phi_rows_text(const struct phi_rows *rows, size_t row, size_t column);
struct phi_view phi_rows_bytes(const struct phi_rows *rows, size_t row, size_t column);
int64_t phi_rows_i64(const struct phi_rows *rows, size_t row, size_t column);
bool phi_rows_bool(const struct phi_rows *rows, size_t row, size_t column);
void phi_rows_free(struct phi_rows *rows); /* wipes nothing: unseal later, store sealed */

enum phi_column {
    PHI_COLUMN_BYTES, /* bytea[] */
    PHI_COLUMN_TEXT,  /* text[] */
    PHI_COLUMN_I64,   /* bigint[] */
    PHI_COLUMN_BOOL,  /* boolean[] */
};

/* An array parameter, for INSERT … SELECT … FROM unnest($1::bytea[], $2::bigint[]). Where several
 * connections may write the same keys, sort the rows by key and drop doubles first, or they
 * deadlock. */
struct phi_array *
phi_array_new(enum phi_column type); /* NULL when out of memory; the caller frees */
/* PHI_ERR_MEMORY, PHI_ERR_INTERNAL when the kind doesn't fit the type; NULL fits all. Copies. */
enum phi_err phi_array_add(struct phi_array *array, struct phi_param value) PHI_MUST_USE;
size_t phi_array_count(const struct phi_array *array);
void phi_array_free(struct phi_array *array);

#endif
