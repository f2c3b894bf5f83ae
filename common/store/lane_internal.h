/* Inside a lane. lane.c: opening, queue, thread; lane_commit.c: one request's rows; lane_claim.c:
 * which request gets which guard key; lane_write.c: arrays from rows; lane_link.c: connection and
 * markers; lane_run.c: one batch through its transaction. All but the queue belongs to the lane's
 * thread.
 */
#ifndef PHI_STORE_LANE_INTERNAL_H
#define PHI_STORE_LANE_INTERNAL_H

#include "base/metrics.h"
#include "store/array.h"
#include "store/lane.h"
#include "store/pg.h"

#include <pthread.h>
#include <stdatomic.h>

#define PHI_LANE_MARKER_LEN 16
#define PHI_LANE_OPS_MAX    (2 * PHI_LANE_TABLES_MAX + 4)
#define PHI_LANE_SIZES      6

struct phi_lane_row {
    size_t offset; /* into the commit's bytes; the key's elements come first */
    uint32_t key_len;
    uint32_t len;
    uint32_t table;
};

struct phi_commit {
    struct phi_commit *next;
    struct phi_lane *lane;
    bool is_borrowed; /* an arena's memory */
    struct phi_buffer bytes;
    struct phi_lane_row *rows; /* first_rows, or grown on the heap */
    size_t row_count;
    size_t row_cap;
    struct phi_lane_row first_rows[8];
    void (*done)(void *context, const struct phi_commit_result *result);
    void *context;
    struct phi_deadline deadline;
    int lost_table;         /* the guard that refused it in this attempt, or -1 */
    bool is_lost_to_stored; /* to a row that was there before; otherwise to an earlier request of
                               the batch */
    uint32_t lost_group;
    struct phi_view lost_key;
};

/* A row in an attempt. */
struct phi_lane_ref {
    const uint8_t *key;
    size_t key_len;
    const uint8_t *at; /* the next element to be copied */
    struct phi_commit *commit;
    uint32_t order; /* of arrival */
    uint32_t table;
    uint32_t group; /* rows of one key in one table */
    bool is_claimed;
    bool is_sent;
};

struct phi_lane_group {
    struct phi_commit *owner;
    bool is_refused;
};

struct phi_lane_refs {
    struct phi_lane_ref *items;   /* as they came */
    struct phi_lane_ref **sorted; /* by table, key, order */
    struct phi_lane_group *groups;
    size_t count;
    size_t cap;
    size_t group_count;
};

enum phi_lane_op_kind {
    PHI_LANE_OP_PLAIN,
    PHI_LANE_OP_GUARD,
    PHI_LANE_OP_FETCH,
    PHI_LANE_OP_COMMIT
};

struct phi_lane_op {
    enum phi_lane_op_kind kind;
    size_t table;
};

enum phi_lane_outcome {
    PHI_LANE_DONE,
    PHI_LANE_REDO,  /* a request lost a guard after rows of it were written, or others lost to it */
    PHI_LANE_AGAIN, /* deadlock or serialization: the same batch once more */
    PHI_LANE_BAD,   /* somebody's row can't be stored: halve the batch */
    PHI_LANE_FAILED,  /* nothing was written and trying at once is of no use */
    PHI_LANE_LOST,    /* the connection broke, nothing was written */
    PHI_LANE_UNKNOWN, /* the connection broke at COMMIT */
};

struct phi_lane {
    char *name;
    const struct phi_lane_table *tables;
    size_t table_count;
    size_t queue_max;
    size_t batch_max;
    size_t batch_bytes_max;
    const struct phi_pg_options *options;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct phi_commit *head;
    struct phi_commit *tail;
    bool is_closing;
    _Atomic size_t depth;
    _Atomic bool is_up;
    atomic_int shut[PHI_LANE_TABLES_MAX]; /* enum phi_err by table */

    PGconn *pg;
    int64_t backoff_ms;
    int64_t next_try_us;
    int64_t next_prune_us;
    struct phi_pg_tick tick;

    struct phi_commit *batch[PHI_LANE_BATCH_MAX];
    struct phi_array *arrays[PHI_LANE_COLUMNS_MAX];
    struct phi_lane_refs guards;
    struct phi_lane_refs rows;
    struct phi_lane_op ops[PHI_LANE_OPS_MAX]; /* sent, answer not yet seen */
    size_t op_count;
    bool is_begun;
    bool is_commit_seen;
    uint8_t marker[PHI_LANE_MARKER_LEN];
    PGresult *fetched[PHI_LANE_TABLES_MAX];
    struct phi_error error;

    struct phi_counter *batches[PHI_LANE_SIZES];
    struct phi_counter *commits;
    struct phi_counter *conflicts;
    struct phi_counter *failures;
    struct phi_counter *reconnects;
    struct phi_histogram *seconds;
    struct phi_gauge *queued;
};

/* lane.c */
void phi_lane_tell(struct phi_commit *commit,
                   struct phi_commit_result *result); /* frees the commit */
void phi_lane_tell_error(struct phi_commit *commit, enum phi_err err, bool outcome_unknown,
                         const struct phi_error *error);

/* lane_claim.c */
enum phi_err phi_lane_refs_reserve(struct phi_lane_refs *refs, size_t count) PHI_MUST_USE;
void phi_lane_refs_fini(struct phi_lane_refs *refs);
void phi_lane_refs_add(struct phi_lane_refs *refs, struct phi_commit *commit,
                       const struct phi_lane_row *row);
void phi_lane_refs_sort(struct phi_lane_refs *refs);
enum phi_err phi_lane_guards_gather(struct phi_lane *lane, struct phi_commit **batch,
                                    size_t count) PHI_MUST_USE;
void phi_lane_guards_claim(struct phi_lane *lane, struct phi_commit **batch, size_t count);
bool phi_lane_ref_is_due(const struct phi_lane *lane, const struct phi_lane_ref *ref);
void phi_lane_guards_refuse(struct phi_lane *lane, size_t sorted_index);
bool phi_lane_guards_need_redo(const struct phi_lane *lane, struct phi_commit **batch,
                               size_t count);

/* lane_write.c: these only put statements into the pipeline; false when libpq refuses */
bool phi_lane_send(struct phi_lane *lane, const char *sql, enum phi_lane_op_kind kind);
bool phi_lane_send_begin(struct phi_lane *lane);
bool phi_lane_send_guard(struct phi_lane *lane, size_t table, bool *is_sent);
bool phi_lane_send_rows(struct phi_lane *lane, size_t table, struct phi_commit **batch,
                        size_t count);
bool phi_lane_send_fetch(struct phi_lane *lane, size_t table, struct phi_commit **batch,
                         size_t count);
/* Compares an encoded key with a row's leading columns. */
bool phi_lane_key_is_row(const struct phi_lane_table *table, const uint8_t *key,
                         const PGresult *result, int row);

/* lane_link.c */
enum phi_err phi_lane_connect(struct phi_lane *lane, struct phi_error *error) PHI_MUST_USE;
void phi_lane_disconnect(struct phi_lane *lane);
bool phi_lane_link(
    struct phi_lane *lane); /* connected, or after a short wait not; minds the back-off */
void phi_lane_idle(struct phi_lane *lane);
/* Sends what is in the pipeline and reads all answers; on failure lane->error says why. */
enum phi_lane_outcome phi_lane_exchange(struct phi_lane *lane);
/* Establishes whether the transaction of `marker` was committed; false: not now, try again. */
bool phi_lane_resolve(struct phi_lane *lane, bool *is_kept);

/* lane_run.c: tells every commit of the batch its outcome */
void phi_lane_run(struct phi_lane *lane, struct phi_commit **batch, size_t count);

#endif
