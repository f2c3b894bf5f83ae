/* A code from request to commit: what mint.c, applications/find.c and picture.c share. */
#ifndef SVC_CODEGEN_MINT_H
#define SVC_CODEGEN_MINT_H

#include "codes/consent.h"
#include "svc-codegen/applications/application.h"
#include "svc-codegen/minting/recent.h"

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
    uint8_t applicant[PHI_SUBJECT_LEN]; /* whose token it is */
    struct application_terms terms;
    bool is_known;            /* `terms` were found in memory */
    bool is_again;            /* `code` was minted before, for an earlier request */
    struct recent_entry code; /* what is told and kept */
    struct phi_mint_input input;
};

/* Contexts of what is sealed in a code's row, both with its subject. */
#define MINT_CODE_CONTEXT    "codes.code_sealed"
#define MINT_CONSENT_CONTEXT "codes.consent_sealed"

/* code_row.c: fills in what the signing gave: text, serial's HMAC, key set, a new event id, and the
 * sealed text, with which it is given again. PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err mint_code_take(const struct codegen *codegen, const struct phi_minted *minted,
                            struct phi_arena *arena, struct recent_entry *code) PHI_MUST_USE;
/* The columns of TABLE_CODES, borrowed from `code`. */
#define CODE_COLUMNS 14
extern const char codegen_codes_insert[]; /* $1…$14 */
void mint_code_row(const struct recent_entry *code, struct phi_param row[CODE_COLUMNS]);

/* Fills in what the code has of its application and caller. */
void mint_code_begin(struct mint_job *job);

/* applications/find.c: the terms of the jobs' applications, found by one query for all that have
 * neither an error nor a code nor terms; with the last code where it is still to be given. Each
 * job's own error: PHI_ERR_APPLICATION (unknown, another's, past its time); or all get the
 * database's. Blocks on it. */
void codegen_applications_find(struct mint_job **jobs, size_t count, bool is_overloaded);

/* Whether a code minted then is given again now: within the policy's seconds; when there is too
 * much to do, as long as it is valid. Never a one-time code. */
bool mint_is_fresh(const struct policy *policy, const struct recent_entry *code, int64_t now_us,
                   bool is_overloaded);

/* event.c: tells on code.minted that a code came to be: neither whose nor which, but for who holds
 * the serial's key. `event` and its value are the arena's. */
enum phi_err codegen_minted_event(struct phi_service *service, const struct recent_entry *code,
                                  struct phi_arena *arena, struct phi_event *out) PHI_MUST_USE;

/* picture.c: what the body wishes, and the neutral picture of a code's text into `data`. */
enum phi_err codegen_picture_parse(const struct phi_json_at *body, struct mint_picture *out,
                                   struct phi_error *error) PHI_MUST_USE;
enum phi_err codegen_picture_draw(struct phi_api_call *call, const struct mint_job *job,
                                  json_t *data) PHI_MUST_USE;

#endif
