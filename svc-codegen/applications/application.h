/* An application as its row holds it: what application.c writes and minting reads. */
#ifndef SVC_CODEGEN_APPLICATION_H
#define SVC_CODEGEN_APPLICATION_H

#include "svc-codegen/codegen.h"
#include "svc-codegen/consent/record.h"

#define APPLICATION_BEHALF "applications.behalf_sealed" /* context of the sealed ward */

/* What minting needs of an application in force; lives in a call's arena. */
struct application_terms {
    const struct policy_scene *scene;
    uint8_t subject[PHI_SUBJECT_LEN]; /* whose codes they are */
    int64_t term_until_us;
    int64_t paper_days;       /* 0: not paper */
    int64_t mandate_until_us; /* 0: on one's own */
    struct phi_person ward;   /* on behalf only */
    struct record_mandate mandate;
};

/* Reads the sealed ward and mandate back. PHI_ERR_DATA_BROKEN, PHI_ERR_MEMORY. */
enum phi_err application_open_behalf(const struct phi_seal_key *key, struct phi_view sealed,
                                     struct phi_arena *arena,
                                     struct application_terms *out) PHI_MUST_USE;

#endif
