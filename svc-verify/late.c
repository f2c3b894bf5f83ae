/* After a refused commit: the recorded answer of a repeated request gets a receipt for the repeat's
 * challenge; a code spent before is recorded as refused. Signing and waiting have no place on the
 * lane's thread. */
#include "svc-verify/verify.h"

#include "base/queue.h"

#define LATE_QUEUE_MAX 4096
#define LATE_BATCH     16
#define LATE_WAIT_MS   500

static void finish(struct verify_job *job, enum phi_err status)
{
    job->reply.status = status;
    if (status != PHI_OK)
        job->reply.receipt = phi_view_of(NULL, 0);
    job->done(job, job->context);
}

static void repeat(struct verify_job *job)
{
    if (job->is_other_request) {
        finish(job, PHI_ERR_CONFLICT);
        return;
    }
    enum phi_err status = job->reply.status;
    if (status == PHI_OK)
        status = verify_sign_receipt(job);
    finish(job, status);
}

static void record_refusal(struct verify_job *job)
{
    job->reply.status = PHI_ERR_CODE_USED;
    job->reply.receipt = phi_view_of(NULL, 0);
    job->is_recording_refusal = true;
    enum phi_err err = verify_record(job);
    if (err != PHI_OK)
        finish(job, err);
}

static void handle(struct verify_job *job)
{
    if (job->has_recorded)
        repeat(job);
    else if (job->commit_table == TABLE_LEDGER && !job->is_recording_refusal)
        record_refusal(job);
    else
        finish(job, job->commit_err);
}

static void *run(void *context)
{
    struct verify *verify = context;
    void *items[LATE_BATCH];
    for (;;) {
        size_t count =
            phi_queue_pop(verify->late, items, LATE_BATCH, phi_deadline_in_ms(LATE_WAIT_MS));
        for (size_t i = 0; i < count; i++)
            handle(items[i]);
        if (count == 0 && phi_queue_is_closed(verify->late))
            return NULL;
    }
}

void verify_late_push(struct verify_job *job)
{
    if (phi_queue_push(job->verify->late, job) != PHI_OK)
        finish(job, PHI_ERR_OVERLOAD);
}

enum phi_err verify_late_start(struct verify *verify)
{
    verify->late = phi_queue_new(LATE_QUEUE_MAX);
    if (verify->late == NULL || pthread_create(&verify->late_thread, NULL, run, verify) != 0)
        return PHI_ERR_MEMORY;
    verify->has_late_thread = true;
    return PHI_OK;
}

void verify_late_stop(struct verify *verify)
{
    if (verify->late == NULL)
        return;
    phi_queue_close(verify->late);
    if (verify->has_late_thread)
        pthread_join(verify->late_thread, NULL);
    phi_queue_free(verify->late);
}
