#include "person/replay.h"

#include "base/log.h"
#include "bus/reader.h"
#include "store/offsets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_MAX      256
#define ARENA_MAX      (4 * 1024 * 1024)
#define PARTITIONS_MAX 1024
#define ACQUIRE_MS     2000
#define CLUSTER_MS     2000
#define SLICE_MS       200
#define ROUND_MS       60000
#define RETRY_MS       500

struct phi_person_replay {
    struct phi_person_replay_options options; /* texts are copies */
    char *brokers;
    char *topic;
    char region[8];
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    atomic_bool is_done;
    /* one round */
    int64_t firsts[PARTITIONS_MAX]; /* -1: the beginning */
    struct phi_arena *arena;
    struct phi_person_key keys[BATCH_MAX];
    size_t count;
    enum phi_err err; /* the first that went wrong */
};

static void sleep_ms(int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

/* Where the consumer stands, by its own rows; what it has not seen is read from the beginning. */
static enum phi_err load_offsets(struct phi_person_replay *replay)
{
    enum phi_err err = PHI_OK;
    char *cluster = NULL;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    for (int32_t i = 0; i < PARTITIONS_MAX; i++)
        replay->firsts[i] = -1;
    PHI_GUARD(
        phi_bus_cluster_id(&replay->options.bus, phi_deadline_in_ms(CLUSTER_MS), &cluster, NULL));
    PHI_GUARD(phi_store_acquire(replay->options.store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    const struct phi_param params[] = {PHI_TEXT(cluster), PHI_TEXT(replay->topic)};
    PHI_GUARD(phi_conn_exec(conn, "person_replay_offsets",
                            "SELECT partition::bigint, next FROM offsets WHERE cluster_id = $1 AND "
                            "topic = $2",
                            params, 2, &rows, NULL));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        int64_t partition = phi_rows_i64(rows, i, 0);
        if (partition >= 0 && partition < PARTITIONS_MAX)
            replay->firsts[partition] = phi_rows_i64(rows, i, 1);
    }
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    free(cluster);
    return err;
}

static enum phi_err flush(struct phi_person_replay *replay)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    if (replay->count == 0)
        return PHI_OK;
    PHI_GUARD(phi_store_acquire(replay->options.store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(
        phi_person_keys_keep(conn, replay->keys, replay->count, phi_clock_now_us(NULL), NULL));
    replay->count = 0;
    phi_arena_free(replay->arena);
    replay->arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(replay->arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    phi_store_release(conn);
    return err;
}

static int64_t first_of(int32_t partition, void *context)
{
    const struct phi_person_replay *replay = context;
    return partition < PARTITIONS_MAX ? replay->firsts[partition] : -1;
}

/* What is no key of ours is the consumer's to set aside. */
static void take(const struct phi_msg *msg, void *context)
{
    struct phi_person_replay *replay = context;
    if (replay->err != PHI_OK)
        return;
    enum phi_err err = phi_person_key_read(msg, replay->region, replay->options.health,
                                           replay->arena, &replay->keys[replay->count], NULL);
    if (err == PHI_ERR_MEMORY || err == PHI_ERR_CRYPTO)
        replay->err = err;
    if (err == PHI_OK && ++replay->count == BATCH_MAX)
        replay->err = flush(replay);
}

static enum phi_err read_to_end(struct phi_person_replay *replay)
{
    enum phi_err err = PHI_ERR_DEADLINE;
    struct phi_topic_reader *reader = NULL;
    const struct phi_topic_reader_options options = {.bus = replay->options.bus,
                                                     .topic = replay->topic,
                                                     .record = take,
                                                     .first = first_of,
                                                     .context = replay};
    struct phi_deadline until = phi_deadline_in_ms(ROUND_MS);
    PHI_GUARD(phi_topic_reader_open(&options, &reader, NULL));
    err = PHI_ERR_DEADLINE;
    while (err != PHI_OK && !atomic_load(&replay->is_stopping) && !phi_deadline_is_past(until))
        err = phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(SLICE_MS));
out:
    phi_topic_reader_close(reader);
    return err;
}

static enum phi_err run_round(struct phi_person_replay *replay)
{
    enum phi_err err = PHI_OK;
    replay->count = 0;
    replay->err = PHI_OK;
    replay->arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(replay->arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(load_offsets(replay));
    PHI_GUARD(read_to_end(replay));
    PHI_GUARD(replay->err);
    PHI_GUARD(flush(replay));
out:
    phi_arena_free(replay->arena);
    replay->arena = NULL;
    return err;
}

static void *run(void *context)
{
    struct phi_person_replay *replay = context;
    bool was_said = false;
    while (!atomic_load(&replay->is_stopping)) {
        enum phi_err err = run_round(replay);
        if (err == PHI_OK) {
            atomic_store(&replay->is_done, true);
            phi_log(PHI_LOG_INFO, "person_keys_replayed", PHI_L_WORD("topic", replay->topic));
            break;
        }
        if (!was_said && !atomic_load(&replay->is_stopping))
            phi_log(PHI_LOG_WARN, "person_keys_awaited", PHI_L_ERR(err));
        was_said = true;
        sleep_ms(RETRY_MS);
    }
    return NULL;
}

enum phi_err phi_person_replay_open(const struct phi_person_replay_options *options,
                                    struct phi_person_replay **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_person_replay *replay = calloc(1, sizeof(*replay));
    PHI_GUARD(replay == NULL ? PHI_ERR_MEMORY : PHI_OK);
    replay->options = *options;
    replay->brokers = strdup(options->bus.brokers);
    replay->topic = strdup(options->topic);
    PHI_GUARD(replay->brokers == NULL || replay->topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
    replay->options.bus.brokers = replay->brokers;
    strncpy(replay->region, options->region, sizeof(replay->region) - 1);
    replay->has_thread = pthread_create(&replay->thread, NULL, run, replay) == 0;
    PHI_GUARD(replay->has_thread ? PHI_OK : PHI_ERR_MEMORY);
    *out = replay;
    replay = NULL;
out:
    phi_person_replay_close(replay);
    if (err != PHI_OK)
        phi_error_set(error, err, PHI_PERSON_STREAM, "%s", phi_err_text_en(err));
    return err;
}

bool phi_person_replay_is_done(const struct phi_person_replay *replay)
{
    return atomic_load(&replay->is_done);
}

enum phi_err phi_person_replay_wait(struct phi_person_replay *replay, struct phi_deadline deadline)
{
    while (!atomic_load(&replay->is_done)) {
        if (phi_deadline_is_past(deadline))
            return PHI_ERR_DEADLINE;
        sleep_ms(5);
    }
    return PHI_OK;
}

void phi_person_replay_close(struct phi_person_replay *replay)
{
    if (replay == NULL)
        return;
    atomic_store(&replay->is_stopping, true);
    if (replay->has_thread)
        pthread_join(replay->thread, NULL);
    free(replay->brokers);
    free(replay->topic);
    free(replay);
}
