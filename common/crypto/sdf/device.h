/* What the files of this folder share: the pool, its sessions, and one call to the machine.
 *
 *   struct sdf_call call = {.op = SDF_OP_RANDOM, .out_len = 32};
 *   PHI_GUARD(phi_sdf_run(sdf, &call));                   // call.out
 *
 * call.c says what a call does, on the session's own thread; pool.c who gets a session, and how
 * long anybody waits.
 */
#ifndef PHI_CRYPTO_SDF_DEVICE_H
#define PHI_CRYPTO_SDF_DEVICE_H

#include "base/metrics.h"
#include "base/time.h"
#include "crypto/sdf.h"
#include "crypto/sdf/gmt0018.h"
#include "crypto/sm2/backend.h"

#include <pthread.h>
#include <stdatomic.h>

enum sdf_op {
    SDF_OP_EXPORT,          /* index → out: x‖y */
    SDF_OP_SIGN,            /* key, in: digest → out: r‖s, verified */
    SDF_OP_VERIFY_INTERNAL, /* index, in: digest, extra: r‖s */
    SDF_OP_VERIFY_EXTERNAL, /* in: digest ‖ x‖y, extra: r‖s */
    SDF_OP_RANDOM,          /* out_len → out */
    SDF_OP_SM3,             /* in → out */
    SDF_OP_SM4_GENERATE,    /* index: the KEK → out, out_len: wrapped */
    SDF_OP_SM4_ECB,         /* index: the KEK, extra: wrapped, in: blocks → out */
};

struct sdf_handle;

struct sdf_call {
    enum sdf_op op;
    uint32_t index;
    const struct sdf_handle *key;
    uint8_t in[PHI_SDF_BYTES_MAX];
    size_t in_len;
    uint8_t extra[PHI_SDF_WRAPPED_MAX];
    size_t extra_len;
    uint8_t out[PHI_SDF_BYTES_MAX];
    size_t out_len;
};

/* A handle of the sm2 backend: a pair of the machine's, or a public key that verifies there. */
struct sdf_handle {
    struct phi_sdf *sdf;
    bool is_pair; /* belongs to the pool, not to the key made of it */
    struct phi_sdf_key id;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    void *native; /* the public half in the native backend */
};

/* An open device, closed by the last session that leaves it. */
struct sdf_device {
    void *handle;
    size_t holders;
};

/* SDF_LEFT: its caller's time was over; SDF_PROBING: on its own errand. */
enum sdf_session_state {
    SDF_IDLE,
    SDF_PROBING,
    SDF_TAKEN,
    SDF_RUNNING,
    SDF_DONE,
    SDF_LEFT,
    SDF_ENDED
};

struct sdf_session {
    struct phi_sdf *sdf;
    pthread_t thread;
    enum sdf_session_state state; /* under the pool's lock */
    pthread_cond_t changed;
    struct phi_deadline probe_until; /* past it, a probe that isn't done hangs */
    struct sdf_call call;
    enum phi_err result;
    struct sdf_device *device; /* these two are the thread's own */
    void *handle;
};

struct phi_sdf {
    void *library;
    struct gmt0018 api;
    char password[257];
    int64_t timeout_ms;
    int64_t probe_ms;
    struct sdf_handle keys[PHI_SDF_KEYS_MAX];
    size_t key_count;
    atomic_bool is_open; /* from then on probes sign */
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct sdf_session sessions[PHI_SDF_SESSIONS_MAX];
    size_t session_count;
    bool is_stopping;
    struct phi_deadline probe_at;
    pthread_mutex_t device_lock;
    struct sdf_device *device; /* the one that new sessions are opened on */
    atomic_int state;          /* enum phi_sdf_state */
    struct phi_counter *calls;
    struct phi_counter *failures;
    struct phi_gauge *state_gauge;
};

/* library.c. Errors: PHI_ERR_CONFIG. */
enum phi_err phi_sdf_library_open(const char *path, void **library, struct gmt0018 *api,
                                  struct phi_error *error) PHI_MUST_USE;

/* call.c: on the session's thread. Opens what isn't open, tries once more on a new session when an
 * old one failed. */
enum phi_err phi_sdf_execute(struct sdf_session *session, struct sdf_call *call) PHI_MUST_USE;
enum phi_err phi_sdf_probe(struct sdf_session *session) PHI_MUST_USE;
void phi_sdf_session_close(struct sdf_session *session);

/* pool.c */
enum phi_err phi_sdf_pool_start(struct phi_sdf *sdf, size_t sessions) PHI_MUST_USE;
bool phi_sdf_pool_stop(struct phi_sdf *sdf); /* false: a thread hangs, so nothing may be freed */
enum phi_err phi_sdf_run(struct phi_sdf *sdf, struct sdf_call *call) PHI_MUST_USE;
/* Many at once, on as many sessions as are free, until then; each row's own result. */
void phi_sdf_run_all(struct phi_sdf *sdf, struct sdf_call *calls, enum phi_err *results,
                     size_t count, struct phi_deadline until);
void phi_sdf_note(struct phi_sdf *sdf, enum phi_sdf_state state);

/* sm2.c */
extern const struct phi_sm2_backend phi_sm2_sdf;

#endif
