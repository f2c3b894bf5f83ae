/* A receipt that came from outside: decoded, in force, and signed by its issuer as the trust list
 * in force has it. Challenge, audience and scope are the caller's to judge.
 *
 *   PHI_GUARD(phi_service_receipt_read(service, bytes, &receipt, error));
 *
 *   struct phi_receipt_job jobs[2] = {{.bytes = one}, {.bytes = other}};
 *   phi_service_receipts_read(service, jobs, 2);
 *   if (jobs[1].result == PHI_OK) … jobs[1].receipt.subject …
 */
#ifndef PHI_SERVICE_RECEIPTS_H
#define PHI_SERVICE_RECEIPTS_H

#include "codes/receipt.h"
#include "service/service.h"

/* Errors: PHI_ERR_RECEIPT, with the reason in error->text. One signature check; any thread. */
enum phi_err phi_service_receipt_read(struct phi_service *service, struct phi_view bytes,
                                      struct phi_receipt *out,
                                      struct phi_error *error) PHI_MUST_USE;

#define PHI_RECEIPT_JOBS_MAX 64

/* One row of a batch. */
struct phi_receipt_job {
    struct phi_view bytes;      /* borrowed until the call returns */
    struct phi_receipt receipt; /* filled when the result is PHI_OK */
    enum phi_err result;        /* as the single call's */
    struct phi_error *error;    /* as the single call's; NULL is fine */
};

/* Many at once, PHI_RECEIPT_JOBS_MAX at most: their signatures are checked as one batch. Any
 * thread. */
void phi_service_receipts_read(struct phi_service *service, struct phi_receipt_job *jobs,
                               size_t count);

#endif
