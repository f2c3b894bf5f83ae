#include "svc-verify/verify.h"

#include <stdlib.h>

#define JOB_ARENA_MAX (128 * 1024)

struct verify_job *verify_job_new(struct verify *verify, const struct phi_verify_request *request,
                                  uint32_t allowed_scopes, struct phi_deadline deadline)
{
    struct phi_arena *arena = phi_arena_new(JOB_ARENA_MAX);
    struct verify_job *job = arena == NULL ? NULL : phi_arena_alloc(arena, sizeof(*job));
    if (job == NULL) {
        phi_arena_free(arena);
        return NULL;
    }
    job->verify = verify;
    job->arena = arena;
    job->request = *request;
    job->request.code = phi_arena_view(arena, request->code);
    job->allowed_scopes = allowed_scopes;
    job->deadline = deadline;
    job->now_us = phi_clock_now_us(phi_service_clock(verify->service));
    return job;
}

void verify_job_free(struct verify_job *job)
{
    if (job != NULL)
        phi_arena_free(job->arena);
}

/* Uses by a verification of a code that is ours are recorded, good or not: they are the holder's to
 * see. */
static bool is_recorded(const struct verify_job *job)
{
    return job->request.operation == PHI_VERIFY_VERIFY && job->is_ours &&
           (job->reply.status == PHI_OK || phi_err_is_verdict(job->reply.status));
}

void verify_start(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    verify_check(job);
    if (!is_recorded(job)) {
        job->done(job, job->context);
        return;
    }
    if (job->reply.status == PHI_OK) {
        job->reply.checked |= PHI_CHECK_LEDGER | PHI_CHECK_SUBJECT;
        PHI_GUARD(verify_sign_receipt(job));
    }
    PHI_GUARD(verify_record(job));
    return;
out:
    job->reply.status = err;
    job->reply.receipt = phi_view_of(NULL, 0);
    job->done(job, job->context);
}
