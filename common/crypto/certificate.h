/* X.509 certificates with SM2 keys, signed with SM2 over SM3 (GB/T 20518 in form, RFC 5280 rules):
 * requests, a platform's own CA, and the verification of a chain for one use.
 *
 *   struct phi_certificate *leaf = NULL;
 *   PHI_GUARD(phi_certificate_read(pem, &leaf, error));
 *   const struct phi_certificate_check check = {.use = PHI_CERTIFICATE_CODE, .now_s = now_s,
 *       .roots = &root, .root_count = 1};
 *   PHI_GUARD(phi_certificate_verify(leaf, &check, error));      // then info.public_key counts
 *
 * What a key may do is an extended key usage of our own (docs/certificates.md). Certificates are
 * immutable once read: any thread. Nothing blocks, except where a crypto machine signs. Revocation
 * is the trust list's: `status` of a check asks for it; certificate revocation lists are not read.
 * `error` may be NULL.
 */
#ifndef PHI_CRYPTO_CERTIFICATE_H
#define PHI_CRYPTO_CERTIFICATE_H

#include "crypto/key.h"

#define PHI_CERTIFICATE_BYTES_MAX  8192 /* of a certificate or request, PEM or DER */
#define PHI_CERTIFICATE_NAME_MAX   256
#define PHI_CERTIFICATE_SERIAL_MAX 40 /* hex digits */
#define PHI_CERTIFICATE_DEPTH_MAX  6  /* certificates between leaf and root */
#define PHI_CERTIFICATE_ANY_PATH   (-1)

/* What the key of a certificate is for; the numbers are those of the OIDs and never change. */
enum phi_certificate_use {
    PHI_CERTIFICATE_CODE = 1,
    PHI_CERTIFICATE_RECEIPT,
    PHI_CERTIFICATE_REVOCATION,
    PHI_CERTIFICATE_DIRECTORY,
    PHI_CERTIFICATE_CORRECTION,
    PHI_CERTIFICATE_ANSWER,
    PHI_CERTIFICATE_ENCRYPTION,
    PHI_CERTIFICATE_TRUST,
    PHI_CERTIFICATE_ACCESS,
    PHI_CERTIFICATE_APP,
    PHI_CERTIFICATE_USE_END
};
const char *phi_certificate_use_name(enum phi_certificate_use use); /* "code" */
/* Errors: PHI_ERR_FIELD_VALUE. */
enum phi_err phi_certificate_use_parse(const char *name,
                                       enum phi_certificate_use *out) PHI_MUST_USE;

struct phi_certificate; /* opaque */

struct phi_certificate_info {
    char subject[PHI_CERTIFICATE_NAME_MAX + 1]; /* RFC 2253, UTF-8, cut when longer */
    char issuer[PHI_CERTIFICATE_NAME_MAX + 1];
    char serial[PHI_CERTIFICATE_SERIAL_MAX + 1]; /* lower-case hex */
    int64_t from_s;
    int64_t to_s; /* the last second in force */
    bool is_ca;
    int path_len;  /* of a CA: CAs below it, PHI_CERTIFICATE_ANY_PATH */
    unsigned uses; /* 1u << enum phi_certificate_use; of a CA 0 is no limit */
    uint8_t public_key[PHI_SM2_PUBLIC_LEN];
    char key_id[PHI_KEY_ID_LEN + 1];
};

/* One certificate, PEM (text around it is skipped) or DER with nothing behind it. The caller frees
 * it. Errors: PHI_ERR_KEY (not a certificate, or not of version 3 with an SM2 key, signed with SM2
 * over SM3; extensions that contradict themselves), PHI_ERR_MEMORY. */
enum phi_err phi_certificate_read(struct phi_view bytes, struct phi_certificate **out,
                                  struct phi_error *error) PHI_MUST_USE;
void phi_certificate_free(struct phi_certificate *certificate); /* NULL is fine */
const struct phi_certificate_info *phi_certificate_info(const struct phi_certificate *certificate);

enum phi_certificate_status {
    PHI_CERTIFICATE_GOOD,
    PHI_CERTIFICATE_SUSPENDED,
    PHI_CERTIFICATE_REVOKED,
    PHI_CERTIFICATE_UNLISTED /* whoever was asked does not know it */
};

struct phi_certificate_check {
    enum phi_certificate_use use;
    int64_t now_s;
    const struct phi_certificate *const *roots; /* trusted as they are */
    size_t root_count;
    const struct phi_certificate *const *others; /* CAs that may stand between; not trusted */
    size_t other_count;
    /* Asked for the leaf and each CA below the root; all must be GOOD. NULL: nobody is asked. */
    enum phi_certificate_status (*status)(void *context, const struct phi_certificate_info *info);
    void *context;
};

/* PHI_OK when the leaf is no CA, has the use, and a chain leads to a root: every signature, time,
 * path length, key usage and status in order, and no CA on the way that is limited to other uses.
 * Errors: PHI_ERR_KEY (not so: `error` says what, its place whose), PHI_ERR_MEMORY. */
enum phi_err phi_certificate_verify(const struct phi_certificate *leaf,
                                    const struct phi_certificate_check *check,
                                    struct phi_error *error) PHI_MUST_USE;

/* A name in certificates: C=CN, O=`organization`, CN=`common`; 1..64 characters each, UTF-8. */
struct phi_certificate_name {
    const char *organization;
    const char *common;
};

/* A request in PEM, signed with the key it is for. Errors: PHI_ERR_FIELD_VALUE (name), PHI_ERR_KEY
 * (`size`), PHI_ERR_KEY_DEVICE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_certificate_request(const struct phi_sm2_private *key,
                                     const struct phi_certificate_name *name, char *pem,
                                     size_t size, struct phi_error *error) PHI_MUST_USE;

/* What a request asks for, once its own signature was verified; the rest of it is not looked at.
 * Errors: PHI_ERR_KEY (not a request for an SM2 key), PHI_ERR_SIGNATURE, PHI_ERR_MEMORY. */
struct phi_certificate_asked {
    char subject[PHI_CERTIFICATE_NAME_MAX + 1];
    uint8_t public_key[PHI_SM2_PUBLIC_LEN];
};
enum phi_err phi_certificate_request_read(struct phi_view bytes, struct phi_certificate_asked *out,
                                          struct phi_error *error) PHI_MUST_USE;

struct phi_certificate_terms {
    bool is_ca;
    int path_len;  /* of a CA */
    unsigned uses; /* of a leaf at least one */
    int64_t from_s;
    int64_t to_s; /* brought back to the issuer's */
};

/* A root: `key` certifies itself. Errors: as phi_certificate_request. */
enum phi_err phi_certificate_root(const struct phi_sm2_private *key,
                                  const struct phi_certificate_name *name,
                                  const struct phi_certificate_terms *terms, char *pem, size_t size,
                                  struct phi_error *error) PHI_MUST_USE;

/* A certificate for what `request` (PEM or DER) asks, under a fresh random serial.
 * Errors: as phi_certificate_request_read; PHI_ERR_KEY also when `ca` isn't `key`'s or may not
 * issue this (no CA, path length used up, other uses, not in force at from_s), PHI_ERR_FIELD_VALUE
 * (terms); PHI_ERR_KEY_DEVICE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_certificate_issue(const struct phi_certificate *ca,
                                   const struct phi_sm2_private *key, struct phi_view request,
                                   const struct phi_certificate_terms *terms, char *pem,
                                   size_t size, struct phi_error *error) PHI_MUST_USE;

#endif
