/* Whether a code is revoked: by its id, with its key set, with all of its subject. */
#include "svc-verify/revoke/revoke.h"

static enum phi_err look_up_subject(struct verify_revoke *revoke, const struct verify_job *job)
{
    uint8_t id[PHI_REVOCATION_ID_LEN];
    if (!job->is_ours || phi_revocations_count_of(revoke->set, PHI_REVOKED_SUBJECT) == 0)
        return PHI_OK;
    enum phi_err err =
        phi_revocation_subject_id(revoke->verify->serial_key, job->content.subject, id);
    if (err == PHI_OK &&
        phi_revocations_has(revoke->set, job->code.platform, id, job->code.deadline_s))
        err = PHI_ERR_CODE_REVOKED;
    return err;
}

enum phi_err verify_revoke_check(struct verify_revoke *revoke, const struct verify_job *job,
                                 bool is_own)
{
    enum phi_err err = PHI_OK;
    const struct phi_jkm1 *code = &job->code;
    uint8_t serial[PHI_JKM1_SERIAL_LEN], id[PHI_REVOCATION_ID_LEN];
    if (phi_revocations_count(revoke->set) == 0)
        return PHI_OK;
    PHI_GUARD(phi_jkm1_serial(code, is_own, serial));
    PHI_GUARD(phi_jkm1_revocation_id(code->platform, serial, id));
    if (phi_revocations_has(revoke->set, code->platform, id, code->deadline_s))
        return PHI_ERR_CODE_REVOKED;
    phi_revocation_key_set_id(code->key_set, id);
    if (is_own && phi_revocations_has(revoke->set, code->platform, id, code->deadline_s))
        return PHI_ERR_CODE_REVOKED;
    PHI_GUARD(look_up_subject(revoke, job));
out:
    return err;
}
