/* The receipt: this platform's signed word for the asking directory's challenge. */
#include "svc-verify/verify.h"

#include "base/mutant.h"
#include "crypto/random.h"

#include <string.h>

#define RECEIPT_LIFE_S 60

static void add_audience(struct phi_receipt *receipt, const char *region)
{
    for (size_t i = 0; i < receipt->audience_count; i++)
        if (strcmp(receipt->audience[i], region) == 0)
            return;
    memcpy(receipt->audience[receipt->audience_count++], region, 7);
}

static void fill(const struct verify_job *job, const uint8_t id[16], struct phi_receipt *receipt)
{
    const struct phi_verify_request *request = &job->request;
    const char *region = job->verify->region;
    memcpy(receipt->receipt_id, id, sizeof(receipt->receipt_id));
    memcpy(receipt->issuer, region, sizeof(receipt->issuer));
    memcpy(receipt->key_id, job->verify->receipt_key_id, sizeof(receipt->key_id));
    memcpy(receipt->serial_hmac, job->serial_hmac, PHI_SM3_LEN);
    receipt->has_subject = true;
    memcpy(receipt->subject, job->content.subject, PHI_SUBJECT_LEN);
    stpcpy(stpcpy(stpcpy(receipt->requester, request->platform), "."), request->program);
    memcpy(receipt->app, request->app, sizeof(receipt->app));
    add_audience(receipt, region);
    add_audience(receipt, request->platform);
    add_audience(receipt, "000000");
    receipt->scope = PHI_MUTANT(receipt_too_wide) ? PHI_SCOPE_MEDICAL : job->reply.scope;
    memcpy(receipt->challenge, request->challenge, sizeof(receipt->challenge));
    receipt->challenge[0] ^= PHI_MUTANT(receipt_of_another);
    receipt->issued_s = job->now_us / 1000000;
    receipt->expires_s = receipt->issued_s + RECEIPT_LIFE_S;
}

/* The receipt without its signature, with room for it behind. */
static enum phi_err write_receipt(struct verify_job *job, const uint8_t id[16],
                                  struct phi_view *signed_part)
{
    enum phi_err err = PHI_OK;
    struct phi_receipt receipt = {0};
    uint8_t *bytes = phi_arena_alloc(job->batch->arena, PHI_RECEIPT_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer out = phi_writer_of(bytes, PHI_RECEIPT_MAX - PHI_SM2_SIG_LEN);
    fill(job, id, &receipt);
    PHI_GUARD(phi_receipt_encode(&receipt, &out));
    *signed_part = phi_view_of(bytes, phi_writer_len(&out));
out:
    return err;
}

static void sign_rows(struct verify_bench *bench, size_t count)
{
    phi_sm2_sign_batch(bench->rows, count);
    for (size_t i = 0; i < count; i++) {
        const struct phi_sm2_job *row = &bench->rows[i];
        struct phi_verify_reply *reply = &bench->jobs[i]->reply;
        reply->status = row->result;
        if (row->result != PHI_OK)
            continue;
        memcpy((uint8_t *)(uintptr_t)row->message.data + row->message.len, row->sig,
               PHI_SM2_SIG_LEN);
        reply->receipt = phi_view_of(row->message.data, row->message.len + PHI_SM2_SIG_LEN);
    }
}

/* Of at most VERIFY_BATCH jobs. */
static void sign_some(struct verify_bench *bench, struct verify_job **jobs, size_t count)
{
    size_t rows = 0;
    uint8_t ids[VERIFY_BATCH][16];
    enum phi_err err = phi_random_bytes(ids, count * sizeof(ids[0]));
    for (size_t i = 0; i < count; i++) {
        struct verify_job *job = jobs[i];
        if (job->reply.status != PHI_OK)
            continue;
        job->reply.status =
            err != PHI_OK ? err : write_receipt(job, ids[i], &bench->rows[rows].message);
        if (job->reply.status != PHI_OK)
            continue;
        bench->rows[rows].private_key = job->verify->receipt_key;
        bench->jobs[rows++] = job;
    }
    if (rows > 0)
        sign_rows(bench, rows);
}

void verify_sign_receipts(struct verify_bench *bench, struct verify_job **jobs, size_t count)
{
    for (size_t i = 0; i < count; i += VERIFY_BATCH)
        sign_some(bench, jobs + i, count - i < VERIFY_BATCH ? count - i : VERIFY_BATCH);
}
