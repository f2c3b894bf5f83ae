/* The receipt (验码回执): the verifying platform's word, for one challenge, that a code was good.
 *
 *   PHI_GUARD(phi_receipt_sign(&receipt, key, &writer));                          // svc-verify
 *   PHI_GUARD(phi_receipt_decode(bytes, &receipt, &signed_part, &sig));           // svc-directory
 *   PHI_GUARD(phi_sm2_verify(key_of(receipt.key_id), signed_part, sig));
 *
 * Bytes in docs/codes.md. Pure; any thread; nothing blocks or allocates.
 */
#ifndef PHI_CODES_RECEIPT_H
#define PHI_CODES_RECEIPT_H

#include "codes/scope.h"
#include "codes/subject.h"
#include "crypto/sm2.h"

#define PHI_RECEIPT_AUDIENCE_MAX  8
#define PHI_RECEIPT_REQUESTER_MAX 64
#define PHI_RECEIPT_MAX           640 /* with the signature */
#define PHI_RECEIPT_LIFE_MAX_S    60

struct phi_receipt {
    uint8_t receipt_id[16];
    char issuer[7];  /* platform id */
    char key_id[17]; /* of the signing key */
    uint8_t serial_hmac[PHI_SM3_LEN];
    bool has_subject; /* false: the code's A is opaque and its issuer did not tell */
    uint8_t subject[PHI_SUBJECT_LEN];
    char requester[PHI_RECEIPT_REQUESTER_MAX + 1]; /* "320000.svc-directory" */
    char app[PHI_RECEIPT_REQUESTER_MAX + 1];       /* app or device */
    char audience[PHI_RECEIPT_AUDIENCE_MAX][7];
    uint8_t challenge[16];
    enum phi_scope scope;
    size_t audience_count; /* 1..8 */
    int64_t issued_s;
    int64_t expires_s; /* at most 60 s after issued_s */
};

/* Writes the receipt without its signature. Errors: PHI_ERR_FIELD_VALUE (a field out of its
 * bounds), PHI_ERR_FRAME (no room). */
enum phi_err phi_receipt_encode(const struct phi_receipt *receipt,
                                struct phi_writer *out) PHI_MUST_USE;

/* Writes the receipt and its 64-byte signature. Errors: as phi_receipt_encode and phi_sm2_sign. */
enum phi_err phi_receipt_sign(const struct phi_receipt *receipt, const struct phi_sm2_private *key,
                              struct phi_writer *out) PHI_MUST_USE;

/* Reads receipt and signature; `signed_part` and `sig` borrow `bytes`. The signature, the challenge
 * and the time are not judged. Errors: PHI_ERR_RECEIPT. */
enum phi_err phi_receipt_decode(struct phi_view bytes, struct phi_receipt *out,
                                struct phi_view *signed_part, const uint8_t **sig) PHI_MUST_USE;

/* issued − 5 s ≤ now ≤ expires: another machine's clock may be a little behind. */
bool phi_receipt_is_in_force(const struct phi_receipt *receipt, int64_t now_s);
bool phi_receipt_has_audience(const struct phi_receipt *receipt, const char *region);

#endif
