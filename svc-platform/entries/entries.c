/* The directory topics of all provinces into one table: each entry signed by the directory key that
 * the trust list gives its province, about its own region only, the highest version kept. Poison
 * goes to the dlq, and into the
 * province's data quality report. */
#include "svc-platform/platform.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/signed.h"
#include "svc-platform/entries/check.h"
#include "svc-platform/entries/quality.h"
#include "svc-platform/entries/rows.h"
#include "svc-platform/heal/heal.h"
#include "svc-platform/rebuild/rebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPICS      "^phi\\.[0-9]{6}\\.directory$"
#define ENTRY_ARENA (256 * 1024)
#define BATCH_ARENA (16 * 1024 * 1024) /* a batch's bytes, once more */

/* All signatures of a batch together, by the province's keys as the trust list has them; a
 * suspended or unknown one has none. */
static void check_signatures(struct platform *platform, const struct phi_batch *batch,
                             struct phi_signed_job *jobs, struct phi_arena *arena)
{
    char region[7];
    struct phi_pinned_key pinned[PHI_TRUST_KEYS];
    check_region(batch->topic, region);
    const struct phi_trust_view *view = phi_trust_acquire(phi_service_trust(platform->service));
    const struct phi_trust_platform *province = phi_trust_platform(view, region);
    bool is_known = province != NULL && province->status == PHI_TRUST_ACTIVE;
    size_t count = is_known ? check_keys(province, phi_clock_now_us(NULL), pinned) : 0;
    for (size_t i = 0; i < batch->count; i++)
        jobs[i] = (struct phi_signed_job){.msg = &batch->msgs[i],
                                          .pinned = pinned,
                                          .pinned_count = count,
                                          .err = PHI_ERR_CODE_PLATFORM};
    if (is_known)
        phi_signed_verify_many(jobs, batch->count, arena);
    for (size_t i = 0; i < batch->count; i++) {
        jobs[i].pinned = NULL; /* the keys are the view's */
        jobs[i].pinned_count = 0;
    }
    phi_trust_release(view);
}

static bool is_poison(enum phi_err err)
{
    return err != PHI_OK && !phi_err_is_retryable(err) && err != PHI_ERR_MEMORY;
}

/* What a batch is read into: a run of entries, written before a mark is looked at. */
struct taking {
    struct platform *platform;
    struct phi_conn *tx;
    const struct phi_batch *batch;
    struct heal_batch *heal;
    struct quality quality;
    struct entry_row *rows;
    size_t count;
};

static enum phi_err refuse(struct taking *t, const struct phi_msg *msg, enum phi_err reason,
                           const struct phi_error *error)
{
    bool is_told = error != NULL && error->code == reason;
    quality_refuse(&t->quality, msg, reason, is_told ? error->place : "");
    phi_counter_add(t->platform->refused, 1);
    return phi_dlq_put(t->platform->dlq, t->tx, msg, reason);
}

static enum phi_err store_run(struct taking *t)
{
    enum phi_err err = PHI_OK;
    size_t taken = 0;
    PHI_GUARD(entry_rows_store(t->tx, t->rows, t->count, heal_rebuild(t->heal) > 0, &taken));
    t->quality.taken += (int64_t)taken;
    t->quality.older += (int64_t)(t->count - taken);
    t->count = 0;
out:
    return err;
}

static enum phi_err take_entry(struct taking *t, const struct phi_signed_job *job,
                               struct phi_arena *arena, struct phi_error *error)
{
    struct entry_row *row = &t->rows[t->count];
    enum phi_err err = check_entry(job, arena, &row->entry, error);
    if (err != PHI_OK)
        return err;
    row->listing = heal_listing(t->heal, row->entry.subject);
    t->count++;
    return PHI_OK;
}

/* `is_refused`: the record's fault, and not of what was done with it. */
static enum phi_err take_mark(struct taking *t, const struct phi_signed_job *job,
                              struct phi_arena *arena, bool *is_refused, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_bucket_mark mark;
    *is_refused = true;
    PHI_GUARD(check_mark(job, arena, &mark, error));
    *is_refused = false;
    PHI_GUARD(store_run(t));
    PHI_GUARD(heal_take(t->heal, job->msg->offset, &mark, t->tx));
out:
    return err;
}

static enum phi_err take_msg(struct taking *t, const struct phi_signed_job *job)
{
    enum phi_bucket_kind kind;
    uint16_t bucket;
    bool is_refused = true;
    struct phi_error error = {.code = PHI_OK};
    if (is_poison(job->err))
        return refuse(t, job->msg, job->err, NULL);
    if (job->err != PHI_OK)
        return job->err;
    struct phi_arena *arena = phi_arena_new(ENTRY_ARENA);
    if (arena == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = phi_bucket_mark_is(job->msg->key, &kind, &bucket)
                           ? take_mark(t, job, arena, &is_refused, &error)
                           : take_entry(t, job, arena, &error);
    phi_arena_free(arena);
    return is_refused && is_poison(err) ? refuse(t, job->msg, err, &error) : err;
}

static enum phi_err handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct platform *platform = context;
    struct taking t = {.platform = platform, .tx = tx, .batch = batch};
    struct phi_arena *arena = phi_arena_new(BATCH_ARENA);
    struct phi_signed_job *jobs = calloc(batch->count, sizeof(*jobs));
    t.rows = calloc(batch->count, sizeof(*t.rows));
    PHI_GUARD(arena == NULL || jobs == NULL || t.rows == NULL ? PHI_ERR_MEMORY : PHI_OK);
    /* Without a list no signature can be judged: the batch comes again. */
    PHI_GUARD(phi_trust_is_usable(phi_service_trust(platform->service)) ? PHI_OK
                                                                        : PHI_ERR_NEIGHBOUR);
    quality_begin(&t.quality, batch);
    check_signatures(platform, batch, jobs, arena);
    PHI_GUARD(heal_batch_open(platform->heal, batch, tx, &t.heal));
    for (size_t i = 0; i < batch->count; i++)
        PHI_GUARD(take_msg(&t, &jobs[i]));
    PHI_GUARD(store_run(&t));
    if (heal_rebuild(t.heal) > 0)
        PHI_GUARD(
            rebuild_tell(platform->service, heal_rebuild(t.heal), batch, t.quality.taken, tx));
    PHI_GUARD(quality_store(&t.quality, phi_clock_now_us(NULL), tx));
    phi_counter_add(platform->taken, (uint64_t)(t.quality.taken + t.quality.older));
out:
    heal_batch_close(t.heal);
    phi_arena_free(arena);
    free(jobs);
    free(t.rows);
    return err;
}

static void owns(const char *topic, int32_t partition, bool is_owner, void *context)
{
    struct platform *platform = context;
    heal_owns(platform->heal, topic, partition, is_owner);
}

static void committed(const struct phi_batch *batch, void *context)
{
    struct platform *platform = context;
    quality_committed(batch, phi_clock_now_us(NULL));
    phi_relay_wake(phi_service_relay(platform->service));
}

enum phi_err platform_entries_open(struct platform *platform, struct phi_error *error)
{
    static const char *const topics[] = {TOPICS};
    struct phi_service *service = platform->service;
    struct phi_consumer_options options = {
        .bus = phi_service_platform_bus(service),
        .group = "svc-platform.directory",
        .topics = topics,
        .topic_count = 1,
        .store = phi_service_store(service),
        .dlq = platform->dlq,
        .session_ms = phi_config_int(phi_service_config(service), "PHI_BUS_SESSION_MS"),
        .handle = handle,
        .committed = committed,
        .owns = owns,
        .context = platform,
    };
    return phi_consumer_open(&options, &platform->consumer, error);
}
