/* Group commit. A lane is one thread with one connection; many requests hand it their rows and it
 * writes up to `batch_max` of them in one transaction, telling each its own outcome after the
 * COMMIT.
 *
 *   static const struct phi_lane_table tables[] = {PHI_LANE_NONCES, PHI_LANE_IDEMPOTENCY,
 *       {.name = "codes", .columns = (enum phi_column[]){PHI_COLUMN_BYTES, PHI_COLUMN_I64},
 *        .column_count = 2, .key_count = 1,
 *        .insert_sql = "INSERT INTO codes (serial, deadline_s) SELECT * FROM "
 *                      "unnest($1::bytea[], $2::bigint[]) ON CONFLICT (serial) DO NOTHING"},
 *       PHI_LANE_OUTBOX};
 *   PHI_GUARD(phi_lane_open(store, &(struct phi_lane_options){.name = "mint", .tables = tables,
 *                           .table_count = 4}, &lane, &error));
 *   struct phi_commit *commit = phi_commit_new(lane);
 *   PHI_GUARD(phi_commit_add(commit, 2, (struct phi_param[]){PHI_BYTES(serial), PHI_I64(s)}, 2));
 *   PHI_GUARD(phi_commit_submit(commit, on_done, request, deadline));   // the lane owns it now
 *
 * Order inside a transaction: guard tables in their declared order, then (for the requests that
 * lost no guard) the other tables in declared order. Rows are sorted and, per key, deduplicated.
 * Lanes that share tables must declare them in the same order. A batch that fails for one request's
 * bad row is halved until that request fails alone. The schema needs phi_lane_ddl (tables.h).
 */
#ifndef PHI_STORE_LANE_H
#define PHI_STORE_LANE_H

#include "base/arena.h"
#include "store/store.h"

#define PHI_LANE_TABLES_MAX      24
#define PHI_LANE_COLUMNS_MAX     24
#define PHI_COMMIT_ROWS_MAX      16384
#define PHI_COMMIT_BYTES_MAX     (16 * 1024 * 1024)
#define PHI_LANE_BATCH_MAX       256
#define PHI_LANE_QUEUE_MAX       8192
#define PHI_LANE_BATCH_BYTES_MAX (8 * 1024 * 1024)

struct phi_lane;
struct phi_commit;

struct phi_lane_table {
    const char *name;               /* for statements, metrics and errors; unique in the lane */
    const enum phi_column *columns; /* one array parameter $1…$n each */
    size_t column_count;            /* 1..24 */
    size_t key_count; /* the first so many columns are the key; 0: no key, rows as they came */
    const char
        *insert_sql; /* INSERT … FROM unnest($1::…[], …) ON CONFLICT (key) DO NOTHING RETURNING
                        the key columns in order (a guard), or any insert (no guard) */
    bool is_guard;   /* a row that is there already refuses the whole request */
    bool is_sticky;  /* a guard whose row stays although a later guard refuses the request */
    bool last_wins;  /* no guard: of one key's rows in a batch the last is written, not the first */
    enum phi_err on_conflict; /* what the refused request is told */
    const char *fetch_sql; /* a guard, optional: SELECT the key columns, then what the caller needs
                              to compare, of the rows under unnest($1::…[] …) of the key columns */
};

struct phi_lane_options {
    const char *name;                    /* letters, digits, _ and -; label of the metrics */
    const struct phi_lane_table *tables; /* borrowed for the lane's life */
    size_t table_count;
    size_t queue_max;       /* commits; 0 means 8,192 */
    size_t batch_max;       /* commits a transaction, 1..256; 0 means 256 */
    size_t batch_bytes_max; /* 0 means 8 MiB; one larger commit goes alone */
};

struct phi_commit_result {
    enum phi_err err; /* PHI_OK: the rows are kept. Otherwise none of this request's rows is, unless
                         outcome_unknown (sticky guards' rows excepted) */
    int table;        /* the guard that refused it, an index into the lane's tables; otherwise -1 */
    bool outcome_unknown; /* with PHI_ERR_STORE: the connection broke at COMMIT and the outcome
                             could not be established before the deadline */
    const struct phi_rows
        *rows; /* the guard's fetched rows, or NULL; this request's is number `row` */
    size_t row;
    const struct phi_error *error; /* never NULL */
};

/* Starts the thread. PHI_ERR_CONFIG or PHI_ERR_INTERNAL when the tables' declarations or statements
 * are wrong; a database that is down is no error (the lane connects when it is back). Takes the
 * connection's parameters from `store`, which must outlive the lane. Blocks up to the connect
 * time-out. */
enum phi_err phi_lane_open(struct phi_store *store, const struct phi_lane_options *options,
                           struct phi_lane **out, struct phi_error *error) PHI_MUST_USE;
/* Refuses new commits (PHI_ERR_DRAINING), finishes what was submitted, each within its own
 * deadline, and ends the thread. Not from a done callback. NULL is fine. */
void phi_lane_close(struct phi_lane *lane);
bool phi_lane_is_up(const struct phi_lane *lane);   /* connected; any thread */
size_t phi_lane_depth(const struct phi_lane *lane); /* submitted and not yet told; any thread */
/* From now on phi_commit_add refuses rows of this table with `err`; PHI_OK: takes them again. What
 * was added before is written. Any thread; not below 0 or past the lane's tables. */
void phi_lane_shut(struct phi_lane *lane, size_t table, enum phi_err err);

struct phi_commit *phi_commit_new(struct phi_lane *lane); /* NULL when out of memory; any thread */
/* The same in an arena's memory, which must live until `done` is called; that may free it. */
struct phi_commit *phi_commit_new_in(struct phi_lane *lane, struct phi_arena *arena);
void phi_commit_free(struct phi_commit *commit); /* only when it was not submitted; NULL is fine */
/* Copies a row. PHI_ERR_INTERNAL when table, count or kinds don't fit the declaration or a key is
 * NULL, PHI_ERR_BODY_TOO_LARGE past the bounds, PHI_ERR_MEMORY, or what phi_lane_shut said. A
 * guard's key twice in one commit
 * counts once. */
enum phi_err phi_commit_add(struct phi_commit *commit, size_t table,
                            const struct phi_param *columns, size_t count) PHI_MUST_USE;

/* Never blocks. PHI_OK: `done` is called exactly once, on the lane's thread, and the commit is the
 * lane's; it must not block. A commit past its deadline before its transaction starts is told
 * PHI_ERR_DEADLINE and not written. PHI_ERR_OVERLOAD (the queue is full) and PHI_ERR_DRAINING: the
 * commit is still the caller's. */
enum phi_err phi_commit_submit(struct phi_commit *commit,
                               void (*done)(void *context, const struct phi_commit_result *result),
                               void *context, struct phi_deadline deadline) PHI_MUST_USE;

/* Many commits of one lane handed over at once, in this order; each as by phi_commit_submit, its
 * answer in `err`. */
struct phi_submission {
    struct phi_commit *commit;
    void (*done)(void *context, const struct phi_commit_result *result);
    void *context;
    struct phi_deadline deadline;
    enum phi_err err;
};
void phi_commit_submit_all(struct phi_submission *items, size_t count);

/* The same, waiting for the outcome on the calling thread (not the lane's); the commit is freed in
 * every case. `seen` (may be NULL) is called with the result on the lane's thread before this
 * returns. */
enum phi_err phi_commit_wait(struct phi_commit *commit, struct phi_deadline deadline,
                             void (*seen)(void *context, const struct phi_commit_result *result),
                             void *context) PHI_MUST_USE;

#endif
