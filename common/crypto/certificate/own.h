/* What the files of this folder share. Inside the folder only.
 *
 *   PHI_GUARD(phi_certificate_info_of(x509, &info, error));
 *   PHI_GUARD(phi_certificate_sign(key, tbs, tbs_len, "CERTIFICATE", pem, size));
 */
#ifndef PHI_CRYPTO_CERTIFICATE_OWN_H
#define PHI_CRYPTO_CERTIFICATE_OWN_H

#include "crypto/certificate.h"

#include <openssl/x509v3.h>

struct phi_certificate {
    X509 *x509;
    struct phi_certificate_info info;
};

/* Everything of a certificate that is used, checked on the way. PHI_ERR_KEY, PHI_ERR_MEMORY. */
enum phi_err phi_certificate_info_of(X509 *x509, struct phi_certificate_info *out,
                                     struct phi_error *error) PHI_MUST_USE;
/* x‖y of an SM2 key. PHI_ERR_KEY for any other. */
enum phi_err phi_certificate_point_of(const EVP_PKEY *key,
                                      uint8_t xy[PHI_SM2_PUBLIC_LEN]) PHI_MUST_USE;
void phi_certificate_name_of(const X509_NAME *name, char out[PHI_CERTIFICATE_NAME_MAX + 1]);

/* The object id of a use; the caller frees it. NULL when memory is short. */
ASN1_OBJECT *phi_certificate_use_object(enum phi_certificate_use use);
/* The uses of an extended key usage; ids of others count as none. */
unsigned phi_certificate_uses_of(const EXTENDED_KEY_USAGE *usage);

/* "1234567812345678", without which OpenSSL 3.0 takes an empty one and verifies nothing of others'
 * making. The caller gives it away with set0. NULL when memory is short. */
ASN1_OCTET_STRING *phi_certificate_user_id(void);

/* DER of PEM with that name, or of DER itself. PHI_ERR_KEY; the caller frees with OPENSSL_free. */
enum phi_err phi_certificate_der(struct phi_view bytes, const char *name, uint8_t **der,
                                 long *len) PHI_MUST_USE;

/* SEQUENCE { tbs, sm2-with-sm3, signature } in PEM with an ending zero. PHI_ERR_KEY (`size`),
 * PHI_ERR_KEY_DEVICE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_certificate_sign(const struct phi_sm2_private *key, struct phi_view tbs,
                                  const char *name, char *pem, size_t size) PHI_MUST_USE;

#endif
