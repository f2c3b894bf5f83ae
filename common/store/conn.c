#include "store/conn.h"

#include "store/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libpq wants of one call's parameters; numbers and copied texts live in it. */
struct bound {
    const char *values[PHI_PARAMS_MAX];
    int lengths[PHI_PARAMS_MAX];
    int formats[PHI_PARAMS_MAX];
    char numbers[PHI_PARAMS_MAX][24];
    char *copies[PHI_PARAMS_MAX];
};

struct phi_conn *phi_conn_new(PGconn *pg, const struct phi_pg_options *options)
{
    struct phi_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL)
        return NULL;
    conn->pg = pg;
    conn->options = options;
    return conn;
}

void phi_conn_free(struct phi_conn *conn)
{
    if (conn == NULL)
        return;
    for (size_t i = 0; i < PHI_STATEMENT_SLOTS; i++)
        free(conn->statements[i]);
    PQfinish(conn->pg);
    free(conn);
}

static enum phi_err lost(struct phi_conn *conn, const char *place, struct phi_error *error)
{
    conn->is_broken = true;
    return phi_error_set(error, PHI_ERR_STORE, place, "the connection broke or timed out");
}

/* Waits for what was sent; gives the result on success only. */
static enum phi_err await(struct phi_conn *conn, int is_sent, const char *place, PGresult **out,
                          struct phi_error *error)
{
    PGresult *result = NULL;
    if (is_sent == 1)
        result = phi_pg_finish(conn->pg, phi_pg_statement_deadline(conn->options), NULL);
    if (result == NULL)
        return lost(conn, place, error);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
        *out = result;
        return PHI_OK;
    }
    enum phi_err err = phi_pg_error(result, place, error);
    /* a plan or a name that this connection can't use any more: a new connection can */
    if (phi_pg_is_state(result, "0A000") || phi_pg_is_state(result, "26") ||
        PQstatus(conn->pg) == CONNECTION_BAD)
        conn->is_broken = true;
    PQclear(result);
    return err;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 1469598103934665603u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return hash;
}

static struct phi_statement **find_slot(struct phi_conn *conn, const char *name)
{
    size_t slot = hash_text(name) % PHI_STATEMENT_SLOTS;
    while (conn->statements[slot] != NULL && strcmp(conn->statements[slot]->name, name) != 0)
        slot = (slot + 1) % PHI_STATEMENT_SLOTS;
    return &conn->statements[slot];
}

static Oid hint_of(const struct phi_param *param)
{
    switch (param->kind) {
    case PHI_P_BYTES:
        return PHI_PG_OID_BYTEA;
    case PHI_P_I64:
        return PHI_PG_OID_INT8;
    case PHI_P_BOOL:
        return PHI_PG_OID_BOOL;
    case PHI_P_ARRAY:
        return phi_array_oid(phi_array_type(param->array));
    case PHI_P_NULL:
    case PHI_P_TEXT:
        break;
    }
    return 0; /* the server infers it from the statement */
}

static enum phi_err describe(struct phi_conn *conn, struct phi_statement *statement,
                             struct phi_error *error)
{
    PGresult *result = NULL;
    int is_sent = PQsendDescribePrepared(conn->pg, statement->name);
    enum phi_err err = await(conn, is_sent, statement->name, &result, error);
    if (err != PHI_OK)
        return err;
    if ((size_t)PQnparams(result) != statement->count)
        err = phi_error_set(error, PHI_ERR_INTERNAL, statement->name, "wrong number of parameters");
    for (size_t i = 0; err == PHI_OK && i < statement->count; i++)
        statement->types[i] = PQparamtype(result, (int)i);
    PQclear(result);
    return err;
}

static enum phi_err prepare(struct phi_conn *conn, struct phi_statement *statement, const char *sql,
                            const struct phi_param *params, struct phi_error *error)
{
    PGresult *result = NULL;
    for (size_t i = 0; i < statement->count; i++)
        statement->types[i] = hint_of(&params[i]);
    int is_sent =
        PQsendPrepare(conn->pg, statement->name, sql, (int)statement->count, statement->types);
    enum phi_err err = await(conn, is_sent, statement->name, &result, error);
    if (err != PHI_OK)
        return err;
    PQclear(result);
    err = describe(conn, statement, error);
    if (err != PHI_OK)
        conn->is_broken = true; /* the server knows a name that we don't */
    return err;
}

static struct phi_statement *new_statement(const char *name, const char *sql, size_t count)
{
    struct phi_statement *statement = calloc(1, sizeof(*statement));
    if (statement == NULL)
        return NULL;
    snprintf(statement->name, sizeof(statement->name), "%s", name);
    statement->sql_hash = hash_text(sql);
    statement->count = count;
    return statement;
}

static enum phi_err add_statement(struct phi_conn *conn, struct phi_statement **slot,
                                  const char *name, const char *sql, const struct phi_param *params,
                                  size_t count, struct phi_error *error)
{
    if (conn->statement_count >= PHI_STATEMENTS_MAX || strlen(name) > PHI_STATEMENT_NAME)
        return phi_error_set(error, PHI_ERR_INTERNAL, "statement",
                             "too many names, or too long a one");
    struct phi_statement *statement = new_statement(name, sql, count);
    if (statement == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, name, "out of memory");
    enum phi_err err = prepare(conn, statement, sql, params, error);
    if (err != PHI_OK) {
        free(statement);
        return err;
    }
    *slot = statement;
    conn->statement_count++;
    return PHI_OK;
}

/* NULL: `err` says why. */
static const struct phi_statement *get_statement(struct phi_conn *conn, const char *name,
                                                 const char *sql, const struct phi_param *params,
                                                 size_t count, enum phi_err *err,
                                                 struct phi_error *error)
{
    struct phi_statement **slot = find_slot(conn, name);
    if (count > PHI_PARAMS_MAX) {
        *err = phi_error_set(error, PHI_ERR_INTERNAL, name, "too many parameters");
        return NULL;
    }
    if (*slot == NULL)
        *err = add_statement(conn, slot, name, sql, params, count, error);
    if (*slot == NULL || ((*slot)->count == count && (*slot)->sql_hash == hash_text(sql)))
        return *slot;
    *err = phi_error_set(error, PHI_ERR_INTERNAL, name, "one name for two statements");
    return NULL;
}

static void bind_view(struct bound *bound, size_t i, struct phi_view view)
{
    bound->values[i] = view.data ? (const char *)view.data : "";
    bound->lengths[i] = (int)view.len;
    bound->formats[i] = 1;
}

static bool is_text_type(Oid type)
{
    return type == PHI_PG_OID_TEXT || type == PHI_PG_OID_VARCHAR || type == PHI_PG_OID_BPCHAR ||
           type == PHI_PG_OID_NAME || type == PHI_PG_OID_JSON;
}

/* Other types than text read their text form, which libpq wants with an ending zero. */
static enum phi_err bind_text(struct bound *bound, size_t i, struct phi_view view, Oid type)
{
    if (is_text_type(type)) {
        bind_view(bound, i, view);
        return PHI_OK;
    }
    if (view.len > 0 && memchr(view.data, 0, view.len) != NULL)
        return PHI_ERR_RULE;
    bound->copies[i] = calloc(1, view.len + 1);
    if (bound->copies[i] == NULL)
        return PHI_ERR_MEMORY;
    if (view.len > 0)
        memcpy(bound->copies[i], view.data, view.len);
    bound->values[i] = bound->copies[i];
    return PHI_OK;
}

static void bind_number(struct bound *bound, size_t i, const struct phi_param *param, Oid type)
{
    bound->values[i] = bound->numbers[i];
    if (type == PHI_PG_OID_INT8) {
        phi_pg_put_u64((uint8_t *)bound->numbers[i], (uint64_t)param->number);
        bound->lengths[i] = 8;
        bound->formats[i] = 1;
        return;
    }
    snprintf(bound->numbers[i], sizeof(bound->numbers[i]), "%lld", (long long)param->number);
}

static enum phi_err bind_one(struct bound *bound, size_t i, const struct phi_param *param, Oid type)
{
    bound->values[i] = NULL;
    bound->lengths[i] = 0;
    bound->formats[i] = 0;
    bound->copies[i] = NULL;
    if (param->view.len > INT32_MAX / 2)
        return PHI_ERR_RULE;
    switch (param->kind) {
    case PHI_P_NULL:
        return PHI_OK;
    case PHI_P_TEXT:
        return bind_text(bound, i, param->view, type);
    case PHI_P_BYTES:
        bind_view(bound, i, param->view);
        return type == PHI_PG_OID_BYTEA ? PHI_OK : PHI_ERR_INTERNAL;
    case PHI_P_ARRAY:
        bind_view(bound, i, phi_array_view(param->array));
        return type == phi_array_oid(phi_array_type(param->array)) ? PHI_OK : PHI_ERR_INTERNAL;
    case PHI_P_BOOL:
    case PHI_P_I64:
        bind_number(bound, i, param, type);
        return PHI_OK;
    }
    return PHI_ERR_INTERNAL;
}

static enum phi_err exec_bound(struct phi_conn *conn, const struct phi_statement *statement,
                               const struct phi_param *params, struct bound *bound,
                               size_t *bound_count, PGresult **result, struct phi_error *error)
{
    for (; *bound_count < statement->count; (*bound_count)++) {
        enum phi_err err =
            bind_one(bound, *bound_count, &params[*bound_count], statement->types[*bound_count]);
        if (err != PHI_OK)
            return phi_error_set(error, err, statement->name, "parameter %zu", *bound_count + 1);
    }
    int is_sent = PQsendQueryPrepared(conn->pg, statement->name, (int)statement->count,
                                      bound->values, bound->lengths, bound->formats, 1);
    return await(conn, is_sent, statement->name, result, error);
}

enum phi_err phi_conn_exec(struct phi_conn *conn, const char *name, const char *sql,
                           const struct phi_param *params, size_t count, struct phi_rows **rows,
                           struct phi_error *error)
{
    if (conn->is_broken)
        return lost(conn, name, error);
    enum phi_err err = PHI_OK;
    const struct phi_statement *statement =
        get_statement(conn, name, sql, params, count, &err, error);
    if (statement == NULL)
        return err;
    struct bound bound;
    size_t bound_count = 0;
    PGresult *result = NULL;
    err = exec_bound(conn, statement, params, &bound, &bound_count, &result, error);
    for (size_t i = 0; i < bound_count; i++)
        free(bound.copies[i]);
    if (err != PHI_OK)
        return err;
    if (rows != NULL)
        *rows = (struct phi_rows *)result;
    else
        PQclear(result);
    return PHI_OK;
}

enum phi_err phi_conn_script(struct phi_conn *conn, const char *sql, struct phi_error *error)
{
    if (conn->is_broken)
        return lost(conn, "script", error);
    PGresult *result = NULL;
    enum phi_err err = await(conn, PQsendQuery(conn->pg, sql), "script", &result, error);
    if (err == PHI_OK)
        PQclear(result);
    return err;
}

enum phi_err phi_conn_begin(struct phi_conn *conn, struct phi_error *error)
{
    return phi_conn_script(conn, "BEGIN", error);
}

enum phi_err phi_conn_commit(struct phi_conn *conn, struct phi_error *error)
{
    if (conn->is_broken)
        return lost(conn, "commit", error);
    PGresult *result = NULL;
    enum phi_err err = await(conn, PQsendQuery(conn->pg, "COMMIT"), "commit", &result, error);
    if (err != PHI_OK)
        return err;
    /* a failed transaction answers COMMIT with ROLLBACK and no error */
    bool is_kept = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    return is_kept ? PHI_OK
                   : phi_error_set(error, PHI_ERR_STORE, "commit", "the transaction had failed");
}

void phi_conn_rollback(struct phi_conn *conn)
{
    if (conn->is_broken || PQtransactionStatus(conn->pg) == PQTRANS_IDLE)
        return;
    if (phi_conn_script(conn, "ROLLBACK", NULL) != PHI_OK)
        conn->is_broken = true;
}

bool phi_conn_clean(struct phi_conn *conn)
{
    phi_conn_rollback(conn);
    if (conn->has_locks && phi_conn_script(conn, "SELECT pg_advisory_unlock_all()", NULL) != PHI_OK)
        conn->is_broken = true;
    conn->has_locks = false;
    return !conn->is_broken && PQtransactionStatus(conn->pg) == PQTRANS_IDLE;
}

struct phi_param phi_param_text(const char *text)
{
    if (text == NULL)
        return PHI_NULL;
    return PHI_TEXT_VIEW(phi_view_of(text, strlen(text)));
}
