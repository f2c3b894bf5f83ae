/* The receipt: this platform's signed word for the asking directory's challenge. */
#include "svc-verify/verify.h"

#include "crypto/random.h"

#include <stdio.h>
#include <string.h>

#define RECEIPT_LIFE_S 60

static void add_audience(struct phi_receipt *receipt, const char *region)
{
    for (size_t i = 0; i < receipt->audience_count; i++)
        if (strcmp(receipt->audience[i], region) == 0)
            return;
    snprintf(receipt->audience[receipt->audience_count++], 7, "%s", region);
}

static enum phi_err fill(struct verify_job *job, struct phi_receipt *receipt)
{
    enum phi_err err = PHI_OK;
    const struct phi_verify_request *request = &job->request;
    const char *region = phi_service_region(job->verify->service);
    PHI_GUARD(phi_random_bytes(receipt->receipt_id, sizeof(receipt->receipt_id)));
    snprintf(receipt->issuer, sizeof(receipt->issuer), "%s", region);
    memcpy(receipt->key_id, job->verify->receipt_key_id, sizeof(receipt->key_id));
    memcpy(receipt->serial_hmac, job->serial_hmac, PHI_SM3_LEN);
    receipt->has_subject = true;
    memcpy(receipt->subject, job->content.subject, PHI_SUBJECT_LEN);
    snprintf(receipt->requester, sizeof(receipt->requester), "%s.%s", request->platform,
             request->program);
    snprintf(receipt->app, sizeof(receipt->app), "%s", request->app);
    add_audience(receipt, region);
    add_audience(receipt, request->platform);
    add_audience(receipt, "000000");
    receipt->scope = job->reply.scope;
    memcpy(receipt->challenge, request->challenge, sizeof(receipt->challenge));
    receipt->issued_s = job->now_us / 1000000;
    receipt->expires_s = receipt->issued_s + RECEIPT_LIFE_S;
out:
    return err;
}

enum phi_err verify_sign_receipt(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    struct phi_receipt receipt = {0};
    uint8_t *bytes = phi_arena_alloc(job->arena, PHI_RECEIPT_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer out = phi_writer_of(bytes, PHI_RECEIPT_MAX);
    PHI_GUARD(fill(job, &receipt));
    PHI_GUARD(phi_receipt_sign(&receipt, job->verify->receipt_key, &out));
    job->reply.receipt = phi_view_of(bytes, phi_writer_len(&out));
out:
    return err;
}
