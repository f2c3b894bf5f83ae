/* What svc-verify's doors (HTTP, RPC) and its core share.
 *
 * Requests go through the core in batches of what has arrived: a door decodes them into jobs, then
 * verify_run checks forms, all signatures together, unseals, signs all receipts together, hands the
 * commits to the lane at once, and answers what needs no commit. The rest is answered from the
 * lane's thread, a batch at once; what its commit was refused goes through core/late.c.
 *
 *   struct verify_batch *batch = verify_batch_new(verify, &door, count);
 *   struct verify_job *job = verify_batch_add(batch, &request, scopes, deadline);   // count times
 *   verify_run(batch);                                       // the batch is gone afterwards
 */
#ifndef SVC_VERIFY_VERIFY_H
#define SVC_VERIFY_VERIFY_H

#include "codes/verify_message.h"
#include "codeside/codeside.h"
#include "rpc/server.h"
#include "service/api.h"
#include "service/forward.h"
#include "service/neighbours.h"
#include "svc-verify/watch/watch.h"

#include <pthread.h>
#include <stdatomic.h>

#define VERIFY_BATCH      64 /* rows that are checked or signed together */
#define VERIFY_LANES_MAX  4
#define VERIFY_RELAY_MORE 1024 /* what the relay's envelope adds to a reply */

struct verify;
struct verify_job;
struct verify_batch;

/* A bounded queue with one thread that takes what has arrived. */
struct verify_line {
    struct phi_queue *queue;
    pthread_t thread;
    bool has_thread;
    void (*handle)(struct verify *verify, void **items, size_t count);
};

struct verify {
    struct phi_service *service;
    const char *region;
    const char *topic;  /* of code.verified */
    const char *source; /* of its events */
    const struct phi_clock *clock;
    struct phi_trust *trust;
    struct phi_codeside *codeside; /* unseals only */
    struct phi_hmac_key *index_key;
    struct phi_hmac_key *serial_key;
    struct phi_seal_key *kept_key; /* what uses are made of again after a restore: restore.h */
    struct phi_sm2_private *receipt_key;
    char receipt_key_id[17];
    struct phi_rpc_allow_list *allow;
    struct phi_rpc_server *rpc;
    pthread_key_t bench_key; /* struct verify_bench: what a thread that runs batches keeps */
    bool has_bench_key;
    struct phi_lane *lanes[VERIFY_LANES_MAX]; /* the service's own first: see uses/lanes.c */
    size_t lane_count;
    atomic_bool is_drained;         /* the service's lane is gone */
    struct verify_revoke *revoke;   /* see revoke.h */
    struct phi_neighbours *issuers; /* see core/issuer.c */
    struct phi_forward *forward;    /* the relay: asking, and being asked */
    struct phi_counter *asked[3];   /* answered, unreachable, untrue */
    struct verify_line late;        /* jobs whose commit was refused: see core/late.c */
    struct verify_line asks;        /* what came over HTTP: see doors/http.c */
    struct watch *watch;            /* NULL: nobody is watched (a benchmark) */
    struct phi_queue *watch_stop;   /* closed to end the thread of watch/keeper.c */
    pthread_t watch_thread;
    bool has_watch_thread;
    struct phi_counter *watched[2]; /* warned, cut off */
    int64_t uses_keep_us;
    struct phi_queue *spans_stop; /* closed to end the thread of uses/spans.c */
    pthread_t spans_thread;
    bool has_spans_thread;
    struct phi_counter *verified[2]; /* refused, good */
    struct phi_counter *batches;
    struct phi_counter *batched;
};

/* uses/tables.c: what the lane writes, in this order. */
enum verify_table { TABLE_REQUESTS = PHI_API_OWN, TABLE_LEDGER, TABLE_USES, TABLE_REVOCATIONS };
#define VERIFY_TABLES 4
extern const struct phi_lane_table verify_tables[VERIFY_TABLES];

/* Columns of requests: who asked under which id, and what was answered. */
enum requests_column {
    REQUESTS_PLATFORM,
    REQUESTS_PROGRAM,
    REQUESTS_ID,
    REQUESTS_SERIAL_HMAC,
    REQUESTS_REQUESTER_DIGEST,
    REQUESTS_SCOPE,
    REQUESTS_STATUS,
    REQUESTS_USED,
    REQUESTS_COLUMNS
};

/* Columns of uses: what the holder sees. */
enum uses_column {
    USES_ID,
    USES_PLATFORM,
    USES_PROGRAM,
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

/* Columns of revocations, as its issuer lays them down. */
enum revocations_column {
    REVOCATIONS_PLATFORM,
    REVOCATIONS_KIND,
    REVOCATIONS_ID,
    REVOCATIONS_FROM,
    REVOCATIONS_UNTIL,
    REVOCATIONS_VERSION,
    REVOCATIONS_WHO,
    REVOCATIONS_COLUMNS
};

/* How a job's answer comes to be. */
enum verify_way {
    WAY_AT_ONCE, /* nothing to be kept */
    WAY_COMMIT,  /* with its commit, the batch's all together */
    WAY_ISSUER,  /* another platform's code: with what its issuer says */
    WAY_LATE,    /* its commit was refused */
};

/* What was asked of another platform. */
struct verify_issuer {
    uint8_t request_id[16];
    struct phi_deadline deadline;
    bool can_relay; /* when it does not answer directly */
    bool is_relayed;
    struct phi_forward_sent sent;
    uint8_t reply[PHI_VERIFY_REPLY_MAX + VERIFY_RELAY_MORE];
    size_t reply_len; /* 0: it did not answer directly, and the relay is to be tried */
};

/* One verification on its way. It lives in its batch; its request's code is the door's. */
struct verify_job {
    struct verify *verify;
    struct verify_batch *batch;
    struct phi_verify_request request;
    uint32_t allowed_scopes;     /* bits 1 << enum phi_scope that the caller may ask for */
    struct watch_caller *caller; /* whom it counts for; NULL: nobody */
    struct phi_deadline deadline;
    int64_t now_us;
    struct phi_jkm1 code;
    const struct phi_sm2_public *key;    /* the trust list's, for the time of the check */
    uint8_t serial_hmac[PHI_SM3_LEN];    /* of what may be recorded; it also tells codes apart */
    struct phi_codeside_content content; /* when the code is ours and its signature verified */
    bool is_ours;
    bool is_recording_refusal; /* the second commit, after the ledger said no */
    enum verify_way way;
    struct phi_verify_reply reply;
    struct phi_event *event; /* WAY_COMMIT */
    /* how the commit ended, for core/late.c */
    enum phi_err commit_err;
    int commit_table;
    bool has_recorded;
    bool is_other_request;        /* the recorded one had another code or requester */
    struct verify_issuer *issuer; /* WAY_ISSUER */
    void *context;                /* the door's */
};

/* What a door does for its jobs; any thread. */
struct verify_door {
    /* Optional: the replies as they will be when every commit succeeds; before the commits. */
    void (*prepare)(struct verify_batch *batch);
    /* These are over, their replies final; they are gone when it returns. `is_as_prepared`: no
     * reply has changed since. */
    void (*answer)(struct verify_job **jobs, size_t count, bool is_as_prepared);
};

/* Requests that are worked on together. Freed when the last of its jobs is answered. */
struct verify_batch {
    struct verify *verify;
    const struct verify_door *door;
    struct phi_arena *arena; /* of the thread that runs it, then of the late thread */
    struct verify_job **jobs;
    size_t count;
    atomic_size_t held;       /* jobs not answered, and verify_run */
    atomic_size_t committing; /* jobs whose commit is not told, and verify_run */
};

/* What one thread keeps for the batches that it runs. */
struct verify_bench {
    struct phi_trust_reader trust;
    struct phi_sm2_job rows[VERIFY_BATCH];
    struct verify_job *jobs[VERIFY_BATCH];
};

/* core/batch.c. A batch has room for `count` jobs; NULL when out of memory. */
struct verify_batch *verify_batch_new(struct verify *verify, const struct verify_door *door,
                                      size_t count);
/* Copies the request, but for its code, which must stay until the answer; NULL when out of memory.
 */
struct verify_job *verify_batch_add(struct verify_batch *batch,
                                    const struct phi_verify_request *request,
                                    uint32_t allowed_scopes, struct phi_deadline deadline);
void verify_batch_drop(struct verify_batch *batch); /* one that was not run; NULL is fine */
/* Never blocks; each job gets its answer through the door, at once or later. */
void verify_run(struct verify_batch *batch);
/* Answers jobs of one batch. */
void verify_answer(struct verify_job **jobs, size_t count, bool is_as_prepared);
enum phi_err verify_benches_open(struct verify *verify) PHI_MUST_USE;
void verify_benches_close(struct verify *verify); /* when no thread runs batches any more */
/* This thread's; NULL when out of memory. */
struct verify_bench *verify_bench_get(struct verify *verify);

/* doors/line.c */
enum phi_err verify_line_start(struct verify *verify, struct verify_line *line,
                               void (*handle)(struct verify *, void **items, size_t count),
                               size_t capacity) PHI_MUST_USE;
void verify_line_stop(struct verify_line *line);

/* core/check.c: form, platform, signature, deadline, revocation, what is sealed; sets replies,
 * never blocks. */
void verify_check(struct verify_bench *bench, struct verify_job **jobs, size_t count);
/* uses/lanes.c: PHI_ERR_STORE's kind as phi_lane_open gives it; closed before the service's own
 * lane. */
enum phi_err verify_lanes_open(struct verify *verify, struct phi_error *error) PHI_MUST_USE;
void verify_lanes_close(struct verify *verify);
struct phi_lane *verify_lane(struct verify *verify); /* the one with the least to do; any thread */
/* uses/record.c: uses, ledger and event in one group commit; the commit is laid out, not
 * submitted. */
enum phi_err verify_record(struct verify_job *job, struct phi_lane *lane,
                           struct phi_commit **commit) PHI_MUST_USE;
/* Told on the lane's thread: what the recorded answer was. */
void verify_keep_result(struct verify_job *job, const struct phi_commit_result *result);
void verify_count_kept(const struct verify_job *job);
/* core/receipt.c: of all jobs whose reply is good; one whose receipt can't be signed gets that as
 * its status. */
void verify_sign_receipts(struct verify_bench *bench, struct verify_job **jobs, size_t count);
/* core/issuer.c: the codes of other platforms. The key is this service's own, as CURVE client. */
enum phi_err verify_routes_open(struct verify *verify, const uint8_t secret_key[PHI_CURVE_KEY_LEN])
    PHI_MUST_USE; /* PHI_ERR_MEMORY */
void verify_routes_close(struct verify *verify);
/* Jobs whose way it is; never blocks. */
void verify_ask_issuers(struct verify_bench *bench, struct verify_batch *batch);
/* On the late thread: judges what came, and answers. */
void verify_take_issuers_answer(struct verify_bench *bench, struct verify_job *job);
/* core/late.c: what follows a refused commit happens off the lane's thread. */
void verify_late_handle(struct verify *verify, void **items, size_t count);
void verify_late_push(struct verify_job *job);

/* uses/spans.c: the partitions of uses and ledger, made ahead and dropped when their time is
 * over; the first time before it returns. PHI_ERR_STORE, PHI_ERR_MEMORY. */
enum phi_err verify_spans_start(struct verify *verify, struct phi_error *error) PHI_MUST_USE;
void verify_spans_stop(struct verify *verify);

/* watch/keeper.c: judges the callers; who is cut off is so when it returns. PHI_ERR_STORE,
 * PHI_ERR_MEMORY. */
enum phi_err verify_watch_start(struct verify *verify, struct phi_error *error) PHI_MUST_USE;
void verify_watch_stop(struct verify *verify); /* also frees the watch */

/* doors/rpc.c and doors/http.c: the doors. */
enum phi_err verify_rpc_open(struct verify *verify, struct phi_error *error) PHI_MUST_USE;
void verify_http_handle(struct verify *verify, void **items, size_t count);
enum phi_err verify_http(struct phi_api_call *call,
                         struct phi_error *error); /* POST /v1/codes/verify */
enum phi_err verify_http_many(struct phi_api_call *call,
                              struct phi_error *error); /* POST /v1/codes/verify/batch */
enum phi_err verify_uses(struct phi_api_call *call,
                         struct phi_error *error); /* GET /v1/codes/uses */

#endif
