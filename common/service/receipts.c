#include "service/receipts.h"

#include "auth/trust.h"
#include "base/mutant.h"

#include <assert.h>
#include <string.h>

static const struct phi_sm2_public *key_of(const struct phi_trust_view *view,
                                           const struct phi_receipt *receipt, int64_t now_us)
{
    const struct phi_trust_platform *issuer = phi_trust_platform(view, receipt->issuer);
    const struct phi_trust_key *key =
        issuer == NULL || issuer->status != PHI_TRUST_ACTIVE
            ? NULL
            : phi_trust_key(issuer, PHI_TRUST_RECEIPT, receipt->key_id, now_us);
    return key == NULL ? NULL : key->public_key;
}

/* What can be said without the signature, and what it takes to check that. */
static enum phi_err read_one(const struct phi_trust_view *view, int64_t now_us,
                             struct phi_receipt_job *job, struct phi_sm2_job *check)
{
    const uint8_t *sig = NULL;
    if (phi_receipt_decode(job->bytes, &job->receipt, &check->message, &sig) != PHI_OK)
        return phi_error_set(job->error, PHI_ERR_RECEIPT, "receipt", "malformed");
    check->public_key = key_of(view, &job->receipt, now_us);
    if (check->public_key == NULL)
        return phi_error_set(job->error, PHI_ERR_RECEIPT, "receipt", "not signed by its issuer");
    memcpy(check->sig, sig, sizeof(check->sig));
    return PHI_OK;
}

static enum phi_err judge(const struct phi_receipt_job *job, const struct phi_sm2_job *check,
                          int64_t now_us)
{
    if (check->result != PHI_OK && !PHI_MUTANT(forged_receipt_taken))
        return phi_error_set(job->error, PHI_ERR_RECEIPT, "receipt", "not signed by its issuer");
    if (!phi_receipt_is_in_force(&job->receipt, now_us / 1000000))
        return phi_error_set(job->error, PHI_ERR_RECEIPT, "receipt", "not in force");
    return PHI_OK;
}

void phi_service_receipts_read(struct phi_service *service, struct phi_receipt_job *jobs,
                               size_t count)
{
    struct phi_sm2_job checks[PHI_RECEIPT_JOBS_MAX];
    size_t job_of[PHI_RECEIPT_JOBS_MAX];
    size_t checked = 0;
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    const struct phi_trust_view *view = phi_trust_acquire(phi_service_trust(service));
    assert(count <= PHI_RECEIPT_JOBS_MAX);
    for (size_t i = 0; i < count; i++) {
        jobs[i].result = read_one(view, now_us, &jobs[i], &checks[checked]);
        if (jobs[i].result == PHI_OK)
            job_of[checked++] = i;
    }
    phi_sm2_verify_batch(checks, checked);
    phi_trust_release(view);
    for (size_t i = 0; i < checked; i++)
        jobs[job_of[i]].result = judge(&jobs[job_of[i]], &checks[i], now_us);
}

enum phi_err phi_service_receipt_read(struct phi_service *service, struct phi_view bytes,
                                      struct phi_receipt *out, struct phi_error *error)
{
    struct phi_receipt_job job = {.bytes = bytes, .error = error};
    phi_service_receipts_read(service, &job, 1);
    if (job.result == PHI_OK)
        *out = job.receipt;
    return job.result;
}
