#include "store/lane_internal.h"

#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS 200

static const unsigned batch_sizes[PHI_LANE_SIZES] = {1, 4, 16, 64, 128, 256};

static enum phi_err check_table(const struct phi_lane_table *table, struct phi_error *error)
{
    bool is_valid = table->name != NULL && table->insert_sql != NULL && table->columns != NULL &&
                    table->column_count >= 1 && table->column_count <= PHI_LANE_COLUMNS_MAX &&
                    table->key_count <= table->column_count;
    bool is_guard_valid =
        !table->is_guard || (table->key_count > 0 && table->on_conflict != PHI_OK);
    if (is_valid && is_guard_valid)
        return PHI_OK;
    return phi_error_set(error, PHI_ERR_CONFIG, table->name ? table->name : "table",
                         "the declaration is wrong");
}

static enum phi_err check_options(const struct phi_lane_options *options, struct phi_error *error)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (options->name == NULL || options->name[0] == '\0' ||
        options->name[strspn(options->name, letters)] != '\0' || strlen(options->name) > 48)
        return phi_error_set(error, PHI_ERR_CONFIG, "name", "1 to 48 letters, digits, _ and -");
    if (options->table_count == 0 || options->table_count > PHI_LANE_TABLES_MAX)
        return phi_error_set(error, PHI_ERR_CONFIG, options->name, "1 to %d tables",
                             PHI_LANE_TABLES_MAX);
    if (options->batch_max > PHI_LANE_BATCH_MAX)
        return phi_error_set(error, PHI_ERR_CONFIG, options->name,
                             "at most %d commits a transaction", PHI_LANE_BATCH_MAX);
    for (size_t i = 0; i < options->table_count; i++) {
        enum phi_err err = check_table(&options->tables[i], error);
        if (err != PHI_OK)
            return err;
    }
    return PHI_OK;
}

void phi_lane_tell(struct phi_commit *commit, struct phi_commit_result *result)
{
    struct phi_lane *lane = commit->lane;
    atomic_fetch_sub(&lane->depth, 1);
    phi_counter_add(lane->commits, 1);
    void (*done)(void *context, const struct phi_commit_result *told) = commit->done;
    void *context = commit->context;
    phi_commit_free(commit); /* before, since `done` may drop the arena that it stands in */
    done(context, result);
}

void phi_lane_tell_error(struct phi_commit *commit, enum phi_err err, bool outcome_unknown,
                         const struct phi_error *error)
{
    phi_counter_add(commit->lane->failures, 1);
    struct phi_commit_result result = {
        .err = err, .table = -1, .outcome_unknown = outcome_unknown, .error = error};
    phi_lane_tell(commit, &result);
}

static void tell_late(struct phi_commit *commit)
{
    struct phi_error error = {0};
    phi_error_set(&error, PHI_ERR_DEADLINE, "lane", "not written before the deadline");
    phi_lane_tell_error(commit, PHI_ERR_DEADLINE, false, &error);
}

/* Takes what is past its deadline out of the queue; the lock is held. */
static struct phi_commit *unlink_late(struct phi_lane *lane)
{
    struct phi_commit *late = NULL;
    struct phi_commit **link = &lane->head;
    lane->tail = NULL;
    while (*link != NULL) {
        struct phi_commit *commit = *link;
        if (!phi_deadline_is_past(commit->deadline)) {
            lane->tail = commit;
            link = &commit->next;
            continue;
        }
        *link = commit->next;
        commit->next = late;
        late = commit;
    }
    return late;
}

/* While the lane waits for the database: nobody in the queue is left waiting past their deadline.
 */
static void sweep(void *context)
{
    struct phi_lane *lane = context;
    pthread_mutex_lock(&lane->lock);
    struct phi_commit *late = unlink_late(lane);
    pthread_mutex_unlock(&lane->lock);
    while (late != NULL) {
        struct phi_commit *next = late->next;
        tell_late(late);
        late = next;
    }
}

static size_t take_queued(struct phi_lane *lane)
{
    size_t count = 0;
    size_t bytes = 0;
    while (lane->head != NULL && count < lane->batch_max) {
        struct phi_commit *commit = lane->head;
        if (count > 0 && bytes + commit->bytes.len > lane->batch_bytes_max)
            break;
        bytes += commit->bytes.len;
        lane->head = commit->next;
        lane->batch[count++] = commit;
    }
    if (lane->head == NULL)
        lane->tail = NULL;
    return count;
}

/* Waits a moment for work; false: closed and empty. */
static bool take_batch(struct phi_lane *lane, size_t *count)
{
    struct phi_deadline until = phi_deadline_in_ms(IDLE_MS);
    struct timespec limit = {.tv_sec = until.at_us / 1000000,
                             .tv_nsec = until.at_us % 1000000 * 1000};
    pthread_mutex_lock(&lane->lock);
    if (lane->head == NULL && !lane->is_closing)
        pthread_cond_timedwait(&lane->changed, &lane->lock, &limit);
    *count = take_queued(lane);
    bool is_over = *count == 0 && lane->is_closing;
    pthread_mutex_unlock(&lane->lock);
    return !is_over;
}

static void count_batch(struct phi_lane *lane, size_t count, int64_t us)
{
    size_t i = 0;
    while (i + 1 < PHI_LANE_SIZES && count > batch_sizes[i])
        i++;
    phi_counter_add(lane->batches[i], 1);
    phi_histogram_observe_us(lane->seconds, us);
    phi_gauge_set(lane->queued, (int64_t)atomic_load(&lane->depth));
}

static void *run_thread(void *context)
{
    struct phi_lane *lane = context;
    size_t count = 0;
    pthread_setname_np(pthread_self(), "lane");
    while (take_batch(lane, &count)) {
        if (count == 0) {
            phi_lane_idle(lane);
            phi_gauge_set(lane->queued, (int64_t)atomic_load(&lane->depth));
            continue;
        }
        int64_t start_us = phi_monotonic_us();
        size_t taken = count;
        phi_lane_run(lane, lane->batch, count);
        count_batch(lane, taken, phi_monotonic_us() - start_us);
    }
    return NULL;
}

static void open_metrics(struct phi_lane *lane)
{
    char labels[96];
    for (size_t i = 0; i < PHI_LANE_SIZES; i++) {
        snprintf(labels, sizeof(labels), "lane=\"%s\",upto=\"%u\"", lane->name, batch_sizes[i]);
        lane->batches[i] =
            phi_counter_new("phi_lane_batches_total", "batches by number of commits", labels);
    }
    snprintf(labels, sizeof(labels), "lane=\"%s\"", lane->name);
    lane->commits = phi_counter_new("phi_lane_commits_total", "commits told their outcome", labels);
    lane->conflicts =
        phi_counter_new("phi_lane_conflicts_total", "commits refused by a guard", labels);
    lane->failures =
        phi_counter_new("phi_lane_failures_total", "commits that were not written", labels);
    lane->reconnects =
        phi_counter_new("phi_lane_reconnects_total", "connections opened again", labels);
    lane->seconds =
        phi_histogram_new("phi_lane_batch_seconds", "time of a batch to its commit", labels);
    lane->queued = phi_gauge_new("phi_lane_queued", "commits submitted and not yet told", labels);
}

static void free_lane(struct phi_lane *lane)
{
    for (size_t i = 0; i < PHI_LANE_COLUMNS_MAX; i++)
        phi_array_free(lane->arrays[i]);
    phi_lane_refs_fini(&lane->guards);
    phi_lane_refs_fini(&lane->rows);
    PQfinish(lane->pg);
    free(lane->name);
    free(lane);
}

static struct phi_lane *new_lane(struct phi_store *store, const struct phi_lane_options *options)
{
    struct phi_lane *lane = calloc(1, sizeof(*lane));
    if (lane == NULL)
        return NULL;
    lane->name = strdup(options->name);
    lane->tables = options->tables;
    lane->table_count = options->table_count;
    lane->queue_max = options->queue_max ? options->queue_max : PHI_LANE_QUEUE_MAX;
    lane->batch_max = options->batch_max ? options->batch_max : PHI_LANE_BATCH_MAX;
    lane->batch_bytes_max =
        options->batch_bytes_max ? options->batch_bytes_max : PHI_LANE_BATCH_BYTES_MAX;
    lane->options = phi_store_pg_options(store);
    lane->tick = (struct phi_pg_tick){sweep, lane};
    bool has_all = lane->name != NULL;
    for (size_t i = 0; i < PHI_LANE_COLUMNS_MAX; i++) {
        lane->arrays[i] = phi_array_new(PHI_COLUMN_BYTES);
        has_all = has_all && lane->arrays[i] != NULL;
    }
    if (has_all)
        return lane;
    free_lane(lane);
    return NULL;
}

static enum phi_err start_thread(struct phi_lane *lane)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lane->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&lane->thread, NULL, run_thread, lane) == 0)
        return PHI_OK;
    pthread_cond_destroy(&lane->changed);
    return PHI_ERR_MEMORY;
}

enum phi_err phi_lane_open(struct phi_store *store, const struct phi_lane_options *options,
                           struct phi_lane **out, struct phi_error *error)
{
    enum phi_err err = check_options(options, error);
    if (err != PHI_OK)
        return err;
    struct phi_lane *lane = new_lane(store, options);
    if (lane == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, options->name, "out of memory");
    pthread_mutex_init(&lane->lock, NULL);
    open_metrics(lane);
    err = phi_lane_connect(lane, error);
    if (err == PHI_OK || err == PHI_ERR_STORE)
        err = start_thread(lane);
    if (err != PHI_OK) {
        pthread_mutex_destroy(&lane->lock);
        free_lane(lane);
        return err;
    }
    *out = lane;
    return PHI_OK;
}

void phi_lane_close(struct phi_lane *lane)
{
    if (lane == NULL)
        return;
    pthread_mutex_lock(&lane->lock);
    lane->is_closing = true;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
    free_lane(lane);
}

bool phi_lane_is_up(const struct phi_lane *lane)
{
    return atomic_load(&lane->is_up);
}

size_t phi_lane_depth(const struct phi_lane *lane)
{
    return atomic_load(&lane->depth);
}

/* The lock is held. */
static enum phi_err append(struct phi_lane *lane, struct phi_commit *commit)
{
    if (lane->is_closing)
        return PHI_ERR_DRAINING;
    if (atomic_load(&lane->depth) >= lane->queue_max)
        return PHI_ERR_OVERLOAD;
    atomic_fetch_add(&lane->depth, 1);
    if (lane->tail != NULL)
        lane->tail->next = commit;
    else
        lane->head = commit;
    lane->tail = commit;
    return PHI_OK;
}

void phi_commit_submit_all(struct phi_submission *items, size_t count)
{
    struct phi_lane *lane = count > 0 ? items[0].commit->lane : NULL;
    for (size_t i = 0; i < count; i++) {
        items[i].commit->done = items[i].done;
        items[i].commit->context = items[i].context;
        items[i].commit->deadline = items[i].deadline;
        items[i].commit->next = NULL;
    }
    if (lane == NULL)
        return;
    pthread_mutex_lock(&lane->lock);
    for (size_t i = 0; i < count; i++)
        items[i].err = append(lane, items[i].commit);
    pthread_mutex_unlock(&lane->lock);
    pthread_cond_signal(&lane->changed);
}

enum phi_err phi_commit_submit(struct phi_commit *commit,
                               void (*done)(void *context, const struct phi_commit_result *result),
                               void *context, struct phi_deadline deadline)
{
    struct phi_submission one = {
        .commit = commit, .done = done, .context = context, .deadline = deadline};
    phi_commit_submit_all(&one, 1);
    return one.err;
}
