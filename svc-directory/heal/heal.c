#include "svc-directory/heal/heal.h"

#include "base/metrics.h"
#include "bus/sending.h"
#include "bus/signed.h"
#include "codes/bucket.h"
#include "store/columns.h"
#include "svc-directory/publish/sent.h"

#include <stdlib.h>
#include <string.h>

#define RUN_MAX    64 /* buckets a run, so that new entries don't wait long */
#define CHUNK      500
#define WAY_MAX    5000
#define ARENA      (8 * 1024 * 1024)
#define ACQUIRE_MS 2000
#define SENT_MS    40000 /* the producer has told by then */

struct told {
    uint16_t bucket;
    int64_t request; /* the version of the request that it answers */
    struct phi_bucket_sum sum;
};

struct heal {
    struct directory *directory;
    struct phi_producer *producer;
    const char *topic;
    int64_t turn_us;
    int64_t next; /* slot: buckets counted on from 1970, PHI_BUCKETS a turn; -1: not begun */
    uint64_t version;
    struct phi_sending *sending;
    size_t sent;
    size_t told_count;
    struct told told[RUN_MAX]; /* sent, their digests are still to come */
    struct phi_counter *marks;
    struct phi_counter *listings;
};

struct heal *heal_new(struct directory *directory, struct phi_producer *producer, const char *topic)
{
    struct heal *heal = calloc(1, sizeof(*heal));
    if (heal == NULL)
        return NULL;
    heal->directory = directory;
    heal->producer = producer;
    heal->topic = topic;
    heal->turn_us =
        phi_config_int(phi_service_config(directory->service), "PHI_HEAL_TURN_S") * 1000000;
    heal->next = -1;
    heal->marks = phi_counter_new("phi_directory_buckets_told_total",
                                  "digests of buckets that the nation was told", NULL);
    heal->listings = phi_counter_new("phi_directory_buckets_listed_total",
                                     "buckets sent whole because the nation asked", NULL);
    heal->sending = phi_sending_new();
    if (heal->sending != NULL)
        return heal;
    heal_free(heal);
    return NULL;
}

void heal_free(struct heal *heal)
{
    if (heal == NULL)
        return;
    phi_sending_drop(heal->sending);
    free(heal);
}

static int32_t partitions_of(struct directory *directory)
{
    pthread_mutex_lock(&directory->lock);
    int32_t count = directory->consumer == NULL ? 0 : phi_consumer_partitions(directory->consumer);
    pthread_mutex_unlock(&directory->lock);
    return count;
}

static bool is_owned(struct heal *heal, uint16_t bucket, int32_t partitions)
{
    return partitions > 0 && owned_has(&heal->directory->owned, bucket % partitions);
}

static enum phi_err scan(struct heal *heal, uint16_t bucket, struct phi_rows **rows)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    uint8_t low[PHI_SUBJECT_LEN], high[PHI_SUBJECT_LEN];
    phi_bucket_range(bucket, low, high);
    const struct phi_param params[] = {PHI_BYTES_OF(low, sizeof(low)),
                                       PHI_BYTES_OF(high, sizeof(high))};
    PHI_GUARD(phi_store_acquire(phi_service_store(heal->directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(conn, "bucket_scan",
                            "SELECT " ENTRY_SENT_COLUMNS " FROM entries WHERE subject BETWEEN $1 "
                            "AND $2 AND version > 0",
                            params, 2, rows, NULL));
out:
    phi_store_release(conn);
    return err;
}

static enum phi_err send_mark(struct heal *heal, enum phi_bucket_kind kind, uint16_t bucket,
                              const struct phi_bucket_sum *sum, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct directory *directory = heal->directory;
    const struct phi_signer signer = {directory->directory_key_id, directory->directory_key};
    int64_t now_us = phi_clock_now_us(phi_service_clock(directory->service));
    uint8_t key[PHI_SUBJECT_LEN];
    heal->version = heal->version < (uint64_t)now_us ? (uint64_t)now_us : heal->version + 1;
    struct phi_bucket_mark mark = {
        .kind = kind, .bucket = bucket, .version = heal->version, .sum = *sum};
    memcpy(mark.region, phi_service_region(directory->service), sizeof(mark.region));
    struct phi_event event = {.topic = heal->topic,
                              .type = "cn.phi.directory.mark",
                              .source = phi_service_source(directory->service),
                              .time_us = now_us,
                              .key = phi_view_of(key, sizeof(key))};
    phi_bucket_mark_key(kind, bucket, key);
    PHI_GUARD(phi_bucket_mark_format(&mark, arena, &event.value));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_signed_add(&event, &signer, mark.version, arena));
    PHI_GUARD(phi_sending_add(heal->sending, heal->producer, &event));
out:
    return err;
}

/* Waits for all that is on its way. */
static enum phi_err sent(struct heal *heal)
{
    return phi_sending_wait(heal->sending, phi_deadline_in_ms(SENT_MS));
}

/* So much on its way is enough. */
static enum phi_err send_entry(struct heal *heal, const struct phi_entry *entry,
                               struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    PHI_GUARD(entry_sent_event(heal->directory, heal->topic, entry, arena, &event));
    PHI_GUARD(phi_sending_add(heal->sending, heal->producer, &event));
    heal->sent++;
    if (heal->sent % WAY_MAX == 0)
        PHI_GUARD(sent(heal));
out:
    return err;
}

/* Takes rows into the sum, and sends those that the nation may not have yet, or all. */
static enum phi_err send_chunk(struct heal *heal, const struct phi_rows *rows, size_t first,
                               bool all, struct phi_bucket_sum *sum)
{
    enum phi_err err = PHI_OK;
    struct phi_entry entry;
    size_t end = first + CHUNK < phi_rows_count(rows) ? first + CHUNK : phi_rows_count(rows);
    struct phi_arena *arena = phi_arena_new(ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = first; i < end; i++) {
        PHI_GUARD(entry_sent_read(heal->directory, rows, i, &entry));
        PHI_GUARD(phi_bucket_sum_add(sum, &entry, arena));
        if (all || phi_rows_i64(rows, i, ENTRY_SENT_PUBLISHED) < (int64_t)entry.version)
            PHI_GUARD(send_entry(heal, &entry, arena));
    }
out:
    phi_arena_free(arena);
    return err;
}

/* One bucket: what is not known to be there, or all of it after a begin. Its digest comes later. */
static enum phi_err send_bucket(struct heal *heal, uint16_t bucket, bool all,
                                struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct told *told = &heal->told[heal->told_count];
    *told = (struct told){.bucket = bucket};
    PHI_GUARD(scan(heal, bucket, &rows));
    if (all)
        PHI_GUARD(send_mark(heal, PHI_BUCKET_BEGIN, bucket, &told->sum, arena));
    for (size_t first = 0; first < phi_rows_count(rows); first += CHUNK)
        PHI_GUARD(send_chunk(heal, rows, first, all, &told->sum));
    heal->told_count++;
out:
    phi_rows_free(rows);
    return err;
}

/* The digests of the buckets that were sent, once everything they speak of is kept. */
static enum phi_err send_digests(struct heal *heal, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(sent(heal));
    for (size_t i = 0; i < heal->told_count; i++)
        PHI_GUARD(
            send_mark(heal, PHI_BUCKET_DIGEST, heal->told[i].bucket, &heal->told[i].sum, arena));
    PHI_GUARD(sent(heal));
out:
    return err;
}

static int64_t slot_at(const struct heal *heal, int64_t now_us)
{
    int64_t turn = now_us / heal->turn_us, within_us = now_us % heal->turn_us;
    return turn * PHI_BUCKETS + within_us * PHI_BUCKETS / heal->turn_us;
}

/* The buckets whose time in the turn has come. */
static enum phi_err run_turn(struct heal *heal, int32_t partitions, struct phi_arena *arena,
                             bool *has_more)
{
    enum phi_err err = PHI_OK;
    if (heal->turn_us == 0 || partitions == 0)
        return PHI_OK;
    int64_t now = slot_at(heal, phi_clock_now_us(phi_service_clock(heal->directory->service)));
    if (heal->next < 0 || heal->next > now)
        heal->next = now;
    if (heal->next < now - PHI_BUCKETS)
        heal->next = now - PHI_BUCKETS;
    int64_t at = heal->next;
    heal->told_count = 0;
    for (; at < now && heal->told_count < RUN_MAX; at++) {
        uint16_t bucket = (uint16_t)(at % PHI_BUCKETS);
        if (is_owned(heal, bucket, partitions))
            PHI_GUARD(send_bucket(heal, bucket, false, arena));
    }
    PHI_GUARD(send_digests(heal, arena));
    phi_counter_add(heal->marks, heal->told_count);
    heal->next = at;
    *has_more = *has_more || heal->next < now;
out:
    return err;
}

static bool take_wanted(struct heal *heal, uint16_t bucket)
{
    uint64_t bit = UINT64_C(1) << (bucket % 64);
    atomic_uint_fast64_t *word = &heal->directory->tells[bucket / 64];
    return (atomic_load(word) & bit) != 0 && (atomic_fetch_and(word, ~bit) & bit) != 0;
}

/* The digests that the nation wants now, of our own partitions; what a failure loses it asks for
 * again. */
static enum phi_err run_wanted(struct heal *heal, int32_t partitions, struct phi_arena *arena,
                               bool *has_more)
{
    enum phi_err err = PHI_OK;
    uint16_t bucket = 0;
    heal->told_count = 0;
    for (; bucket < PHI_BUCKETS && heal->told_count < RUN_MAX; bucket++)
        if (take_wanted(heal, bucket) && is_owned(heal, bucket, partitions))
            PHI_GUARD(send_bucket(heal, bucket, false, arena));
    if (heal->told_count == 0)
        goto out;
    *has_more = *has_more || bucket < PHI_BUCKETS;
    PHI_GUARD(send_digests(heal, arena));
    phi_counter_add(heal->marks, heal->told_count);
out:
    return err;
}

static enum phi_err read_asked(struct heal *heal, struct phi_rows **rows)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    PHI_GUARD(phi_store_acquire(phi_service_store(heal->directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(conn, "buckets_asked",
                            "SELECT bucket, version FROM heal_requests WHERE done_version < "
                            "version ORDER BY version LIMIT 4096",
                            NULL, 0, rows, NULL));
out:
    phi_store_release(conn);
    return err;
}

static enum phi_err mark_done(struct heal *heal)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_columns columns;
    static const enum phi_column types[] = {PHI_COLUMN_I64, PHI_COLUMN_I64};
    PHI_GUARD(phi_columns_init(&columns, types, 2));
    for (size_t i = 0; i < heal->told_count; i++) {
        const struct phi_param row[] = {PHI_I64(heal->told[i].bucket),
                                        PHI_I64(heal->told[i].request)};
        PHI_GUARD(phi_columns_add(&columns, row));
    }
    PHI_GUARD(phi_store_acquire(phi_service_store(heal->directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(conn, "buckets_listed",
                            "UPDATE heal_requests h SET done_version = u.version FROM "
                            "unnest($1::bigint[], $2::bigint[]) AS u(bucket, version) WHERE "
                            "h.bucket = u.bucket AND h.done_version < u.version",
                            columns.params, 2, NULL, NULL));
out:
    phi_store_release(conn);
    phi_columns_fini(&columns);
    return err;
}

static enum phi_err run_asked(struct heal *heal, int32_t partitions, struct phi_arena *arena,
                              bool *has_more)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    heal->told_count = 0;
    PHI_GUARD(read_asked(heal, &rows));
    for (size_t i = 0; i < phi_rows_count(rows) && !*has_more; i++) {
        uint16_t bucket = (uint16_t)phi_rows_i64(rows, i, 0);
        if (!is_owned(heal, bucket, partitions))
            continue;
        PHI_GUARD(send_bucket(heal, bucket, true, arena));
        heal->told[heal->told_count - 1].request = phi_rows_i64(rows, i, 1);
        *has_more = heal->told_count == RUN_MAX;
    }
    if (heal->told_count == 0)
        goto out;
    PHI_GUARD(send_digests(heal, arena));
    PHI_GUARD(mark_done(heal));
    phi_counter_add(heal->listings, heal->told_count);
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err heal_run(struct heal *heal, bool *has_more)
{
    enum phi_err err = PHI_OK;
    int32_t partitions = partitions_of(heal->directory);
    *has_more = false;
    struct phi_arena *arena = phi_arena_new(ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(run_asked(heal, partitions, arena, has_more));
    PHI_GUARD(run_wanted(heal, partitions, arena, has_more));
    PHI_GUARD(run_turn(heal, partitions, arena, has_more));
out:
    phi_arena_free(arena);
    enum phi_err late = sent(heal);
    return err == PHI_OK ? late : err;
}
