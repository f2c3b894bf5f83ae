/* Signed requests and answers (interfaces.md, HTTP): SM2 with SM3 over
 *   METHOD\npath?query\ntimestamp\nnonce\nbody\n             in Authorization, and
 *   status\ntimestamp\nrequest nonce\nbody\n                  in Phi-Signature.
 *
 *   PHI_GUARD(phi_signature_verify(view, &request, now_us, &caller, &error));
 *   … caller.nonce goes down in the commit's nonce table: PHI_ERR_NONCE there for a used one …
 *   PHI_GUARD(phi_signature_answer(key, serial, 200, now_us, caller.nonce, body, &signed_answer));
 *
 * All functions are pure: no I/O, any thread.
 */
#ifndef PHI_AUTH_SIGNATURE_H
#define PHI_AUTH_SIGNATURE_H

#include "auth/registry.h"

#define PHI_NONCE_MIN            16
#define PHI_NONCE_MAX            32
#define PHI_SIGNATURE_WINDOW_S   60
#define PHI_AUTHORIZATION_MAX    512 /* bytes of the header's value */
#define PHI_SIGNATURE_BASE64_LEN 88
#define PHI_SIGNATURE_SCHEME     "PHI-SM2-SM3"

/* The parsed header. */
struct phi_authorization {
    char app_id[PHI_APP_ID_MAX + 1];
    char key_serial[PHI_KEY_SERIAL_LEN + 1];
    char timestamp[13]; /* as sent, 1..12 digits, no leading zero */
    int64_t timestamp_s;
    char nonce[PHI_NONCE_MAX + 1];
    uint8_t signature[PHI_SM2_SIG_LEN];
};

/* PHI_ERR_UNSIGNED: empty or another scheme; PHI_ERR_HEADER: ours but malformed (the place names
 * the parameter). Each parameter once, in any order, separated by commas with optional blanks. */
enum phi_err phi_authorization_parse(struct phi_view header, struct phi_authorization *out,
                                     struct phi_error *error) PHI_MUST_USE;

struct phi_signature_request {
    const char *method;     /* "POST" */
    const char *target;     /* path?query exactly as sent */
    struct phi_view header; /* the Authorization header's value; empty when there was none */
    struct phi_view body;
};

struct phi_signature_caller {
    struct phi_authorization authorization; /* nonce: its uniqueness is the caller's to guard */
    const struct phi_registry_app *app;     /* the view's */
};

/* In this order: PHI_ERR_UNSIGNED, PHI_ERR_HEADER, PHI_ERR_APP_UNKNOWN (app, or its key not in
 * force), PHI_ERR_TIMESTAMP (more than 60 s off now_us), PHI_ERR_SIGNATURE, PHI_ERR_APP_SUSPENDED
 * (told only to who can sign for the app: `out` is filled then too, so that this refusal can be
 * signed), PHI_ERR_MEMORY. */
enum phi_err phi_signature_verify(const struct phi_registry_view *view,
                                  const struct phi_signature_request *request, int64_t now_us,
                                  struct phi_signature_caller *out,
                                  struct phi_error *error) PHI_MUST_USE;

/* Many at once, their signatures verified in batches; each with its own result, as the single
 * call's. `view` and what `request` points to are borrowed. */
struct phi_signature_check {
    const struct phi_registry_view *view;
    struct phi_signature_request request;
    int64_t now_us;
    struct phi_signature_caller caller; /* filled as `out` of the single call */
    struct phi_error error;
    enum phi_err result;
};
void phi_signature_verify_batch(struct phi_signature_check *checks, size_t count);

/* SM3 over the canonical string of a request: binds a requester to what was asked. */
enum phi_err phi_signature_digest(const struct phi_signature_request *request,
                                  const struct phi_authorization *authorization,
                                  uint8_t out[32]) PHI_MUST_USE;

/* Headers of a signed answer, as text. */
struct phi_answer_signature {
    char timestamp[21];                           /* Phi-Timestamp */
    char nonce[PHI_NONCE_MAX + 1];                /* Phi-Nonce: the request's */
    char signature[PHI_SIGNATURE_BASE64_LEN + 1]; /* Phi-Signature */
    char key_serial[PHI_KEY_SERIAL_LEN + 1];      /* Phi-Key-Serial */
};

/* PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_signature_answer(const struct phi_sm2_private *key, const char *key_serial,
                                  int status, int64_t now_us, const char *nonce,
                                  struct phi_view body,
                                  struct phi_answer_signature *out) PHI_MUST_USE;

/* Many at once by one key, signed in batches; each with its own result. */
struct phi_signature_reply {
    int status;
    int64_t now_us;
    const char *nonce;
    struct phi_view body;
    struct phi_answer_signature signature;
    enum phi_err result;
};
void phi_signature_answer_batch(const struct phi_sm2_private *key, const char *key_serial,
                                struct phi_signature_reply *replies, size_t count);

/* The client's side: PHI_ERR_HEADER (a header is missing or malformed, or another nonce than was
 * sent), PHI_ERR_TIMESTAMP, PHI_ERR_SIGNATURE. Texts may be NULL when the header was not there. */
enum phi_err phi_signature_check_answer(const struct phi_sm2_public *key, int status,
                                        const char *timestamp, const char *nonce,
                                        const char *signature, const char *sent_nonce,
                                        int64_t now_us, struct phi_view body,
                                        struct phi_error *error) PHI_MUST_USE;

/* What a client puts into Authorization; makes a fresh nonce, which it also gives back. */
struct phi_authorization_made {
    char header[PHI_AUTHORIZATION_MAX + 1];
    char nonce[PHI_NONCE_MAX + 1];
};

/* PHI_ERR_HEADER (app_id is not a word of 1..32), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_authorization_make(const struct phi_sm2_private *key, const char *app_id,
                                    const char *method, const char *target, struct phi_view body,
                                    int64_t now_us,
                                    struct phi_authorization_made *out) PHI_MUST_USE;

#endif
