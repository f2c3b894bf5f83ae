#include "svc-directory/grading/due.h"

#include "base/log.h"
#include "base/metrics.h"
#include "svc-directory/facts/reference.h"
#include "svc-directory/grading/due_batch.h"
#include "svc-directory/grading/places.h"
#include "svc-directory/grading/retain.h"
#include "svc-directory/grading/silence.h"
#include "svc-directory/publish/publish.h"

#include <stdlib.h>
#include <time.h>

#define BATCH_MAX       500
#define ARENA_MAX       (64 * 1024 * 1024)
#define ACQUIRE_MS      2000
#define SHARED_EVERY_US 1000000
#define RETAIN_EVERY_US (600 * 1000000LL)
#define IDLE_MS         250
#define BACKOFF_MS      1000

struct due {
    struct directory *directory;
    pthread_t thread;
    pthread_mutex_t lock; /* with is_stopping */
    pthread_cond_t woken;
    bool is_stopping;
    /* the thread's own */
    uint64_t changes;  /* of the reference, when all of it had been applied */
    int64_t shared_us; /* when to look again whatever has changed */
    int64_t retain_us; /* when to look for old facts */
    struct phi_counter *retained;
};

/* What is done to a partition's people, a bounded number of them, in a transaction. */
typedef enum phi_err due_step(const struct grading *grading, size_t max, size_t *count);

static enum phi_err run_step(struct directory *directory, int32_t partition, int64_t now_us,
                             due_step *step, size_t *count)
{
    enum phi_err err = PHI_OK;
    uint64_t tally[TALLY_COUNT] = {0};
    struct grading grading = {.directory = directory,
                              .arena = phi_arena_new(ARENA_MAX),
                              .partition = partition,
                              .now_us = now_us,
                              .tally = tally};
    *count = 0;
    PHI_GUARD(grading.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &grading.tx));
    PHI_GUARD(phi_conn_begin(grading.tx, NULL));
    PHI_GUARD(step(&grading, BATCH_MAX, count));
    PHI_GUARD(phi_conn_commit(grading.tx, NULL));
    for (int i = 0; i < TALLY_COUNT; i++)
        phi_counter_add(directory->counters[i], tally[i]);
    if (tally[TALLY_CHANGED] > 0) {
        publisher_wake(directory->publisher);
        phi_relay_wake(phi_service_relay(directory->service));
    }
out:
    phi_store_release(grading.tx); /* rolls back what was not committed */
    phi_arena_free(grading.arena);
    return err;
}

/* --- the thread --- */

/* Owned partitions with somebody due. */
static enum phi_err find_partitions(struct due *due, int64_t now_us, struct phi_rows **rows)
{
    enum phi_err err = PHI_OK;
    struct phi_array *owned = NULL;
    struct phi_conn *conn = NULL;
    PHI_GUARD(owned_array(&due->directory->owned, &owned));
    if (phi_array_count(owned) == 0)
        goto out;
    PHI_GUARD(phi_store_acquire(phi_service_store(due->directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    const struct phi_param params[] = {PHI_ARRAY(owned), PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(
        conn, "due_partitions",
        "SELECT p FROM unnest($1::bigint[]) AS p WHERE EXISTS (SELECT 1 FROM due WHERE partition = "
        "p AND after_us <= $2::bigint) OR EXISTS (SELECT 1 FROM entries WHERE partition = p AND "
        "until_us < $2::bigint AND until_us < 9223372036854775807)",
        params, 2, rows, NULL));
out:
    phi_store_release(conn);
    phi_array_free(owned);
    return err;
}

/* Sleeps; false when stopping. */
static bool rest(struct due *due, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int timed_out = 0;
    pthread_mutex_lock(&due->lock);
    while (!due->is_stopping && timed_out == 0 && ms > 0)
        timed_out = pthread_cond_timedwait(&due->woken, &due->lock, &until);
    bool goes_on = !due->is_stopping;
    pthread_mutex_unlock(&due->lock);
    return goes_on;
}

static enum phi_err run_due(struct due *due, int64_t now_us, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *partitions = NULL;
    PHI_GUARD(find_partitions(due, now_us, &partitions));
    for (size_t i = 0; i < phi_rows_count(partitions) && rest(due, 0); i++) {
        size_t graded = 0;
        PHI_GUARD(run_step(due->directory, (int32_t)phi_rows_i64(partitions, i, 0), now_us,
                           due_batch, &graded));
        *count += graded;
    }
out:
    phi_rows_free(partitions);
    return err;
}

/* A step of every partition that this replica owns. */
static enum phi_err run_owned(struct due *due, int64_t now_us, due_step *step, size_t *count)
{
    enum phi_err err = PHI_OK;
    for (int32_t i = 0; i < OWNED_MAX && rest(due, 0); i++) {
        size_t done = 0;
        if (!owned_has(&due->directory->owned, i))
            continue;
        PHI_GUARD(run_step(due->directory, i, now_us, step, &done));
        *count += done;
    }
out:
    return err;
}

static enum phi_err run_retention(struct due *due, int64_t now_us, int64_t at_us)
{
    enum phi_err err = PHI_OK;
    size_t count = 0;
    if (at_us < due->retain_us)
        return PHI_OK;
    PHI_GUARD(run_owned(due, now_us, retain_batch, &count));
    phi_counter_add(due->retained, count);
    due->retain_us = count > 0 ? 0 : at_us + RETAIN_EVERY_US;
out:
    return err;
}

/* What concerns everyone: places where something was published, sources that fell silent. Looked at
 * anew now and then, since partitions come and other replicas lay records down too. */
static enum phi_err run_shared(struct due *due, int64_t now_us, size_t *count)
{
    enum phi_err err = PHI_OK;
    size_t places = 0, people = 0;
    struct directory *directory = due->directory;
    uint64_t changes = reference_changes(directory->reference);
    int64_t at_us = phi_monotonic_us();
    if (changes == due->changes && at_us < due->shared_us)
        return PHI_OK;
    PHI_GUARD(run_owned(due, now_us, places_apply, &places));
    PHI_GUARD(silence_look(directory, now_us));
    if (directory->silence.needed_count > 0)
        PHI_GUARD(run_owned(due, now_us, silence_sweep, &people));
    *count += places + people;
    if (places + people > 0)
        goto out; /* there may be more */
    PHI_GUARD(run_retention(due, now_us, at_us));
    due->changes = changes;
    due->shared_us = at_us + SHARED_EVERY_US;
out:
    return err;
}

static enum phi_err run_round(struct due *due, size_t *count)
{
    enum phi_err err = PHI_OK;
    int64_t now_us = phi_clock_now_us(phi_service_clock(due->directory->service));
    *count = 0;
    PHI_GUARD(run_shared(due, now_us, count));
    PHI_GUARD(run_due(due, now_us, count));
out:
    return err;
}

static void *run(void *context)
{
    struct due *due = context;
    bool was_failing = false, goes_on = true;
    while (goes_on) {
        size_t count = 0;
        enum phi_err err = run_round(due, &count);
        if ((err != PHI_OK) != was_failing)
            phi_log(err != PHI_OK ? PHI_LOG_WARN : PHI_LOG_INFO, "due_people", PHI_L_ERR(err));
        was_failing = err != PHI_OK;
        goes_on = rest(due, err != PHI_OK ? BACKOFF_MS : count > 0 ? 0 : IDLE_MS);
    }
    return NULL;
}

enum phi_err due_start(struct directory *directory, struct phi_error *error)
{
    pthread_condattr_t monotonic;
    struct due *due = calloc(1, sizeof(*due));
    if (due == NULL)
        return PHI_ERR_MEMORY;
    due->directory = directory;
    due->retained = phi_counter_new("phi_directory_facts_deleted_total",
                                    "facts past their days of keeping", NULL);
    pthread_mutex_init(&due->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&due->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&due->thread, NULL, run, due) == 0) {
        directory->due = due;
        return PHI_OK;
    }
    pthread_cond_destroy(&due->woken);
    pthread_mutex_destroy(&due->lock);
    free(due);
    return phi_error_set(error, PHI_ERR_MEMORY, "due", "no thread");
}

void due_close(struct due *due)
{
    if (due == NULL)
        return;
    pthread_mutex_lock(&due->lock);
    due->is_stopping = true;
    pthread_cond_signal(&due->woken);
    pthread_mutex_unlock(&due->lock);
    pthread_join(due->thread, NULL);
    pthread_cond_destroy(&due->woken);
    pthread_mutex_destroy(&due->lock);
    free(due);
}
