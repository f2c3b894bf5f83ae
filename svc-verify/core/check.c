/* 健康码验码 (GB/T 38963 6.7): what can be said of a code without writing anything, in this order:
 * who is cut off, who may ask; form, version, type; platform known and in force; signature;
 * deadline; not revoked; then the sealed part. Each step is done for all jobs of a batch whose
 * earlier steps were good. */
#include "svc-verify/revoke/revoke.h"

#include "base/mutant.h"

#include <string.h>

static bool is_entitled(const struct verify_job *job)
{
    return PHI_MUTANT(any_scope) || (job->allowed_scopes & (1u << job->request.scope)) != 0;
}

static enum phi_err read_form(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes = job->request.code;
    if (job->request.is_text) {
        size_t size = bytes.len * 5 / 8 + 1;
        uint8_t *decoded = phi_arena_alloc(job->batch->arena, size);
        PHI_GUARD(decoded == NULL ? PHI_ERR_MEMORY : PHI_OK);
        PHI_GUARD(phi_jkm1_text_decode(bytes, decoded, size, &bytes.len));
        bytes.data = decoded;
    }
    PHI_GUARD(phi_jkm1_decode(bytes, &job->code, NULL));
    memcpy(job->reply.platform, job->code.platform, sizeof(job->reply.platform));
    job->reply.deadline_s = job->code.deadline_s;
    job->reply.checked |= PHI_CHECK_FORM;
    if (PHI_MUTANT(deadline_first) && phi_jkm1_is_expired(&job->code, job->now_us / 1000000))
        err = PHI_ERR_CODE_EXPIRED;
out:
    return err;
}

static enum phi_err begin(struct verify_job *job, int64_t now_us, int64_t monotonic_us)
{
    job->now_us = now_us;
    memcpy(job->reply.request_id, job->request.request_id, sizeof(job->reply.request_id));
    if (job->deadline.at_us <= monotonic_us)
        return PHI_ERR_DEADLINE;
    if (job->verify->watch != NULL)
        job->caller = watch_find(job->verify->watch, job->request.platform, job->request.program,
                                 job->request.app);
    if (job->caller != NULL && watch_is_cut(job->caller))
        return PHI_ERR_THROTTLED;
    return is_entitled(job) ? read_form(job) : PHI_ERR_FORBIDDEN;
}

/* Ours is what has our form and names a key set of its platform, in force or not; the rest is
 * opaque. */
static bool is_ours(const struct phi_jkm1 *code, const struct phi_trust_platform *platform)
{
    if (PHI_MUTANT(every_key_set_ours))
        return code->is_own_form;
    for (size_t i = 0; code->is_own_form && i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use == PHI_TRUST_CODE && key->key_set_id == code->key_set)
            return true;
    }
    return false;
}

/* An opaque code is tried against all of its platform's keys. */
static enum phi_err try_keys(struct verify_job *job, const struct phi_trust_platform *platform)
{
    for (size_t i = 0; i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        bool is_in_force =
            key->use == PHI_TRUST_CODE && key->from_us <= job->now_us && job->now_us < key->to_us;
        if (is_in_force && phi_jkm1_verify(&job->code, key->public_key) == PHI_OK)
            return PHI_OK;
    }
    return PHI_ERR_CODE_SIGNATURE;
}

/* Finds the key; one of our form is verified with the batch. */
static enum phi_err check_platform(struct verify_job *job, const struct phi_trust_view *trust)
{
    enum phi_err err = PHI_OK;
    const struct phi_trust_platform *platform = phi_trust_platform(trust, job->code.platform);
    if (platform == NULL && PHI_MUTANT(any_platform))
        return PHI_OK;
    PHI_GUARD(platform == NULL ? PHI_ERR_CODE_PLATFORM : PHI_OK);
    PHI_GUARD(platform->status == PHI_TRUST_ACTIVE || PHI_MUTANT(suspended_taken)
                  ? PHI_OK
                  : PHI_ERR_CODE_SUSPENDED);
    job->reply.checked |= PHI_CHECK_PLATFORM;
    if (!is_ours(&job->code, platform))
        return try_keys(job, platform);
    const struct phi_trust_key *key = phi_trust_code_key(platform, job->code.key_set, job->now_us);
    PHI_GUARD(key == NULL ? PHI_ERR_CODE_SIGNATURE : PHI_OK);
    job->key = key->public_key;
out:
    return err;
}

static void verify_rows(struct verify_bench *bench, size_t count)
{
    phi_sm2_verify_batch(bench->rows, count);
    for (size_t i = 0; i < count; i++) {
        enum phi_err err = bench->rows[i].result;
        bench->jobs[i]->reply.status = err == PHI_ERR_SIGNATURE ? PHI_ERR_CODE_SIGNATURE : err;
    }
}

static void check_signatures(struct verify_bench *bench, struct verify_job **jobs, size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        struct verify_job *job = jobs[i];
        if (job->reply.status != PHI_OK || job->key == NULL || PHI_MUTANT(forged_code_taken))
            continue;
        bench->rows[rows].public_key = job->key;
        bench->rows[rows].message = job->code.signed_part;
        memcpy(bench->rows[rows].sig, job->code.sig, PHI_SM2_SIG_LEN);
        bench->jobs[rows++] = job;
        if (rows == VERIFY_BATCH) {
            verify_rows(bench, rows);
            rows = 0;
        }
    }
    if (rows > 0)
        verify_rows(bench, rows);
}

static enum phi_err unseal(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_codeside_unseal(job->verify->codeside, &job->code, &job->content));
    const struct phi_view serial = phi_view_of(job->code.serial, PHI_JKM1_SERIAL_LEN);
    if (job->request.operation == PHI_VERIFY_VERIFY)
        PHI_GUARD(phi_hmac_sm3(job->verify->serial_key, &serial, 1, job->serial_hmac));
    job->is_ours = true;
    job->reply.flags = job->content.flags;
    job->reply.scope = phi_scope_least(job->content.scope, job->request.scope);
out:
    return err;
}

/* Of another platform's code its issuer may know more: all of a subject can be revoked, which is
 * sealed. */
static enum phi_err check_revocation(struct verify_job *job)
{
    enum phi_err err = verify_revoke_check(job->verify->revoke, job, job->key != NULL);
    if (job->is_ours)
        job->reply.checked |= PHI_CHECK_REVOCATION;
    return err;
}

/* Only the issuer can unseal, and knows ledger and revocations. */
static enum phi_err say_unreachable(struct verify_job *job)
{
    job->reply.unchecked = PHI_CHECK_LEDGER | PHI_CHECK_REVOCATION | PHI_CHECK_SUBJECT;
    return PHI_ERR_ISSUER;
}

static enum phi_err check_holder(const struct verify_job *job)
{
    bool is_holder = phi_equal_secret(job->content.subject, job->request.holder, PHI_SUBJECT_LEN);
    return is_holder || PHI_MUTANT(picture_for_all) ? PHI_OK : PHI_ERR_NOT_HOLDER;
}

static enum phi_err end(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    bool is_expired = phi_jkm1_is_expired(&job->code, job->now_us / 1000000);
    job->reply.checked |= PHI_CHECK_SIGNATURE | PHI_CHECK_DEADLINE;
    /* before it is judged: an expired code's use is the holder's to see too */
    if (phi_codeside_is_ours(job->verify->codeside, &job->code))
        PHI_GUARD(unseal(job));
    PHI_GUARD(is_expired && !PHI_MUTANT(expired_taken) ? PHI_ERR_CODE_EXPIRED : PHI_OK);
    PHI_GUARD(check_revocation(job));
    PHI_GUARD(job->is_ours ? PHI_OK : say_unreachable(job));
    if (job->request.operation == PHI_VERIFY_OWN)
        PHI_GUARD(check_holder(job));
out:
    return err;
}

/* What is refused because of the caller itself says nothing about codes. */
static void note(const struct verify_job *job)
{
    enum phi_err status = job->reply.status;
    if (job->caller == NULL || status == PHI_ERR_THROTTLED)
        return;
    watch_note(job->caller, job->now_us, phi_err_is_verdict(status),
               job->is_ours ? job->content.subject : NULL);
}

void verify_check(struct verify_bench *bench, struct verify_job **jobs, size_t count)
{
    const struct verify *verify = jobs[0]->verify;
    const struct phi_trust_view *trust = phi_trust_read(verify->trust, &bench->trust);
    int64_t now_us = phi_clock_now_us(verify->clock);
    int64_t monotonic_us = phi_monotonic_us();
    bool has_list =
        phi_trust_is_usable(verify->trust); /* nothing is judged by one past its grace */
    for (size_t i = 0; i < count; i++) {
        jobs[i]->reply.status = begin(jobs[i], now_us, monotonic_us);
        if (jobs[i]->reply.status == PHI_OK)
            jobs[i]->reply.status = has_list ? check_platform(jobs[i], trust) : PHI_ERR_NEIGHBOUR;
    }
    check_signatures(bench, jobs, count);
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->reply.status == PHI_OK)
            jobs[i]->reply.status = end(jobs[i]);
        jobs[i]->key = NULL;
        note(jobs[i]);
    }
}
