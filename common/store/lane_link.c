#include "store/lane_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BACKOFF_MIN_MS 20
#define BACKOFF_MAX_MS 1000
#define SLICE_MS       20
#define PRUNE_EVERY_US (60LL * 1000000)

#define NOW_US_SQL "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

struct text_statement {
    const char *name;
    const char *sql;
};

/* The marker is the transaction's own proof: it is there if and only if the COMMIT happened. A
 * later look puts a row under the same key first, so that a transaction still under way can't
 * commit any more. */
static const struct text_statement own_statements[] = {
    {"mark",
     "INSERT INTO lane_commits (id, is_kept, at_us) VALUES ($1::bytea, true, " NOW_US_SQL ")"},
    {"block",
     "INSERT INTO lane_commits (id, is_kept, at_us) VALUES ($1::bytea, false, " NOW_US_SQL ")"
     " ON CONFLICT (id) DO NOTHING"},
    {"look", "SELECT is_kept FROM lane_commits WHERE id = $1::bytea"},
    {"prune", "DELETE FROM lane_commits WHERE ctid = ANY (ARRAY(SELECT ctid FROM lane_commits"
              " WHERE at_us < " NOW_US_SQL " - 600000000 LIMIT 50000 FOR UPDATE SKIP LOCKED))"},
};

static enum phi_err prepare_await(struct phi_lane *lane, int is_sent, const char *place,
                                  PGresult **out, struct phi_error *error)
{
    PGresult *result = NULL;
    if (is_sent == 1)
        result = phi_pg_finish(lane->pg, phi_pg_statement_deadline(lane->options), &lane->tick);
    if (result != NULL && PQresultStatus(result) == PGRES_COMMAND_OK) {
        *out = result;
        return PHI_OK;
    }
    enum phi_err err = phi_pg_error(result, place, error);
    PQclear(result);
    return err;
}

static enum phi_err prepare_one(struct phi_lane *lane, const char *name, const char *sql, int count,
                                const Oid *types, const char *place, struct phi_error *error)
{
    PGresult *result = NULL;
    int is_sent = PQsendPrepare(lane->pg, name, sql, count, types);
    enum phi_err err = prepare_await(lane, is_sent, place, &result, error);
    PQclear(result);
    return err;
}

static enum phi_err check_one(struct phi_lane *lane, const char *name, size_t params,
                              size_t columns, const char *place, struct phi_error *error)
{
    PGresult *result = NULL;
    enum phi_err err =
        prepare_await(lane, PQsendDescribePrepared(lane->pg, name), place, &result, error);
    if (err != PHI_OK)
        return err;
    if ((size_t)PQnparams(result) != params || (size_t)PQnfields(result) < columns)
        err = phi_error_set(error, PHI_ERR_INTERNAL, place,
                            "parameters or columns don't fit the table");
    PQclear(result);
    return err;
}

static enum phi_err prepare_table(struct phi_lane *lane, size_t i, struct phi_error *error)
{
    const struct phi_lane_table *table = &lane->tables[i];
    enum phi_err err = PHI_OK;
    Oid types[PHI_LANE_COLUMNS_MAX];
    char name[24];
    size_t returned = table->is_guard ? table->key_count : 0;
    for (size_t j = 0; j < table->column_count; j++)
        types[j] = phi_array_oid(table->columns[j]);
    snprintf(name, sizeof(name), "i%zu", i);
    PHI_GUARD(prepare_one(lane, name, table->insert_sql, (int)table->column_count, types,
                          table->name, error));
    PHI_GUARD(check_one(lane, name, table->column_count, returned, table->name, error));
    if (table->fetch_sql == NULL)
        return PHI_OK;
    snprintf(name, sizeof(name), "f%zu", i);
    PHI_GUARD(prepare_one(lane, name, table->fetch_sql, (int)table->key_count, types, table->name,
                          error));
    PHI_GUARD(check_one(lane, name, table->key_count, table->key_count, table->name, error));
out:
    return err;
}

static enum phi_err prepare_all(struct phi_lane *lane, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < sizeof(own_statements) / sizeof(own_statements[0]); i++)
        PHI_GUARD(prepare_one(lane, own_statements[i].name, own_statements[i].sql, 0, NULL,
                              "lane_commits", error));
    for (size_t i = 0; i < lane->table_count; i++)
        PHI_GUARD(prepare_table(lane, i, error));
out:
    return err;
}

enum phi_err phi_lane_connect(struct phi_lane *lane, struct phi_error *error)
{
    struct phi_deadline deadline = phi_deadline_in_ms(lane->options->connect_timeout_ms);
    enum phi_err err = phi_pg_connect(lane->options, deadline, &lane->tick, &lane->pg, error);
    if (err != PHI_OK)
        return err;
    err = prepare_all(lane, error);
    if (err == PHI_OK && PQenterPipelineMode(lane->pg) != 1)
        err = phi_error_set(error, PHI_ERR_INTERNAL, "pipeline", "mode refused");
    if (err != PHI_OK) {
        phi_lane_disconnect(lane);
        return err;
    }
    lane->backoff_ms = 0;
    atomic_store(&lane->is_up, true);
    return PHI_OK;
}

void phi_lane_disconnect(struct phi_lane *lane)
{
    PQfinish(lane->pg);
    lane->pg = NULL;
    lane->op_count = 0;
    lane->is_begun = false;
    atomic_store(&lane->is_up, false);
}

static void sleep_slice(struct phi_lane *lane)
{
    struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    nanosleep(&slice, NULL);
    lane->tick.call(lane->tick.context);
}

static void note_failure(struct phi_lane *lane, const struct phi_error *error)
{
    if (lane->backoff_ms == 0)
        phi_log(PHI_LOG_WARN, "lane_down", PHI_L_WORD("lane", lane->name), PHI_L_DETAIL(error));
    lane->backoff_ms = lane->backoff_ms ? lane->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (lane->backoff_ms > BACKOFF_MAX_MS)
        lane->backoff_ms = BACKOFF_MAX_MS;
    lane->next_try_us = phi_monotonic_us() + lane->backoff_ms * 1000;
}

bool phi_lane_link(struct phi_lane *lane)
{
    if (lane->pg != NULL)
        return true;
    if (phi_monotonic_us() < lane->next_try_us) {
        sleep_slice(lane);
        return false;
    }
    struct phi_error error = {0};
    if (phi_lane_connect(lane, &error) != PHI_OK) {
        note_failure(lane, &error);
        return false;
    }
    phi_counter_add(lane->reconnects, 1);
    phi_log(PHI_LOG_INFO, "lane_up", PHI_L_WORD("lane", lane->name));
    return true;
}

static bool is_lost_state(const PGresult *result)
{
    return phi_pg_is_state(result, "57P0") || phi_pg_is_state(result, "08");
}

static enum phi_lane_outcome outcome_of(struct phi_lane *lane, const PGresult *result)
{
    if (is_lost_state(result) || PQstatus(lane->pg) == CONNECTION_BAD)
        return PHI_LANE_LOST;
    if (phi_pg_is_state(result, "40"))
        return PHI_LANE_AGAIN;
    enum phi_err err = phi_pg_error(result, "lane", &lane->error);
    return err == PHI_ERR_RULE || err == PHI_ERR_CONFLICT ? PHI_LANE_BAD : PHI_LANE_FAILED;
}

/* RETURNING gives the written keys in the order in which they were sent: what is missing was there.
 */
static enum phi_lane_outcome read_guard(struct phi_lane *lane, size_t table, const PGresult *result)
{
    int returned = 0;
    for (size_t i = 0; i < lane->guards.count; i++) {
        const struct phi_lane_ref *ref = lane->guards.sorted[i];
        if (ref->table != table || !ref->is_sent)
            continue;
        if (returned < PQntuples(result) &&
            phi_lane_key_is_row(&lane->tables[table], ref->key, result, returned))
            returned++;
        else
            phi_lane_guards_refuse(lane, i);
    }
    if (returned == PQntuples(result))
        return PHI_LANE_DONE;
    phi_error_set(&lane->error, PHI_ERR_INTERNAL, lane->tables[table].name,
                  "RETURNING does not give the key as it was sent");
    return PHI_LANE_FAILED;
}

static enum phi_lane_outcome read_good(struct phi_lane *lane, struct phi_lane_op op,
                                       PGresult **result)
{
    if (op.kind == PHI_LANE_OP_GUARD)
        return read_guard(lane, op.table, *result);
    if (op.kind == PHI_LANE_OP_FETCH) {
        PQclear(lane->fetched[op.table]);
        lane->fetched[op.table] = *result;
        *result = NULL;
        return PHI_LANE_DONE;
    }
    if (op.kind == PHI_LANE_OP_COMMIT)
        lane->is_commit_seen = strcmp(PQcmdStatus(*result), "COMMIT") == 0;
    return PHI_LANE_DONE;
}

static enum phi_lane_outcome read_op(struct phi_lane *lane, struct phi_lane_op op,
                                     struct phi_deadline deadline, bool had_error)
{
    if (phi_pg_wait(lane->pg, deadline, &lane->tick) != PHI_OK)
        return PHI_LANE_LOST;
    PGresult *result = PQgetResult(lane->pg);
    enum phi_lane_outcome outcome = PHI_LANE_DONE;
    ExecStatusType status = PQresultStatus(result);
    if (result == NULL)
        outcome = PHI_LANE_LOST;
    else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        outcome = had_error ? PHI_LANE_DONE : read_good(lane, op, &result);
    else if (status != PGRES_PIPELINE_ABORTED)
        outcome = outcome_of(lane, result);
    PQclear(result);
    if (outcome == PHI_LANE_LOST)
        return outcome;
    /* the empty answer that ends each statement's results */
    if (phi_pg_wait(lane->pg, deadline, &lane->tick) != PHI_OK)
        return PHI_LANE_LOST;
    PQclear(PQgetResult(lane->pg));
    return outcome;
}

static bool read_sync(struct phi_lane *lane, struct phi_deadline deadline)
{
    if (phi_pg_wait(lane->pg, deadline, &lane->tick) != PHI_OK)
        return false;
    PGresult *result = PQgetResult(lane->pg);
    bool is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    return is_sync;
}

enum phi_lane_outcome phi_lane_exchange(struct phi_lane *lane)
{
    struct phi_deadline deadline = phi_pg_statement_deadline(lane->options);
    enum phi_lane_outcome outcome = PHI_LANE_DONE;
    if (PQpipelineSync(lane->pg) != 1)
        return PHI_LANE_LOST;
    for (size_t i = 0; i < lane->op_count; i++) {
        enum phi_lane_outcome one = read_op(lane, lane->ops[i], deadline, outcome != PHI_LANE_DONE);
        if (one == PHI_LANE_LOST)
            return PHI_LANE_LOST;
        if (outcome == PHI_LANE_DONE)
            outcome = one;
    }
    lane->op_count = 0;
    return read_sync(lane, deadline) ? outcome : PHI_LANE_LOST;
}

static bool send_marked(struct phi_lane *lane, const char *name, enum phi_lane_op_kind kind)
{
    const char *values[] = {(const char *)lane->marker};
    int lengths[] = {PHI_LANE_MARKER_LEN};
    int formats[] = {1};
    if (PQsendQueryPrepared(lane->pg, name, 1, values, lengths, formats, 1) != 1)
        return false;
    lane->ops[lane->op_count++] = (struct phi_lane_op){.kind = kind, .table = 0};
    return true;
}

/* Both statements are one implicit transaction that ends at the sync: only then does the answer
 * count. */
bool phi_lane_resolve(struct phi_lane *lane, bool *is_kept)
{
    if (!phi_lane_link(lane))
        return false;
    bool is_sent = send_marked(lane, "block", PHI_LANE_OP_PLAIN) &&
                   send_marked(lane, "look", PHI_LANE_OP_FETCH);
    if (!is_sent || phi_lane_exchange(lane) != PHI_LANE_DONE) {
        phi_lane_disconnect(lane);
        return false;
    }
    const PGresult *result = lane->fetched[0];
    bool is_there = result != NULL && PQntuples(result) == 1;
    if (is_there)
        *is_kept = phi_pg_read_i64(result, 0, 0) != 0;
    PQclear(lane->fetched[0]);
    lane->fetched[0] = NULL;
    return is_there;
}

static void prune(struct phi_lane *lane)
{
    int64_t now_us = phi_monotonic_us();
    if (now_us < lane->next_prune_us)
        return;
    lane->next_prune_us = now_us + PRUNE_EVERY_US;
    bool is_sent = PQsendQueryPrepared(lane->pg, "prune", 0, NULL, NULL, NULL, 1) == 1;
    lane->ops[lane->op_count++] = (struct phi_lane_op){.kind = PHI_LANE_OP_PLAIN};
    if (!is_sent || phi_lane_exchange(lane) == PHI_LANE_LOST)
        phi_lane_disconnect(lane);
}

void phi_lane_idle(struct phi_lane *lane)
{
    if (lane->pg != NULL && !phi_pg_is_alive(lane->pg))
        phi_lane_disconnect(lane);
    if (phi_lane_link(lane))
        prune(lane);
}
