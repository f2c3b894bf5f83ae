/* What officers did about a bad batch, told with the commit of the act: on audit, and, signed by
 * the retraction key, on correction.batch, so that svc-correction keeps it as a case.
 *
 *   const struct retraction_act act = {.id = id, .step = "decided", .kind = kind, …};
 *   PHI_GUARD(retraction_tell(call, tx, &act, error));
 *   PHI_GUARD(phi_conn_commit(tx, error));
 *
 * Blocks on the database.
 */
#ifndef SVC_DECLARE_RETRACTION_TOLD_H
#define SVC_DECLARE_RETRACTION_TOLD_H

#include "forms/form.h"
#include "svc-declare/sources/retraction.h"

struct retraction_act {
    const uint8_t *id;   /* RETRACTION_ID_LEN bytes */
    const char *step;    /* proposed, decided, refused, withdrawn */
    const char *audited; /* the same, as audit calls it */
    const struct form_kind *kind;
    const char *institution;
    const char *reason;
    int64_t records;
    int64_t people;         /* whom the records are about */
    const uint8_t *officer; /* who acts: SM3 of issuer and sub */
};

/* The version of correction.batch, and of a decision, is the call's time. PHI_ERR_MEMORY,
 * PHI_ERR_CRYPTO, PHI_ERR_STORE. */
enum phi_err retraction_tell(struct phi_api_call *call, struct phi_conn *tx,
                             const struct retraction_act *act,
                             struct phi_error *error) PHI_MUST_USE;

#endif
