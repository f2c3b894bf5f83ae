/* A crypto machine (密码机) behind GM/T 0018, whose library is loaded at run time: its signing keys
 * never leave it.
 *
 *   const struct phi_sdf_options options = {.library = "/usr/lib/libsdf.so", .password = password,
 *       .keys = keys, .key_count = 2, .sessions = 8, .timeout_ms = 2000, .probe_ms = 10000};
 *   PHI_GUARD(phi_sdf_open(&options, &sdf, error));
 *   PHI_GUARD(phi_sdf_sm2_key(sdf, "code", &key));          // an ordinary key for crypto/sm2.h
 *   PHI_GUARD(phi_sm2_sign(key, message, sig));             // PHI_ERR_KEY_DEVICE when it can't
 *
 * A bounded pool of sessions, each on a thread of its own, so that a machine that hangs costs a
 * caller no more than `timeout_ms`. A failed call closes its session; the next opens a new one, and
 * a device handle if that doesn't go either. No signature leaves that did not verify under the
 * public key that the machine gave when it was opened. Every function may be called by any thread
 * and blocks for at most `timeout_ms`, open and close for a few of them.
 *
 * The machine failing in whatever way is PHI_ERR_KEY_DEVICE. Counted as
 * phi_key_device_calls_total, phi_key_device_failures_total, phi_key_device_state.
 */
#ifndef PHI_CRYPTO_SDF_H
#define PHI_CRYPTO_SDF_H

#include "crypto/sm2.h"
#include "crypto/sm3.h"
#include "crypto/sm4.h"

#define PHI_SDF_KEYS_MAX     16
#define PHI_SDF_SESSIONS_MAX 64
#define PHI_SDF_USE_MAX      31   /* letters, digits, - */
#define PHI_SDF_BYTES_MAX    2048 /* of one random, SM3 or SM4 call to the machine */
#define PHI_SDF_WRAPPED_MAX  64

struct phi_sdf; /* opaque */

/* A signing key of the machine: what it is for in the suite, its index in the machine. */
struct phi_sdf_key {
    char use[PHI_SDF_USE_MAX + 1];
    uint32_t index;
};

struct phi_sdf_options {
    const char *library;  /* path of the vendor's shared library */
    const char *password; /* for the access right to the private keys; copied */
    const struct phi_sdf_key *keys;
    size_t key_count;
    size_t sessions;    /* 1..PHI_SDF_SESSIONS_MAX */
    int64_t timeout_ms; /* for one call, waiting for a session included */
    int64_t probe_ms;   /* a test call this often; while failing four times a second */
};

/* "code:1": a use and an index from 1 on. Errors: PHI_ERR_CONFIG. */
enum phi_err phi_sdf_key_parse(const char *text, struct phi_sdf_key *out) PHI_MUST_USE;

/* Loads the library, opens the sessions, reads every key's public half and has each sign once; SM3
 * is held against a known answer, and what the machine gives as random is added to the process's
 * generator. Closed by phi_sdf_close. Errors: PHI_ERR_CONFIG (no such library, a function missing
 * in it, no or too many keys or sessions), PHI_ERR_KEY_DEVICE (and which step), PHI_ERR_MEMORY. */
enum phi_err phi_sdf_open(const struct phi_sdf_options *options, struct phi_sdf **out,
                          struct phi_error *error) PHI_MUST_USE;
/* After the keys made of it are freed. NULL is fine. What hangs in the machine is left behind. */
void phi_sdf_close(struct phi_sdf *sdf);

enum phi_sdf_state {
    PHI_SDF_WORKING,
    PHI_SDF_FAILING, /* the last call failed */
    PHI_SDF_DOWN,    /* and so did a test call after it, or every session hangs */
};
enum phi_sdf_state phi_sdf_state(const struct phi_sdf *sdf);

/* The pair of a use, private half in the machine; the caller frees it before phi_sdf_close.
 * Errors: PHI_ERR_KEY (no such use), PHI_ERR_MEMORY. */
enum phi_err phi_sdf_sm2_key(struct phi_sdf *sdf, const char *use,
                             struct phi_sm2_private **out) PHI_MUST_USE;

/* Verifies a signature of a key of the machine's inside the machine (SDF_InternalVerify_ECC).
 * `digest` is SM3(Z‖M). Errors: PHI_ERR_KEY (no such use), PHI_ERR_SIGNATURE, PHI_ERR_KEY_DEVICE.
 */
enum phi_err phi_sdf_verify_internal(struct phi_sdf *sdf, const char *use,
                                     const uint8_t digest[PHI_SM3_LEN],
                                     const uint8_t sig[PHI_SM2_SIG_LEN]) PHI_MUST_USE;

/* Public keys made from now on verify in this machine (SDF_ExternalVerify_ECC), and in the process
 * as well: a signature counts only when both say so, and where they differ it is
 * PHI_ERR_KEY_DEVICE. NULL: in the process only, which is the default. At start, before other
 * threads. */
void phi_sdf_use_to_verify(struct phi_sdf *sdf);

/* The machine that key files of the form "sdf:<use>" mean, one a process. At start. */
void phi_sdf_use_for_files(struct phi_sdf *sdf);
struct phi_sdf *phi_sdf_for_files(void); /* NULL: none */

/* Errors: PHI_ERR_KEY_DEVICE; then `out` is zeroed. Any length. */
enum phi_err phi_sdf_random(struct phi_sdf *sdf, void *out, size_t len) PHI_MUST_USE;

/* The digest of at most PHI_SDF_BYTES_MAX bytes. Errors: PHI_ERR_FIELD_VALUE (more),
 * PHI_ERR_KEY_DEVICE. */
enum phi_err phi_sdf_sm3(struct phi_sdf *sdf, struct phi_view data,
                         uint8_t out[PHI_SM3_LEN]) PHI_MUST_USE;

/* An SM4 key that only the machine can use: what is kept is wrapped under its key `kek`. */
struct phi_sdf_sm4 {
    uint32_t kek;
    uint8_t wrapped[PHI_SDF_WRAPPED_MAX];
    size_t wrapped_len;
};

/* A new key. Errors: PHI_ERR_KEY_DEVICE. */
enum phi_err phi_sdf_sm4_generate(struct phi_sdf *sdf, uint32_t kek,
                                  struct phi_sdf_sm4 *out) PHI_MUST_USE;

/* As phi_sm4_ctr, the machine enciphering the counters. Errors: PHI_ERR_KEY_DEVICE; then `out` is
 * zeroed. Any length. */
enum phi_err phi_sdf_sm4_ctr(struct phi_sdf *sdf, const struct phi_sdf_sm4 *key,
                             const uint8_t iv[PHI_SM4_BLOCK_LEN], const uint8_t *in, size_t len,
                             uint8_t *out) PHI_MUST_USE;

#endif
