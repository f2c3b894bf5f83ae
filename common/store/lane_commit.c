#include "store/lane_internal.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 3072 /* a request's usual rows, so that they grow seldom */
#define ARENA_BYTES 1536 /* of those that share an arena: a use's rows */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_done;
    enum phi_err err;
    void (*seen)(void *context, const struct phi_commit_result *result);
    void *context;
};

static void init_commit(struct phi_commit *commit, struct phi_lane *lane)
{
    commit->lane = lane;
    commit->lost_table = -1;
    commit->rows = commit->first_rows;
    commit->row_cap = sizeof(commit->first_rows) / sizeof(commit->first_rows[0]);
}

struct phi_commit *phi_commit_new_in(struct phi_lane *lane, struct phi_arena *arena)
{
    struct phi_commit *commit = phi_arena_alloc(arena, sizeof(*commit) + ARENA_BYTES);
    if (commit == NULL)
        return NULL;
    init_commit(commit, lane);
    commit->is_borrowed = true;
    commit->bytes.is_borrowed = true;
    commit->bytes.data = (uint8_t *)(commit + 1);
    commit->bytes.cap = ARENA_BYTES;
    return commit;
}

struct phi_commit *phi_commit_new(struct phi_lane *lane)
{
    struct phi_commit *commit = calloc(1, sizeof(*commit));
    if (commit == NULL)
        return NULL;
    init_commit(commit, lane);
    if (phi_buffer_reserve(&commit->bytes, FIRST_BYTES) != PHI_OK) {
        free(commit);
        return NULL;
    }
    return commit;
}

void phi_commit_free(struct phi_commit *commit)
{
    if (commit == NULL)
        return;
    if (commit->bytes.data && !commit->bytes.is_borrowed) { /* an arena wipes its own */
        phi_wipe(commit->bytes.data, commit->bytes.len);
        free(commit->bytes.data);
    }
    if (commit->rows != commit->first_rows)
        free(commit->rows);
    if (!commit->is_borrowed)
        free(commit);
}

static enum phi_err reserve_row(struct phi_commit *commit)
{
    if (commit->row_count < commit->row_cap)
        return PHI_OK;
    size_t cap = commit->row_cap ? commit->row_cap * 2 : 8;
    bool is_first = commit->rows == commit->first_rows;
    struct phi_lane_row *rows = realloc(is_first ? NULL : commit->rows, cap * sizeof(*rows));
    if (rows == NULL)
        return PHI_ERR_MEMORY;
    if (is_first)
        memcpy(rows, commit->first_rows, sizeof(commit->first_rows));
    commit->rows = rows;
    commit->row_cap = cap;
    return PHI_OK;
}

static size_t bytes_of(const struct phi_param *columns, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += columns[i].kind == PHI_P_TEXT || columns[i].kind == PHI_P_BYTES ? columns[i].view.len
                                                                               : 8;
    return sum + 4 * count;
}

static enum phi_err write_row(struct phi_commit *commit, const struct phi_lane_table *table,
                              const struct phi_param *columns, uint32_t *key_len)
{
    size_t start = commit->bytes.len;
    for (size_t i = 0; i < table->column_count; i++) {
        if (i < table->key_count && columns[i].kind == PHI_P_NULL)
            return PHI_ERR_INTERNAL;
        enum phi_err err = phi_element_write(&commit->bytes, table->columns[i], columns[i]);
        if (err != PHI_OK)
            return err;
        if (i + 1 == table->key_count)
            *key_len = (uint32_t)(commit->bytes.len - start);
    }
    return PHI_OK;
}

void phi_lane_shut(struct phi_lane *lane, size_t table, enum phi_err err)
{
    if (table < lane->table_count)
        atomic_store_explicit(&lane->shut[table], (int)err, memory_order_relaxed);
}

enum phi_err phi_commit_add(struct phi_commit *commit, size_t table,
                            const struct phi_param *columns, size_t count)
{
    const struct phi_lane *lane = commit->lane;
    if (table >= lane->table_count || count != lane->tables[table].column_count)
        return PHI_ERR_INTERNAL;
    int shut = atomic_load_explicit(&lane->shut[table], memory_order_relaxed);
    if (shut != PHI_OK)
        return (enum phi_err)shut;
    if (commit->row_count >= PHI_COMMIT_ROWS_MAX ||
        bytes_of(columns, count) > PHI_COMMIT_BYTES_MAX - commit->bytes.len)
        return PHI_ERR_BODY_TOO_LARGE;
    struct phi_lane_row row = {.offset = commit->bytes.len, .table = (uint32_t)table};
    enum phi_err err = reserve_row(commit);
    if (err == PHI_OK)
        err = write_row(commit, &lane->tables[table], columns, &row.key_len);
    if (err != PHI_OK) {
        commit->bytes.len = row.offset;
        return err;
    }
    row.len = (uint32_t)(commit->bytes.len - row.offset);
    commit->rows[commit->row_count++] = row;
    return PHI_OK;
}

static void on_waited(void *context, const struct phi_commit_result *result)
{
    struct waiter *waiter = context;
    if (waiter->seen != NULL)
        waiter->seen(waiter->context, result);
    pthread_mutex_lock(&waiter->lock);
    waiter->err = result->err;
    waiter->is_done = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
}

/* The lane answers every commit, so waiting without a limit of its own ends. */
enum phi_err phi_commit_wait(struct phi_commit *commit, struct phi_deadline deadline,
                             void (*seen)(void *context, const struct phi_commit_result *result),
                             void *context)
{
    struct waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER,
                            .seen = seen,
                            .context = context};
    enum phi_err err = phi_commit_submit(commit, on_waited, &waiter, deadline);
    if (err != PHI_OK) {
        phi_commit_free(commit);
        return err;
    }
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_done)
        pthread_cond_wait(&waiter.changed, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    pthread_cond_destroy(&waiter.changed);
    pthread_mutex_destroy(&waiter.lock);
    return waiter.err;
}
