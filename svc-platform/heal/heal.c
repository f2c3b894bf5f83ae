#include "svc-platform/heal/heal.h"

#include "base/log.h"
#include "base/metrics.h"
#include "store/outbox.h"
#include "svc-platform/entries/rows.h"
#include "svc-platform/heal/ask.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX    1024
#define SCAN_ARENA   (4 * 1024 * 1024)
#define SCAN_ROWS    1000 /* whose JSON one arena holds */
#define BEHIND_MAX   10000
#define ASK_AGAIN_US (10 * INT64_C(1000000))

enum outcome { OUTCOME_EQUAL, OUTCOME_DIFFERENT, OUTCOME_SKIPPED, OUTCOME_OLD, OUTCOMES };

struct part {
    uint32_t region;
    int32_t partition;
    int64_t head; /* the partition's end when it came to us; -1: not known yet */
};

struct heal {
    struct phi_service *service;
    pthread_mutex_t lock; /* parts */
    size_t part_count;
    struct part parts[PARTS_MAX];
    struct phi_counter *outcomes[OUTCOMES];
    struct phi_counter *asked;
};

struct heal_batch {
    struct heal *heal;
    const struct phi_batch *batch;
    int64_t head;                  /* of its partition, as in struct part; -1: not known */
    int64_t rebuild;               /* under way; 0: none */
    int64_t listings[PHI_BUCKETS]; /* under way in its region */
};

struct heal *heal_new(struct phi_service *service)
{
    static const char *const labels[OUTCOMES] = {"result=\"equal\"", "result=\"different\"",
                                                 "result=\"skipped\"", "result=\"old\""};
    struct heal *heal = calloc(1, sizeof(*heal));
    if (heal == NULL)
        return NULL;
    heal->service = service;
    pthread_mutex_init(&heal->lock, NULL);
    for (size_t i = 0; i < OUTCOMES; i++)
        heal->outcomes[i] = phi_counter_new("phi_platform_buckets_total",
                                            "buckets compared with their province", labels[i]);
    heal->asked = phi_counter_new("phi_platform_buckets_asked_total",
                                  "buckets asked for again because they differ", NULL);
    return heal;
}

void heal_free(struct heal *heal)
{
    if (heal == NULL)
        return;
    pthread_mutex_destroy(&heal->lock);
    free(heal);
}

static uint32_t region_number(const char *topic)
{
    return (uint32_t)strtoul(topic + strlen("phi."), NULL, 10);
}

static struct part *find(struct heal *heal, const char *topic, int32_t partition)
{
    uint32_t region = region_number(topic);
    for (size_t i = 0; i < heal->part_count; i++)
        if (heal->parts[i].region == region && heal->parts[i].partition == partition)
            return &heal->parts[i];
    return NULL;
}

void heal_owns(struct heal *heal, const char *topic, int32_t partition, bool is_owner)
{
    pthread_mutex_lock(&heal->lock);
    struct part *part = find(heal, topic, partition);
    if (part != NULL && !is_owner)
        *part = heal->parts[--heal->part_count];
    if (part == NULL && is_owner && heal->part_count < PARTS_MAX)
        part = &heal->parts[heal->part_count++];
    if (part != NULL && is_owner)
        *part = (struct part){.region = region_number(topic), .partition = partition, .head = -1};
    pthread_mutex_unlock(&heal->lock);
}

static enum phi_err read_listings(struct heal_batch *it, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    char region[7] = "";
    memcpy(region, it->batch->topic + strlen("phi."), 6);
    const struct phi_param params[] = {PHI_TEXT(region)};
    PHI_GUARD(phi_conn_exec(tx, "listings_open",
                            "SELECT bucket::bigint, listing FROM buckets WHERE region = $1 AND "
                            "listing > 0 UNION ALL SELECT -1, id FROM rebuilds WHERE read_us = 0",
                            params, 1, &rows, NULL));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        int64_t bucket = phi_rows_i64(rows, i, 0);
        *(bucket < 0 ? &it->rebuild : &it->listings[bucket]) = phi_rows_i64(rows, i, 1);
    }
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err heal_batch_open(struct heal *heal, const struct phi_batch *batch, struct phi_conn *tx,
                             struct heal_batch **out)
{
    struct heal_batch *it = calloc(1, sizeof(*it));
    if (it == NULL)
        return PHI_ERR_MEMORY;
    it->heal = heal;
    it->batch = batch;
    pthread_mutex_lock(&heal->lock);
    struct part *part = find(heal, batch->topic, batch->partition);
    if (part != NULL && part->head < 0)
        part->head = batch->high;
    it->head = part == NULL ? -1 : part->head;
    pthread_mutex_unlock(&heal->lock);
    *out = it;
    return read_listings(it, tx);
}

int64_t heal_rebuild(const struct heal_batch *it)
{
    return it->rebuild;
}

void heal_batch_close(struct heal_batch *it)
{
    free(it);
}

int64_t heal_listing(const struct heal_batch *it, const uint8_t subject[PHI_SUBJECT_LEN])
{
    return it->listings[phi_bucket_of(subject)];
}

/* Only a mark that was sent while we follow the head speaks about what is here now. */
static bool is_followed(const struct heal_batch *it, int64_t offset)
{
    return it->head >= 0 && offset >= it->head && it->batch->high >= 0 &&
           it->batch->high - offset <= BEHIND_MAX;
}

static enum phi_err add_rows(const struct phi_rows *rows, struct phi_bucket_sum *sum)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = NULL;
    struct phi_entry entry;
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        if (i % SCAN_ROWS == 0) {
            phi_arena_free(arena);
            arena = phi_arena_new(SCAN_ARENA);
            PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
        }
        entry_rows_read(rows, i, &entry);
        err = phi_bucket_sum_add(sum, &entry, arena);
        if (err == PHI_ERR_FIELD_VALUE) /* no province wrote it: it makes the sums differ */
            sum->count++;
        else
            PHI_GUARD(err);
        err = PHI_OK;
    }
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err heal_scan(struct phi_conn *conn, const char *region, uint16_t bucket,
                       struct phi_bucket_sum *out)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    uint8_t low[PHI_SUBJECT_LEN], high[PHI_SUBJECT_LEN];
    phi_bucket_range(bucket, low, high);
    const struct phi_param params[] = {PHI_TEXT(region), PHI_BYTES_OF(low, sizeof(low)),
                                       PHI_BYTES_OF(high, sizeof(high))};
    *out = (struct phi_bucket_sum){0};
    PHI_GUARD(phi_conn_exec(conn, "bucket_scan",
                            "SELECT " ENTRY_COLUMNS " FROM entries WHERE region = $1 AND "
                            "subject BETWEEN $2 AND $3",
                            params, 3, &rows, NULL));
    PHI_GUARD(add_rows(rows, out));
out:
    phi_rows_free(rows);
    return err;
}

/* Older and equal versions are dropped, as of entries. */
static enum phi_err claim(const struct phi_bucket_mark *mark, struct phi_conn *tx, bool *is_new)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(mark->region), PHI_I64(mark->bucket),
                                       PHI_I64((int64_t)mark->version)};
    PHI_GUARD(phi_conn_exec(tx, "bucket_claim",
                            "INSERT INTO buckets AS b (region, bucket, mark_version) VALUES ($1, "
                            "$2, $3) ON CONFLICT (region, bucket) DO UPDATE SET mark_version = "
                            "excluded.mark_version WHERE b.mark_version < excluded.mark_version",
                            params, 3, &rows, NULL));
    *is_new = phi_rows_affected(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err set_listing(struct heal_batch *it, const struct phi_bucket_mark *mark,
                                bool begins, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(mark->region), PHI_I64(mark->bucket),
                                       PHI_BOOL(begins)};
    PHI_GUARD(phi_conn_exec(tx, "listing_set",
                            "UPDATE buckets SET listing = CASE WHEN $3 THEN nextval('listings') "
                            "ELSE 0 END WHERE region = $1 AND bucket = $2 RETURNING listing",
                            params, 3, &rows, NULL));
    it->listings[mark->bucket] = phi_rows_count(rows) == 1 ? phi_rows_i64(rows, 0, 0) : 0;
out:
    phi_rows_free(rows);
    return err;
}

/* What the listing didn't name, its province doesn't have. */
static enum phi_err drop_unlisted(struct heal_batch *it, const struct phi_bucket_mark *mark,
                                  struct phi_conn *tx)
{
    uint8_t low[PHI_SUBJECT_LEN], high[PHI_SUBJECT_LEN];
    phi_bucket_range(mark->bucket, low, high);
    const struct phi_param params[] = {PHI_TEXT(mark->region), PHI_BYTES_OF(low, sizeof(low)),
                                       PHI_BYTES_OF(high, sizeof(high)),
                                       PHI_I64(it->listings[mark->bucket])};
    return phi_conn_exec(tx, "unlisted_drop",
                         "DELETE FROM entries WHERE region = $1 AND subject BETWEEN $2 AND $3 AND "
                         "heal < $4",
                         params, 4, NULL, NULL);
}

static enum phi_err keep_comparison(const struct phi_bucket_mark *mark,
                                    const struct phi_bucket_sum *ours, int64_t now_us,
                                    struct phi_conn *tx, bool *asks)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(mark->region),
                                       PHI_I64(mark->bucket),
                                       PHI_I64(now_us),
                                       PHI_BOOL(phi_bucket_sum_equal(&mark->sum, ours)),
                                       PHI_I64((int64_t)mark->sum.count),
                                       PHI_I64((int64_t)ours->count),
                                       PHI_BYTES_OF(mark->sum.digest, PHI_ENTRY_DIGEST_LEN),
                                       PHI_BYTES_OF(ours->digest, PHI_ENTRY_DIGEST_LEN),
                                       PHI_I64(now_us - ASK_AGAIN_US)};
    PHI_GUARD(phi_conn_exec(
        tx, "bucket_compared",
        "UPDATE buckets SET compared_us = $3, healed = healed + CASE WHEN $4 AND NOT is_equal THEN "
        "1 ELSE 0 END, is_equal = $4, their_count = $5, our_count = $6, their_digest = $7, "
        "our_digest = $8, asks = asks + CASE WHEN NOT $4 AND asked_us < $9 THEN 1 ELSE 0 END, "
        "asked_us = CASE WHEN NOT $4 AND asked_us < $9 THEN $3 ELSE asked_us END "
        "WHERE region = $1 AND bucket = $2 RETURNING NOT is_equal AND asked_us = $3",
        params, 9, &rows, NULL));
    *asks = phi_rows_count(rows) == 1 && phi_rows_bool(rows, 0, 0);
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err compare(struct heal *heal, const struct phi_bucket_mark *mark,
                            struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    struct phi_bucket_sum ours;
    bool asks = false;
    int64_t now_us = phi_clock_now_us(phi_service_clock(heal->service));
    PHI_GUARD(heal_scan(tx, mark->region, mark->bucket, &ours));
    PHI_GUARD(keep_comparison(mark, &ours, now_us, tx, &asks));
    bool is_equal = phi_bucket_sum_equal(&mark->sum, &ours);
    phi_counter_add(heal->outcomes[is_equal ? OUTCOME_EQUAL : OUTCOME_DIFFERENT], 1);
    if (!is_equal)
        phi_log(PHI_LOG_WARN, "bucket_differs", PHI_L_WORD("region", mark->region),
                PHI_L_INT("bucket", mark->bucket), PHI_L_INT("theirs", (int64_t)mark->sum.count),
                PHI_L_INT("ours", (int64_t)ours.count));
    if (!asks)
        goto out;
    PHI_GUARD(heal_ask(heal->service, mark->region, mark->bucket, now_us, tx));
    phi_counter_add(heal->asked, 1);
out:
    return err;
}

enum phi_err heal_take(struct heal_batch *it, int64_t offset, const struct phi_bucket_mark *mark,
                       struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    bool is_new = false;
    bool was_listing = it->listings[mark->bucket] > 0;
    PHI_GUARD(claim(mark, tx, &is_new));
    if (!is_new) {
        phi_counter_add(it->heal->outcomes[OUTCOME_OLD], 1);
        goto out;
    }
    bool is_followed_here = is_followed(it, offset);
    if (!is_followed_here)
        phi_counter_add(it->heal->outcomes[OUTCOME_SKIPPED], 1);
    if (mark->kind == PHI_BUCKET_BEGIN) {
        if (is_followed_here)
            PHI_GUARD(set_listing(it, mark, true, tx));
        goto out;
    }
    if (was_listing && is_followed_here)
        PHI_GUARD(drop_unlisted(it, mark, tx));
    if (was_listing)
        PHI_GUARD(set_listing(it, mark, false, tx));
    if (is_followed_here)
        PHI_GUARD(compare(it->heal, mark, tx));
out:
    return err;
}
