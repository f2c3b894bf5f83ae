#include "store/pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS              50
#define STATEMENT_GRACE_MS   500
#define EPOCH_2000_US        946684800000000LL
#define CONNECT_DEFAULT_MS   2000
#define STATEMENT_DEFAULT_MS 5000

bool phi_pg_schema_is_valid(const char *schema)
{
    if (schema == NULL || schema[0] < 'a' || schema[0] > 'z')
        return false;
    size_t len = strlen(schema);
    return len <= 41 && strspn(schema, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static enum phi_err check_conninfo(const char *conninfo, struct phi_error *error)
{
    char *why = NULL; /* may quote the text with its password: not passed on */
    PQconninfoOption *parsed = conninfo == NULL ? NULL : PQconninfoParse(conninfo, &why);
    PQfreemem(why);
    if (parsed == NULL)
        return phi_error_set(error, PHI_ERR_CONFIG, "conninfo", "not a connection text of libpq");
    PQconninfoFree(parsed);
    return PHI_OK;
}

enum phi_err phi_pg_options_init(struct phi_pg_options *out, const struct phi_store_options *in,
                                 struct phi_error *error)
{
    memset(out, 0, sizeof(*out));
    if (!phi_pg_schema_is_valid(in->schema))
        return phi_error_set(error, PHI_ERR_CONFIG, "schema", "not a schema's name");
    enum phi_err err = check_conninfo(in->conninfo, error);
    if (err != PHI_OK)
        return err;
    out->conninfo = strdup(in->conninfo);
    out->schema = strdup(in->schema);
    out->application_name = strdup(in->application_name ? in->application_name : in->schema);
    out->connect_timeout_ms =
        in->connect_timeout_ms > 0 ? in->connect_timeout_ms : CONNECT_DEFAULT_MS;
    out->statement_timeout_ms =
        in->statement_timeout_ms > 0 ? in->statement_timeout_ms : STATEMENT_DEFAULT_MS;
    out->by_index = in->by_index;
    if (out->conninfo && out->schema && out->application_name)
        return PHI_OK;
    phi_pg_options_fini(out);
    return phi_error_set(error, PHI_ERR_MEMORY, "", "out of memory");
}

void phi_pg_options_fini(struct phi_pg_options *options)
{
    if (options->conninfo)
        phi_wipe(options->conninfo, strlen(options->conninfo));
    free(options->conninfo);
    free(options->schema);
    free(options->application_name);
    memset(options, 0, sizeof(*options));
}

static PGconn *connect_start(const struct phi_pg_options *options)
{
    char settings[512];
    snprintf(
        settings, sizeof(settings),
        "-c search_path=%s -c statement_timeout=%lld -c idle_in_transaction_session_timeout=10000"
        " -c client_min_messages=warning -c default_transaction_isolation=read\\ committed"
        " -c synchronous_commit=on -c jit=off%s",
        options->schema, (long long)options->statement_timeout_ms,
        options->by_index ? " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
                          : "");
    const char *keywords[] = {
        "dbname",          "application_name",    "options",         "keepalives",
        "keepalives_idle", "keepalives_interval", "client_encoding", NULL};
    const char *values[] = {
        options->conninfo, options->application_name, settings, "1", "10", "5", "UTF8", NULL};
    return PQconnectStartParams(keywords, values, 1);
}

static void drop_notice(void *context, const char *message)
{
    (void)context;
    (void)message; /* notices may quote data */
}

/* One slice of waiting; false only when poll itself failed. */
static bool wait_slice(int fd, short events, struct phi_deadline deadline,
                       const struct phi_pg_tick *tick)
{
    struct pollfd poller = {.fd = fd, .events = events};
    int64_t left_ms = phi_deadline_left_ms(deadline);
    int slice_ms = left_ms + 1 < TICK_MS ? (int)left_ms + 1 : TICK_MS;
    int ready = poll(&poller, 1, slice_ms);
    if (tick != NULL && ready == 0)
        tick->call(tick->context);
    return ready >= 0 || errno == EINTR;
}

/* poll(2) may end by its slice: then the state machine must not be turned. */
static bool is_ready(int fd, short events)
{
    struct pollfd poller = {.fd = fd, .events = events};
    return poll(&poller, 1, 0) > 0;
}

static enum phi_err connect_poll(PGconn *pg, struct phi_deadline deadline,
                                 const struct phi_pg_tick *tick)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        if (status == PGRES_POLLING_FAILED)
            return PHI_ERR_STORE;
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        while (!is_ready(PQsocket(pg), events)) {
            if (phi_deadline_is_past(deadline) || !wait_slice(PQsocket(pg), events, deadline, tick))
                return PHI_ERR_STORE;
        }
        status = PQconnectPoll(pg);
    }
    return PHI_OK;
}

enum phi_err phi_pg_connect(const struct phi_pg_options *options, struct phi_deadline deadline,
                            const struct phi_pg_tick *tick, PGconn **out, struct phi_error *error)
{
    PGconn *pg = connect_start(options);
    if (pg == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "", "out of memory");
    if (PQstatus(pg) == CONNECTION_BAD || connect_poll(pg, deadline, tick) != PHI_OK ||
        PQsetnonblocking(pg, 1) != 0) {
        PQfinish(pg);
        return phi_error_set(error, PHI_ERR_STORE, "connect", "no connection to the database");
    }
    PQsetNoticeProcessor(pg, drop_notice, NULL);
    *out = pg;
    return PHI_OK;
}

enum phi_err phi_pg_wait(PGconn *pg, struct phi_deadline deadline, const struct phi_pg_tick *tick)
{
    for (;;) {
        int unsent = PQflush(pg);
        if (unsent == 0 && !PQisBusy(pg))
            return PHI_OK;
        if (PQstatus(pg) == CONNECTION_BAD)
            return PHI_ERR_STORE;
        if (phi_deadline_is_past(deadline))
            return PHI_ERR_DEADLINE;
        short events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0));
        if (!wait_slice(PQsocket(pg), events, deadline, tick) || PQconsumeInput(pg) == 0)
            return PHI_ERR_STORE;
    }
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

PGresult *phi_pg_finish(PGconn *pg, struct phi_deadline deadline, const struct phi_pg_tick *tick)
{
    PGresult *kept = NULL;
    for (;;) {
        if (phi_pg_wait(pg, deadline, tick) != PHI_OK) {
            PQclear(kept);
            return NULL;
        }
        PGresult *result = PQgetResult(pg);
        if (result == NULL)
            return kept;
        if (kept != NULL && !is_good(kept)) {
            PQclear(result);
            continue;
        }
        PQclear(kept);
        kept = result;
    }
}

/* Whatever a server says unasked is its goodbye, or rare enough to open another connection. */
bool phi_pg_is_alive(PGconn *pg)
{
    return PQstatus(pg) == CONNECTION_OK && !is_ready(PQsocket(pg), POLLIN);
}

struct phi_deadline phi_pg_statement_deadline(const struct phi_pg_options *options)
{
    return phi_deadline_in_ms(options->statement_timeout_ms + STATEMENT_GRACE_MS);
}

bool phi_pg_is_state(const PGresult *result, const char *prefix)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    return state != NULL && strncmp(state, prefix, strlen(prefix)) == 0;
}

static enum phi_err code_of_state(const PGresult *result)
{
    if (phi_pg_is_state(result, "23505"))
        return PHI_ERR_CONFLICT;
    if (phi_pg_is_state(result, "22") || phi_pg_is_state(result, "23"))
        return PHI_ERR_RULE;
    static const char *const ours[] = {"42", "0A", "26", "2F", "34", "39", "3D", "3F", "08P01"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (phi_pg_is_state(result, ours[i]))
            return PHI_ERR_INTERNAL;
    }
    return PHI_ERR_STORE;
}

enum phi_err phi_pg_error(const PGresult *result, const char *place, struct phi_error *error)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (state == NULL)
        return phi_error_set(error, PHI_ERR_STORE, place, "the connection broke");
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    return phi_error_set(error, code_of_state(result), constraint ? constraint : place,
                         "SQLSTATE %s", state);
}

static int64_t sign_extend(uint64_t value, int len)
{
    if (len == 2)
        return (int16_t)value;
    return len == 4 ? (int64_t)(int32_t)value : (int64_t)value;
}

int64_t phi_pg_read_i64(const PGresult *result, int row, int column)
{
    int len = PQgetlength(result, row, column);
    if (PQgetisnull(result, row, column) || len < 1 || len > 8)
        return 0;
    const char *data = PQgetvalue(result, row, column);
    uint64_t value = 0;
    for (int i = 0; i < len; i++)
        value = value << 8 | (uint8_t)data[i];
    Oid type = PQftype(result, column);
    if (type == PHI_PG_OID_TIMESTAMP || type == PHI_PG_OID_TIMESTAMPTZ)
        return sign_extend(value, len) + EPOCH_2000_US;
    return sign_extend(value, len);
}
