/* What svc-verify's doors (HTTP, RPC) and its core share. */
#ifndef SVC_VERIFY_VERIFY_H
#define SVC_VERIFY_VERIFY_H

#include "codes/verify_message.h"
#include "codeside/codeside.h"
#include "rpc/server.h"
#include "service/api.h"

#include <pthread.h>

struct verify {
    struct phi_service *service;
    struct phi_codeside *codeside; /* unseals only */
    struct phi_hmac_key *index_key;
    struct phi_hmac_key *serial_key;
    struct phi_sm2_private *receipt_key;
    char receipt_key_id[17];
    struct phi_rpc_allow_list *allow;
    struct phi_rpc_server *rpc;
    struct phi_queue *late; /* jobs whose commit was refused: see late.c */
    pthread_t late_thread;
    bool has_late_thread;
    struct phi_counter *verified[2]; /* refused, good */
};

enum verify_table { TABLE_USES = PHI_API_OWN, TABLE_LEDGER };

/* Columns of uses, in the order of the lane's table. */
enum uses_column {
    USES_PLATFORM,
    USES_PROGRAM,
    USES_REQUEST_ID,
    USES_CODE_DIGEST,
    USES_REQUESTER_DIGEST,
    USES_SUBJECT,
    USES_SUBJECT_KEY,
    USES_SERIAL_HMAC,
    USES_APP,
    USES_SCOPE,
    USES_STATUS,
    USES_FLAGS,
    USES_DEADLINE,
    USES_USED,
    USES_COLUMNS
};

/* One verification on its way. It owns an arena; request's views are the arena's. */
struct verify_job {
    struct verify *verify;
    struct phi_arena *arena;
    struct phi_verify_request request;
    uint32_t allowed_scopes; /* bits 1 << enum phi_scope that the caller may ask for */
    struct phi_deadline deadline;
    int64_t now_us;
    struct phi_jkm1 code;
    uint8_t code_digest[PHI_SM3_LEN];
    uint8_t serial_hmac[PHI_SM3_LEN];
    struct phi_codeside_content content; /* when the code is ours and its signature verified */
    bool is_ours;
    bool is_recording_refusal; /* the second commit, after the ledger said no */
    struct phi_verify_reply reply;
    struct phi_event event;
    bool has_event;
    /* how the commit ended, for late.c */
    enum phi_err commit_err;
    int commit_table;
    bool has_recorded;
    bool is_other_request; /* the recorded one had another code or requester */
    /* called once, from any thread; the job is freed by the callee */
    void (*done)(struct verify_job *job, void *context);
    void *context;
};

/* Takes a decoded request into a fresh job; NULL when out of memory. */
struct verify_job *verify_job_new(struct verify *verify, const struct phi_verify_request *request,
                                  uint32_t allowed_scopes, struct phi_deadline deadline);
void verify_job_free(struct verify_job *job);
/* Checks, records where the operation does, signs the receipt; `done` is called when all is kept.
 */
void verify_start(struct verify_job *job);

/* check.c: form, platform, signature, deadline, then what is sealed; sets reply, never blocks. */
void verify_check(struct verify_job *job);
/* record.c: uses, ledger and event in one group commit. */
enum phi_err verify_record(struct verify_job *job) PHI_MUST_USE;
/* receipt.c */
enum phi_err verify_sign_receipt(struct verify_job *job) PHI_MUST_USE;
/* late.c: what follows a refused commit happens off the lane's thread. */
enum phi_err verify_late_start(struct verify *verify) PHI_MUST_USE;
void verify_late_stop(struct verify *verify);
void verify_late_push(struct verify_job *job);

/* rpc.c and http.c: the doors. */
enum phi_err verify_rpc_open(struct verify *verify, struct phi_error *error) PHI_MUST_USE;
enum phi_err verify_http(struct phi_api_call *call,
                         struct phi_error *error); /* POST /v1/codes/verify */
enum phi_err verify_uses(struct phi_api_call *call,
                         struct phi_error *error); /* GET /v1/codes/uses */

#endif
