/* 健康码验码 (GB/T 38963 6.7): what can be said of a code without writing anything, in this order:
 * who may ask; form, version, type; platform known and in force; signature; deadline; then the
 * sealed part. */
#include "svc-verify/verify.h"

#include <string.h>

static void fail(struct verify_job *job, enum phi_err err)
{
    job->reply.status = err;
}

static bool is_entitled(const struct verify_job *job)
{
    return (job->allowed_scopes & (1u << job->request.scope)) != 0;
}

static enum phi_err read_form(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes = job->request.code;
    if (job->request.is_text) {
        uint8_t *decoded = phi_arena_alloc(job->arena, PHI_JKM1_MAX);
        PHI_GUARD(decoded == NULL ? PHI_ERR_MEMORY : PHI_OK);
        PHI_GUARD(phi_jkm1_text_decode(bytes, decoded, PHI_JKM1_MAX, &bytes.len));
        bytes.data = decoded;
    }
    PHI_GUARD(phi_sm3(bytes, job->code_digest));
    PHI_GUARD(phi_jkm1_decode(bytes, &job->code, NULL));
    memcpy(job->reply.platform, job->code.platform, sizeof(job->reply.platform));
    job->reply.deadline_s = job->code.deadline_s;
    job->reply.checked |= PHI_CHECK_FORM;
out:
    return err;
}

/* A code of our form names its key set; an opaque one is tried against all of the platform's. */
static enum phi_err check_signature(const struct verify_job *job,
                                    const struct phi_trust_platform *platform)
{
    if (job->code.is_own_form) {
        const struct phi_trust_key *key =
            phi_trust_code_key(platform, job->code.key_set, job->now_us);
        return key == NULL ? PHI_ERR_CODE_SIGNATURE : phi_jkm1_verify(&job->code, key->public_key);
    }
    for (size_t i = 0; i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        bool is_in_force =
            key->use == PHI_TRUST_CODE && key->from_us <= job->now_us && job->now_us < key->to_us;
        if (is_in_force && phi_jkm1_verify(&job->code, key->public_key) == PHI_OK)
            return PHI_OK;
    }
    return PHI_ERR_CODE_SIGNATURE;
}

static enum phi_err check_trust(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    const struct phi_trust_view *view = NULL;
    PHI_GUARD(phi_trust_hold(phi_service_trust(job->verify->service), job->arena, &view));
    const struct phi_trust_platform *platform = phi_trust_platform(view, job->code.platform);
    PHI_GUARD(platform == NULL ? PHI_ERR_CODE_PLATFORM : PHI_OK);
    PHI_GUARD(platform->status == PHI_TRUST_ACTIVE ? PHI_OK : PHI_ERR_CODE_SUSPENDED);
    job->reply.checked |= PHI_CHECK_PLATFORM;
    PHI_GUARD(check_signature(job, platform));
    job->reply.checked |= PHI_CHECK_SIGNATURE;
out:
    return err;
}

static enum phi_err unseal(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_codeside_unseal(job->verify->codeside, &job->code, &job->content));
    const struct phi_view serial = phi_view_of(job->code.serial, PHI_JKM1_SERIAL_LEN);
    PHI_GUARD(phi_hmac_sm3(job->verify->serial_key, &serial, 1, job->serial_hmac));
    job->is_ours = true;
    job->reply.flags = job->content.flags;
    job->reply.scope = phi_scope_least(job->content.scope, job->request.scope);
out:
    return err;
}

/* Only the issuer can unseal, and knows ledger and revocations. */
static enum phi_err say_unreachable(struct verify_job *job)
{
    job->reply.unchecked = PHI_CHECK_LEDGER | PHI_CHECK_REVOCATION | PHI_CHECK_SUBJECT;
    return PHI_ERR_ISSUER;
}

static enum phi_err check_holder(struct verify_job *job)
{
    bool is_holder = phi_equal_secret(job->content.subject, job->request.holder, PHI_SUBJECT_LEN);
    return is_holder ? PHI_OK : PHI_ERR_NOT_HOLDER;
}

void verify_check(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    bool is_expired = false;
    job->reply.status = PHI_OK;
    memcpy(job->reply.request_id, job->request.request_id, sizeof(job->reply.request_id));
    PHI_GUARD(is_entitled(job) ? PHI_OK : PHI_ERR_FORBIDDEN);
    PHI_GUARD(read_form(job));
    PHI_GUARD(check_trust(job));
    is_expired = phi_jkm1_is_expired(&job->code, job->now_us / 1000000);
    job->reply.checked |= PHI_CHECK_DEADLINE;
    if (phi_codeside_is_ours(job->verify->codeside, &job->code))
        PHI_GUARD(unseal(job));
    PHI_GUARD(is_expired ? PHI_ERR_CODE_EXPIRED : PHI_OK);
    PHI_GUARD(job->is_ours ? PHI_OK : say_unreachable(job));
    if (job->request.operation == PHI_VERIFY_OWN)
        PHI_GUARD(check_holder(job));
out:
    if (err != PHI_OK)
        fail(job, err);
}
