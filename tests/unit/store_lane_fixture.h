/* A lane over the fixture's tables, and commits that remember what they were told. */
#ifndef PHI_TESTS_UNIT_STORE_LANE_FIXTURE_H
#define PHI_TESTS_UNIT_STORE_LANE_FIXTURE_H

#include "store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { NONCES, IDEMPOTENCY, LEDGER, ITEMS, LATEST, OUTBOX, TABLES };

static const enum phi_column ledger_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT};
static const enum phi_column items_columns[] = {PHI_COLUMN_I64, PHI_COLUMN_TEXT, PHI_COLUMN_BOOL};
static const enum phi_column latest_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64};

static const struct phi_lane_table lane_tables[TABLES] = {
    PHI_LANE_NONCES,
    PHI_LANE_IDEMPOTENCY,
    {.name = "ledger",
     .columns = ledger_columns,
     .column_count = 2,
     .key_count = 1,
     .insert_sql = "INSERT INTO ledger SELECT * FROM unnest($1::bytea[], $2::text[])"
                   " ON CONFLICT (serial) DO NOTHING RETURNING serial",
     .is_guard = true,
     .on_conflict = PHI_ERR_CODE_USED,
     .fetch_sql = "SELECT serial, holder FROM ledger WHERE serial = ANY ($1)"},
    {.name = "items",
     .columns = items_columns,
     .column_count = 3,
     .key_count = 1,
     .insert_sql = "INSERT INTO items SELECT * FROM unnest($1::bigint[], $2::text[], $3::boolean[])"
                   " ON CONFLICT (id) DO NOTHING"},
    {.name = "latest",
     .columns = latest_columns,
     .column_count = 2,
     .key_count = 1,
     .last_wins = true,
     .insert_sql = "INSERT INTO latest SELECT * FROM unnest($1::bytea[], $2::bigint[])"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version"},
    PHI_LANE_OUTBOX,
};

/* What one commit was told. */
struct told {
    _Atomic int count;
    enum phi_err err;
    int table;
    bool outcome_unknown;
    char holder[64];
    int64_t at_us;
};

static inline void on_told(void *context, const struct phi_commit_result *result)
{
    struct told *told = context;
    told->err = result->err;
    told->table = result->table;
    told->outcome_unknown = result->outcome_unknown;
    told->at_us = phi_monotonic_us();
    if (result->rows != NULL && result->table == LEDGER)
        snprintf(told->holder, sizeof(told->holder), "%s",
                 phi_rows_text(result->rows, result->row, 1));
    if (result->rows != NULL && result->table == IDEMPOTENCY) {
        struct phi_view answer = phi_rows_bytes(result->rows, result->row, PHI_IDEMPOTENCY_ANSWER);
        snprintf(told->holder, sizeof(told->holder), "%.*s", (int)answer.len,
                 (const char *)answer.data);
    }
    atomic_fetch_add(&told->count, 1);
}

static inline void wait_told(const struct told *told, size_t count, int64_t limit_ms)
{
    struct phi_deadline limit = phi_deadline_in_ms(limit_ms);
    for (size_t i = 0; i < count; i++) {
        while (atomic_load(&told[i].count) == 0 && !phi_deadline_is_past(limit))
            usleep(500);
        assert_int_equal(atomic_load(&told[i].count), 1);
    }
}

static inline struct phi_lane *open_lane(struct phi_store *store, const char *name,
                                         size_t queue_max)
{
    struct phi_lane *lane = NULL;
    struct phi_error error = {0};
    struct phi_lane_options options = {
        .name = name, .tables = lane_tables, .table_count = TABLES, .queue_max = queue_max};
    if (phi_lane_open(store, &options, &lane, &error) != PHI_OK)
        fprintf(stderr, "lane: %s: %s\n", error.place, error.text);
    return lane;
}

static inline enum phi_err add_nonce(struct phi_commit *commit, const char *nonce)
{
    return phi_commit_add(commit, NONCES,
                          (struct phi_param[]){PHI_TEXT("app"), PHI_TEXT(nonce), PHI_I64(1)}, 3);
}

static inline enum phi_err add_idempotency(struct phi_commit *commit, const char *serial,
                                           const char *answer)
{
    return phi_commit_add(commit, IDEMPOTENCY,
                          (struct phi_param[]){PHI_TEXT("app"), PHI_TEXT("/v1/codes"),
                                               PHI_TEXT("c"), PHI_TEXT(serial),
                                               PHI_BYTES_OF("digest", 6), PHI_I64(200),
                                               PHI_BYTES(phi_view_text(answer)), PHI_I64(1)},
                          PHI_IDEMPOTENCY_COLUMNS);
}

static inline enum phi_err add_ledger(struct phi_commit *commit, const char *serial,
                                      const char *holder)
{
    return phi_commit_add(commit, LEDGER,
                          (struct phi_param[]){PHI_BYTES(phi_view_text(serial)), PHI_TEXT(holder)},
                          2);
}

static inline enum phi_err add_item(struct phi_commit *commit, int64_t id, const char *word)
{
    return phi_commit_add(commit, ITEMS,
                          (struct phi_param[]){PHI_I64(id), PHI_TEXT(word), PHI_BOOL(id % 2)}, 3);
}

static inline void submit(struct phi_commit *commit, struct told *told)
{
    assert_ok(phi_commit_submit(commit, on_told, told, phi_deadline_in_ms(5000)));
}

/* Keeps the lane's thread in a callback, so that what is submitted meanwhile goes down as one
 * batch. */
struct gate {
    _Atomic bool is_reached;
    _Atomic bool is_open;
};

static inline void on_gate(void *context, const struct phi_commit_result *result)
{
    struct gate *gate = context;
    (void)result;
    atomic_store(&gate->is_reached, true);
    while (!atomic_load(&gate->is_open))
        usleep(200);
}

static inline void hold_lane(struct phi_lane *lane, struct gate *gate)
{
    static _Atomic int64_t number = 1000000000;
    struct phi_commit *commit = phi_commit_new(lane);
    atomic_store(&gate->is_reached, false);
    atomic_store(&gate->is_open, false);
    assert_ok(add_item(commit, atomic_fetch_add(&number, 1), "gate"));
    assert_ok(phi_commit_submit(commit, on_gate, gate, phi_deadline_in_ms(5000)));
    while (!atomic_load(&gate->is_reached))
        usleep(200);
}

#endif
