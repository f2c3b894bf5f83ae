/* A code from request to commit: what mint.c, application_find.c and picture.c share. */
#ifndef SVC_CODEGEN_MINT_H
#define SVC_CODEGEN_MINT_H

#include "svc-codegen/codegen.h"

struct mint_picture {
    bool is_wanted;
    size_t format;    /* enum phi_picture_format */
    size_t symbology; /* enum phi_symbology */
};

/* One request for a code; lives in its call's arena. */
struct mint_job {
    struct phi_api_turn *turn; /* whose err is the job's */
    uint8_t application_id[APPLICATION_LEN];
    uint8_t challenge[CHALLENGE_LEN];
    struct mint_picture picture;
    uint8_t subject[PHI_SUBJECT_LEN];
    const struct policy_scene *scene;
    struct phi_view consent; /* the record */
    struct phi_mint_input input;
    struct phi_minted code;
    uint8_t serial_hmac[PHI_SM3_LEN];
};

/* application_find.c: the scenes of the jobs' applications, found by one query for all that have no
 * error. Each job's own error: PHI_ERR_APPLICATION (unknown, another's, past its time); or all
 * get the database's. Blocks on it. */
void codegen_applications_find(struct mint_job **jobs, size_t count);

/* picture.c: what the body wishes, and the neutral picture of a code's text into `data`. */
enum phi_err codegen_picture_parse(const struct phi_json_at *body, struct mint_picture *out,
                                   struct phi_error *error) PHI_MUST_USE;
enum phi_err codegen_picture_draw(struct phi_api_call *call, const struct mint_job *job,
                                  json_t *data) PHI_MUST_USE;

#endif
