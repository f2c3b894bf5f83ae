/* What svc-codegen's routes share: keys, policy and tables. */
#ifndef SVC_CODEGEN_CODEGEN_H
#define SVC_CODEGEN_CODEGEN_H

#include "codes/subject.h"
#include "codeside/codeside.h"
#include "service/api.h"
#include "svc-codegen/policy/policy.h"

struct codegen {
    struct phi_codeside *codeside;
    struct phi_hmac_key *index_key;  /* subject index */
    struct phi_hmac_key *serial_key; /* serials on topics and in tables */
    struct phi_seal_key *store_key;  /* consent records and stored answers */
    struct phi_mark_key *mark_key;   /* the pictures' trace mark */
    struct policy policy;
    struct recent *recent;
    struct retain *retain;
    int64_t overload_commits; /* waiting for the database, from which on refreshes get old codes */
    struct phi_counter *minted;
    struct phi_counter *again_memory;
    struct phi_counter *again_database;
};

enum codegen_table {
    TABLE_APPLICATIONS = PHI_API_OWN,
    TABLE_CODES,
    TABLE_BATCH_LINES,
    TABLE_CONSENT_REQUESTS,
    TABLE_CONSENT_LOOKS,
};

#define APPLICATION_LEN 16
#define CHALLENGE_LEN   16

enum phi_err codegen_apply(struct phi_api_call *call, struct phi_error *error); /* 1000 */
void codegen_mint(struct phi_api_turn *turns, size_t count);                    /* 2000 */
enum phi_err codegen_batch(struct phi_api_call *call, struct phi_error *error); /* many */
enum phi_err codegen_consent(struct phi_api_call *call,
                             struct phi_error *error); /* consent record */
enum phi_err codegen_audit_request(struct phi_api_call *call,
                                   struct phi_error *error); /* an auditor asks for a record */
enum phi_err codegen_audit_approve(struct phi_api_call *call,
                                   struct phi_error *error); /* another one gets it */
enum phi_err codegen_looks(struct phi_api_call *call,
                           struct phi_error *error); /* auditors' looks at one's records */

/* The subject index of the citizen behind the call. */
enum phi_err codegen_subject(struct phi_api_call *call, uint8_t out[PHI_SUBJECT_LEN]) PHI_MUST_USE;
struct codegen *codegen_of(struct phi_api_call *call);

#endif
