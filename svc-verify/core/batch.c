/* A batch from its first job to its last answer. */
#include "svc-verify/verify.h"

#include "base/metrics.h"
#include "base/mutant.h"

#include <stdlib.h>

#define BATCH_ARENA_MAX (4 * 1024 * 1024)
#define JOB_ARENA_MAX   (64 * 1024)

struct verify_batch *verify_batch_new(struct verify *verify, const struct verify_door *door,
                                      size_t count)
{
    struct phi_arena *arena = phi_arena_new(BATCH_ARENA_MAX + count * JOB_ARENA_MAX);
    struct verify_batch *batch = arena == NULL ? NULL : phi_arena_alloc(arena, sizeof(*batch));
    if (batch != NULL)
        batch->jobs = phi_arena_alloc(arena, count * sizeof(struct verify_job *));
    if (batch == NULL || batch->jobs == NULL) {
        phi_arena_free(arena);
        return NULL;
    }
    batch->verify = verify;
    batch->door = door;
    batch->arena = arena;
    return batch;
}

struct verify_job *verify_batch_add(struct verify_batch *batch,
                                    const struct phi_verify_request *request,
                                    uint32_t allowed_scopes, struct phi_deadline deadline)
{
    struct verify_job *job = phi_arena_alloc(batch->arena, sizeof(*job));
    if (job == NULL)
        return NULL;
    job->verify = batch->verify;
    job->batch = batch;
    job->request = *request;
    job->allowed_scopes = allowed_scopes;
    job->deadline = deadline;
    batch->jobs[batch->count++] = job;
    return job;
}

void verify_batch_drop(struct verify_batch *batch)
{
    if (batch != NULL)
        phi_arena_free(batch->arena);
}

static void let_go(struct verify_batch *batch, size_t count)
{
    if (atomic_fetch_sub(&batch->held, count) == count)
        verify_batch_drop(batch);
}

void verify_answer(struct verify_job **jobs, size_t count, bool is_as_prepared)
{
    struct verify_batch *batch = count > 0 ? jobs[0]->batch : NULL;
    if (batch == NULL)
        return;
    batch->door->answer(jobs, count, is_as_prepared);
    let_go(batch, count);
}

static void drop_bench(void *context)
{
    struct verify_bench *bench = context;
    phi_trust_reader_drop(&bench->trust);
    free(bench);
}

struct verify_bench *verify_bench_get(struct verify *verify)
{
    struct verify_bench *bench = pthread_getspecific(verify->bench_key);
    if (bench != NULL)
        return bench;
    bench = calloc(1, sizeof(*bench));
    if (bench != NULL && pthread_setspecific(verify->bench_key, bench) != 0) {
        free(bench);
        bench = NULL;
    }
    return bench;
}

enum phi_err verify_benches_open(struct verify *verify)
{
    if (pthread_key_create(&verify->bench_key, drop_bench) != 0)
        return PHI_ERR_MEMORY;
    verify->has_bench_key = true;
    return PHI_OK;
}

void verify_benches_close(struct verify *verify)
{
    if (verify->has_bench_key)
        pthread_key_delete(verify->bench_key);
}

/* Uses by a verification of a code that is ours are recorded, good or not: they are the holder's to
 * see. */
static bool is_recorded(const struct verify_job *job)
{
    bool is_use = job->request.operation == PHI_VERIFY_VERIFY || PHI_MUTANT(check_spends);
    return is_use && job->is_ours &&
           (job->reply.status == PHI_OK || phi_err_is_verdict(job->reply.status));
}

static size_t gather(struct verify_batch *batch, enum verify_way way, struct verify_job **out)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->jobs[i]->way == way)
            out[count++] = batch->jobs[i];
    }
    return count;
}

/* All commits of the batch are told: those that were kept are answered together. */
static void answer_kept(struct verify_batch *batch)
{
    struct phi_relay *relay = phi_service_relay(batch->verify->service);
    struct verify_job *jobs[VERIFY_BATCH];
    const struct phi_event *events[VERIFY_BATCH];
    for (size_t i = 0; i < batch->count;) {
        size_t count = 0;
        for (; i < batch->count && count < VERIFY_BATCH; i++) {
            if (batch->jobs[i]->way != WAY_COMMIT)
                continue;
            events[count] = batch->jobs[i]->event;
            jobs[count++] = batch->jobs[i];
        }
        for (size_t j = 0; j < count; j++)
            verify_count_kept(jobs[j]);
        verify_answer(jobs, count, true);
        /* their memory is the batch's still, and callers need not wait for the bus */
        phi_relay_offer_all(relay, events, count);
    }
}

static void told(struct verify_batch *batch, size_t count)
{
    if (atomic_fetch_sub(&batch->committing, count) != count)
        return;
    answer_kept(batch);
    let_go(batch, 1);
}

static void on_commit(void *context, const struct phi_commit_result *result)
{
    struct verify_job *job = context;
    struct verify_batch *batch = job->batch;
    if (result->err != PHI_OK) {
        job->way = WAY_LATE;
        verify_keep_result(job, result);
        verify_late_push(job);
    }
    told(batch, 1);
}

static void fail(struct verify_job *job, enum phi_err err)
{
    job->way = WAY_LATE;
    job->reply.status = err;
    job->reply.receipt = phi_view_of(NULL, 0);
    verify_answer(&job, 1, false);
}

/* From the hand-over on a job may be answered at any moment, so nothing of it is read after. */
static void submit(struct verify_batch *batch, struct phi_submission *items, size_t count)
{
    atomic_store(&batch->committing, count + 1);
    phi_commit_submit_all(items, count);
    size_t refused = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].err == PHI_OK)
            continue;
        phi_commit_free(items[i].commit);
        fail(items[i].context, items[i].err);
        refused++;
    }
    told(batch, refused + 1);
}

static void commit(struct verify_batch *batch, struct verify_job **jobs, size_t count,
                   struct phi_submission *items)
{
    size_t ready = 0;
    struct phi_lane *lane = verify_lane(batch->verify);
    for (size_t i = 0; i < count; i++) {
        struct phi_commit *laid = NULL;
        enum phi_err err = verify_record(jobs[i], lane, &laid);
        if (err != PHI_OK) {
            fail(jobs[i], err);
            continue;
        }
        items[ready++] = (struct phi_submission){
            .commit = laid, .done = on_commit, .context = jobs[i], .deadline = jobs[i]->deadline};
    }
    submit(batch, items, ready);
}

static void set_ways(struct verify_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct verify_job *job = batch->jobs[i];
        job->way = is_recorded(job)                      ? WAY_COMMIT
                   : job->reply.status == PHI_ERR_ISSUER ? WAY_ISSUER
                                                         : WAY_AT_ONCE;
        if (job->way == WAY_COMMIT && job->reply.status == PHI_OK)
            job->reply.checked |= PHI_CHECK_LEDGER | PHI_CHECK_SUBJECT;
    }
}

static void fail_all(struct verify_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->jobs[i]->reply.status = PHI_ERR_MEMORY;
    verify_answer(batch->jobs, batch->count, false);
    let_go(batch, 1);
}

static void run(struct verify_batch *batch, struct verify_bench *bench,
                struct phi_submission *items, struct verify_job **jobs)
{
    verify_check(bench, batch->jobs, batch->count);
    set_ways(batch);
    size_t recorded = gather(batch, WAY_COMMIT, jobs);
    verify_sign_receipts(bench, jobs, recorded);
    if (batch->door->prepare != NULL)
        batch->door->prepare(batch);
    verify_answer(jobs + recorded, gather(batch, WAY_AT_ONCE, jobs + recorded), true);
    verify_ask_issuers(bench, batch);
    commit(batch, jobs, recorded, items);
}

void verify_run(struct verify_batch *batch)
{
    size_t size = sizeof(struct phi_submission) + sizeof(struct verify_job *);
    struct verify_bench *bench = verify_bench_get(batch->verify);
    struct phi_submission *items = phi_arena_alloc(batch->arena, batch->count * size);
    atomic_store(&batch->held, batch->count + 1);
    phi_counter_add(batch->verify->batches, 1);
    phi_counter_add(batch->verify->batched, batch->count);
    if (bench == NULL || items == NULL) {
        fail_all(batch);
        return;
    }
    run(batch, bench, items, (struct verify_job **)(items + batch->count));
}
