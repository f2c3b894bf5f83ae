/* What comes late: the issuer's word about another platform's code (issuer.c), and what follows a
 * refused commit: the recorded answer of a repeated request gets a receipt for the repeat's
 * challenge; a code spent before is recorded as refused. Signing and waiting have no place on the
 * lane's thread. */
#include "svc-verify/verify.h"

#include "base/queue.h"

static void finish(struct verify_job *job, enum phi_err status)
{
    job->reply.status = status;
    if (status != PHI_OK)
        job->reply.receipt = phi_view_of(NULL, 0);
    verify_answer(&job, 1, false);
}

static void on_commit(void *context, const struct phi_commit_result *result)
{
    struct verify_job *job = context;
    if (result->err != PHI_OK) {
        verify_keep_result(job, result);
        verify_late_push(job);
        return;
    }
    verify_count_kept(job);
    phi_relay_offer(phi_service_relay(job->verify->service), job->event, 1);
    finish(job, job->reply.status);
}

static void record_refusal(struct verify_job *job)
{
    struct phi_commit *commit = NULL;
    job->reply.status = PHI_ERR_CODE_USED;
    job->reply.receipt = phi_view_of(NULL, 0);
    job->is_recording_refusal = true;
    enum phi_err err = PHI_ERR_DRAINING;
    if (!atomic_load(&job->verify->is_drained))
        err = verify_record(job, phi_service_lane(job->verify->service), &commit);
    if (err == PHI_OK)
        err = phi_commit_submit(commit, on_commit, job, job->deadline);
    if (err == PHI_OK)
        return;
    phi_commit_free(commit);
    finish(job, err);
}

static bool is_repeat(const struct verify_job *job)
{
    return job->has_recorded && !job->is_other_request;
}

static void handle(struct verify_bench *bench, struct verify_job *job)
{
    if (job->way == WAY_ISSUER)
        verify_take_issuers_answer(bench, job);
    else if (is_repeat(job))
        finish(job, job->reply.status);
    else if (job->has_recorded)
        finish(job, PHI_ERR_CONFLICT);
    else if (job->commit_table == TABLE_LEDGER && !job->is_recording_refusal)
        record_refusal(job);
    else
        finish(job, job->commit_err);
}

/* The receipts of all repeats are signed together; one that can't be becomes the job's status. */
void verify_late_handle(struct verify *verify, void **items, size_t count)
{
    struct verify_bench *bench = verify_bench_get(verify);
    struct verify_job *repeats[VERIFY_BATCH];
    size_t repeat_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct verify_job *job = items[i];
        if (is_repeat(job))
            repeats[repeat_count++] = job;
        if (is_repeat(job) && bench == NULL)
            job->reply.status = PHI_ERR_MEMORY;
    }
    if (bench != NULL)
        verify_sign_receipts(bench, repeats, repeat_count);
    for (size_t i = 0; i < count; i++)
        handle(bench, items[i]);
}

void verify_late_push(struct verify_job *job)
{
    if (phi_queue_push(job->verify->late.queue, job) != PHI_OK)
        finish(job, PHI_ERR_OVERLOAD);
}
