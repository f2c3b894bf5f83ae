/* Requests and certificates of our own making: OpenSSL writes what is signed, crypto/sm2.h signs
 * it, so that a CA's key may be in a crypto machine. */
#include "crypto/certificate/own.h"

#include "base/text.h"
#include "crypto/random.h"
#include "crypto/sm2/openssl_key.h"
#include "crypto/sm3.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdlib.h>
#include <string.h>

#define NAME_PART_MAX 64
#define SERIAL_LEN    16

static void der_number(struct phi_writer *out, const uint8_t number[32])
{
    size_t skip = 0;
    while (skip < 31 && number[skip] == 0)
        skip++;
    bool has_sign = (number[skip] & 0x80) != 0;
    phi_write_u8(out, 0x02);
    phi_write_u8(out, (uint8_t)(32 - skip + has_sign));
    if (has_sign)
        phi_write_u8(out, 0);
    phi_write_view(out, phi_view_of(number + skip, 32 - skip));
}

static void der_head(struct phi_writer *out, uint8_t tag, size_t len)
{
    phi_write_u8(out, tag);
    if (len >= 0x80)
        phi_write_u8(out, len > 0xff ? 0x82 : 0x81);
    if (len > 0xff)
        phi_write_u8(out, (uint8_t)(len >> 8));
    phi_write_u8(out, (uint8_t)len);
}

/* sm2-with-sm3 (1.2.156.10197.1.501), without parameters */
static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x81,
                                    0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75};

static enum phi_err compose(struct phi_view tbs, const uint8_t sig[PHI_SM2_SIG_LEN],
                            struct phi_writer *out)
{
    uint8_t numbers[80], bits[96];
    struct phi_writer inner = phi_writer_of(numbers, sizeof(numbers));
    der_number(&inner, sig);
    der_number(&inner, sig + 32);
    size_t len = phi_writer_len(&inner);
    struct phi_writer outer = phi_writer_of(bits, sizeof(bits));
    der_head(&outer, 0x03, len + 3);
    phi_write_u8(&outer, 0); /* no unused bits */
    der_head(&outer, 0x30, len);
    phi_write_view(&outer, phi_view_of(numbers, len));
    len = phi_writer_len(&outer);
    der_head(out, 0x30, tbs.len + sizeof(algorithm) + len);
    phi_write_view(out, tbs);
    phi_write_view(out, phi_view_of(algorithm, sizeof(algorithm)));
    phi_write_view(out, phi_view_of(bits, len));
    return out->failed || inner.failed || outer.failed ? PHI_ERR_KEY : PHI_OK;
}

static enum phi_err write_pem(struct phi_view der, const char *name, char *pem, size_t size)
{
    enum phi_err err = PHI_ERR_MEMORY;
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio(bio, name, "", der.data, (long)der.len) > 0) {
        size_t len = (size_t)BIO_get_mem_data(bio, &text);
        err = len < size ? PHI_OK : PHI_ERR_KEY;
        if (err == PHI_OK) {
            memcpy(pem, text, len);
            pem[len] = '\0';
        }
    }
    BIO_free(bio);
    return err;
}

enum phi_err phi_certificate_sign(const struct phi_sm2_private *key, struct phi_view tbs,
                                  const char *name, char *pem, size_t size)
{
    enum phi_err err = PHI_OK;
    uint8_t sig[PHI_SM2_SIG_LEN], der[PHI_CERTIFICATE_BYTES_MAX];
    struct phi_writer out = phi_writer_of(der, sizeof(der));
    PHI_GUARD(phi_sm2_sign(key, tbs, sig));
    PHI_GUARD(compose(tbs, sig, &out));
    PHI_GUARD(write_pem(phi_view_of(der, phi_writer_len(&out)), name, pem, size));
out:
    return err;
}

static bool name_add(X509_NAME *name, const char *type, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)text, -1,
                                      -1, 0) == 1;
}

static enum phi_err name_make(const struct phi_certificate_name *from, X509_NAME **out,
                              struct phi_error *error)
{
    X509_NAME *name = X509_NAME_new();
    if (name && name_add(name, "C", "CN") && name_add(name, "O", from->organization) &&
        name_add(name, "CN", from->common)) {
        *out = name;
        return PHI_OK;
    }
    X509_NAME_free(name);
    return phi_error_set(error, PHI_ERR_FIELD_VALUE, "name",
                         "organization and common name have 1 to %d characters of UTF-8",
                         NAME_PART_MAX);
}

enum phi_err phi_certificate_request(const struct phi_sm2_private *key,
                                     const struct phi_certificate_name *name, char *pem,
                                     size_t size, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN], *tbs = NULL;
    X509_NAME *subject = NULL;
    phi_sm2_private_public(key, xy);
    EVP_PKEY *public = phi_sm2_openssl_key(NULL, xy);
    X509_REQ *request = X509_REQ_new();
    PHI_GUARD(public && request ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(name_make(name, &subject, error));
    bool is_made = X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
                   X509_REQ_set_subject_name(request, subject) == 1 &&
                   X509_REQ_set_pubkey(request, public) == 1;
    int len = is_made ? i2d_re_X509_REQ_tbs(request, &tbs) : 0;
    PHI_GUARD(len > 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(
        phi_certificate_sign(key, phi_view_of(tbs, (size_t)len), PEM_STRING_X509_REQ, pem, size));
out:
    OPENSSL_free(tbs);
    X509_NAME_free(subject);
    X509_REQ_free(request);
    EVP_PKEY_free(public);
    ERR_clear_error();
    return err;
}

static enum phi_err request_of(struct phi_view bytes, X509_REQ **out, struct phi_error *error)
{
    uint8_t *der = NULL;
    long len = 0;
    enum phi_err err = phi_certificate_der(bytes, PEM_STRING_X509_REQ, &der, &len);
    if (err != PHI_OK)
        return phi_error_set(error, err, "request", "no CERTIFICATE REQUEST in it");
    const uint8_t *at = der;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, len);
    if (request && at != der + len) {
        X509_REQ_free(request);
        request = NULL;
    }
    OPENSSL_free(der);
    if (!request)
        return phi_error_set(error, PHI_ERR_KEY, "request", "not a request in DER");
    *out = request;
    return PHI_OK;
}

static enum phi_err request_check(X509_REQ *request, struct phi_certificate_asked *out,
                                  struct phi_error *error)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    ASN1_OCTET_STRING *id = phi_certificate_user_id();
    if (!id)
        return PHI_ERR_MEMORY;
    X509_REQ_set0_distinguishing_id(request, id);
    if (phi_certificate_point_of(key, out->public_key) != PHI_OK ||
        X509_REQ_get_signature_nid(request) != NID_SM2_with_SM3)
        return phi_error_set(error, PHI_ERR_KEY, "request", "not of an SM2 key");
    if (X509_REQ_verify(request, key) != 1)
        return phi_error_set(error, PHI_ERR_SIGNATURE, "request", "its signature does not verify");
    phi_certificate_name_of(X509_REQ_get_subject_name(request), out->subject);
    return PHI_OK;
}

enum phi_err phi_certificate_request_read(struct phi_view bytes, struct phi_certificate_asked *out,
                                          struct phi_error *error)
{
    X509_REQ *request = NULL;
    struct phi_certificate_asked asked;
    enum phi_err err = request_of(bytes, &request, error);
    if (err == PHI_OK)
        err = request_check(request, &asked, error);
    if (err == PHI_OK)
        *out = asked;
    X509_REQ_free(request);
    ERR_clear_error();
    return err;
}

static bool serial_set(X509 *x509)
{
    uint8_t bytes[SERIAL_LEN];
    if (phi_random_bytes(bytes, sizeof(bytes)) != PHI_OK)
        return false;
    bytes[0] = (uint8_t)(0x40 | (bytes[0] & 0x3f)); /* positive and of one length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return ok;
}

static bool add(X509 *x509, int nid, void *value, bool is_critical)
{
    return value && X509_add1_ext_i2d(x509, nid, value, is_critical, 0) == 1;
}

static bool add_key_ids(X509 *x509, const uint8_t subject[PHI_SM2_PUBLIC_LEN],
                        const uint8_t issuer[PHI_SM2_PUBLIC_LEN])
{
    uint8_t own[PHI_SM3_LEN], theirs[PHI_SM3_LEN];
    ASN1_OCTET_STRING *own_id = ASN1_OCTET_STRING_new();
    AUTHORITY_KEYID *issuer_id = AUTHORITY_KEYID_new();
    bool ok = own_id && issuer_id &&
              phi_sm3(phi_view_of(subject, PHI_SM2_PUBLIC_LEN), own) == PHI_OK &&
              phi_sm3(phi_view_of(issuer, PHI_SM2_PUBLIC_LEN), theirs) == PHI_OK;
    if (ok) {
        issuer_id->keyid = ASN1_OCTET_STRING_new();
        /* the key id that the suite uses everywhere */
        ok = issuer_id->keyid && ASN1_OCTET_STRING_set(own_id, own, PHI_KEY_ID_LEN / 2) == 1 &&
             ASN1_OCTET_STRING_set(issuer_id->keyid, theirs, PHI_KEY_ID_LEN / 2) == 1 &&
             add(x509, NID_subject_key_identifier, own_id, false) &&
             add(x509, NID_authority_key_identifier, issuer_id, false);
    }
    ASN1_OCTET_STRING_free(own_id);
    AUTHORITY_KEYID_free(issuer_id);
    return ok;
}

static bool add_constraints(X509 *x509, const struct phi_certificate_terms *terms)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    bool ok = constraints != NULL;
    if (ok && terms->is_ca) {
        constraints->ca = 0xff;
        if (terms->path_len != PHI_CERTIFICATE_ANY_PATH) {
            constraints->pathlen = ASN1_INTEGER_new();
            ok = constraints->pathlen &&
                 ASN1_INTEGER_set(constraints->pathlen, terms->path_len) == 1;
        }
    }
    ok = ok && add(x509, NID_basic_constraints, constraints, true);
    BASIC_CONSTRAINTS_free(constraints);
    return ok;
}

/* Bits of KeyUsage: 0 digitalSignature, 2 keyEncipherment, 3 dataEncipherment, 5 keyCertSign. */
static bool add_usage(X509 *x509, const struct phi_certificate_terms *terms)
{
    const unsigned encryption = 1u << PHI_CERTIFICATE_ENCRYPTION;
    ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    bool signs = !terms->is_ca && (terms->uses & ~encryption) != 0;
    bool encrypts = !terms->is_ca && (terms->uses & encryption) != 0;
    bool ok = usage && (!signs || ASN1_BIT_STRING_set_bit(usage, 0, 1) == 1) &&
              (!encrypts || (ASN1_BIT_STRING_set_bit(usage, 2, 1) == 1 &&
                             ASN1_BIT_STRING_set_bit(usage, 3, 1) == 1)) &&
              (!terms->is_ca || ASN1_BIT_STRING_set_bit(usage, 5, 1) == 1) &&
              add(x509, NID_key_usage, usage, true);
    ASN1_BIT_STRING_free(usage);
    return ok;
}

static bool add_uses(X509 *x509, unsigned uses)
{
    EXTENDED_KEY_USAGE *usage = EXTENDED_KEY_USAGE_new();
    bool ok = usage != NULL;
    for (int use = PHI_CERTIFICATE_CODE; ok && use < PHI_CERTIFICATE_USE_END; use++) {
        if ((uses & (1u << use)) == 0)
            continue;
        ASN1_OBJECT *object = phi_certificate_use_object((enum phi_certificate_use)use);
        ok = object && sk_ASN1_OBJECT_push(usage, object) > 0;
        if (!ok)
            ASN1_OBJECT_free(object);
    }
    ok = ok && (uses == 0 || add(x509, NID_ext_key_usage, usage, true));
    EXTENDED_KEY_USAGE_free(usage);
    return ok;
}

static bool set_algorithm(X509 *x509)
{
    /* OpenSSL lets only its own signing write this field */
    X509_ALGOR *inner = (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(x509);
    return X509_ALGOR_set0(inner, OBJ_nid2obj(NID_SM2_with_SM3), V_ASN1_UNDEF, NULL) == 1;
}

struct making {
    const X509_NAME *subject;
    const X509_NAME *issuer;
    const uint8_t *subject_xy;
    const uint8_t *issuer_xy;
    const struct phi_certificate_terms *terms;
};

static enum phi_err make(const struct making *from, const struct phi_sm2_private *key, char *pem,
                         size_t size)
{
    enum phi_err err = PHI_OK;
    uint8_t *tbs = NULL;
    X509 *x509 = X509_new();
    EVP_PKEY *public = phi_sm2_openssl_key(NULL, from->subject_xy);
    PHI_GUARD(x509 && public ? PHI_OK : PHI_ERR_MEMORY);
    const struct phi_certificate_terms *terms = from->terms;
    bool is_made =
        X509_set_version(x509, X509_VERSION_3) == 1 && serial_set(x509) && set_algorithm(x509) &&
        X509_set_subject_name(x509, from->subject) == 1 &&
        X509_set_issuer_name(x509, from->issuer) == 1 && X509_set_pubkey(x509, public) == 1 &&
        ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)terms->from_s) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)terms->to_s) != NULL &&
        add_constraints(x509, terms) && add_usage(x509, terms) && add_uses(x509, terms->uses) &&
        add_key_ids(x509, from->subject_xy, from->issuer_xy);
    int len = is_made ? i2d_re_X509_tbs(x509, &tbs) : 0;
    PHI_GUARD(len > 0 ? PHI_OK : PHI_ERR_CRYPTO);
    PHI_GUARD(phi_certificate_sign(key, phi_view_of(tbs, (size_t)len), PEM_STRING_X509, pem, size));
out:
    OPENSSL_free(tbs);
    X509_free(x509);
    EVP_PKEY_free(public);
    ERR_clear_error();
    return err;
}

static enum phi_err check_terms(const struct phi_certificate_terms *terms, struct phi_error *error)
{
    const unsigned known = (1u << PHI_CERTIFICATE_USE_END) - (1u << PHI_CERTIFICATE_CODE);
    if ((terms->uses & ~known) != 0 || (!terms->is_ca && terms->uses == 0))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "use", "not known, or none");
    if (terms->is_ca &&
        (terms->path_len < PHI_CERTIFICATE_ANY_PATH || terms->path_len > PHI_CERTIFICATE_DEPTH_MAX))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "path length", "not 0 to %d",
                             PHI_CERTIFICATE_DEPTH_MAX);
    if (terms->from_s < 0 || terms->from_s > terms->to_s || terms->to_s > 253402300799)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "time", "ends before it begins");
    return PHI_OK;
}

enum phi_err phi_certificate_root(const struct phi_sm2_private *key,
                                  const struct phi_certificate_name *name,
                                  const struct phi_certificate_terms *terms, char *pem, size_t size,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    X509_NAME *own = NULL;
    phi_sm2_private_public(key, xy);
    PHI_GUARD(check_terms(terms, error));
    if (!terms->is_ca)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "root", "not a CA");
    PHI_GUARD(name_make(name, &own, error));
    const struct making from = {
        .subject = own, .issuer = own, .subject_xy = xy, .issuer_xy = xy, .terms = terms};
    PHI_GUARD(make(&from, key, pem, size));
out:
    X509_NAME_free(own);
    return err;
}

static const char *issuer_fault(const struct phi_certificate_info *ca, const uint8_t *key_xy,
                                const struct phi_certificate_terms *terms)
{
    if (memcmp(ca->public_key, key_xy, PHI_SM2_PUBLIC_LEN) != 0)
        return "not the key of this CA";
    if (!ca->is_ca)
        return "not a CA";
    if (terms->from_s < ca->from_s || terms->from_s > ca->to_s)
        return "the CA is not in force then";
    if (ca->uses != 0 && ((terms->uses & ~ca->uses) != 0 || terms->uses == 0))
        return "the CA is for other uses";
    if (terms->is_ca && ca->path_len != PHI_CERTIFICATE_ANY_PATH &&
        (terms->path_len == PHI_CERTIFICATE_ANY_PATH || terms->path_len >= ca->path_len))
        return "no room for this in the CA's path length";
    return NULL;
}

enum phi_err phi_certificate_issue(const struct phi_certificate *ca,
                                   const struct phi_sm2_private *key, struct phi_view request,
                                   const struct phi_certificate_terms *terms, char *pem,
                                   size_t size, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    X509_REQ *asking = NULL;
    struct phi_certificate_asked asked;
    struct phi_certificate_terms bounded = *terms;
    phi_sm2_private_public(key, xy);
    PHI_GUARD(check_terms(terms, error));
    const char *fault = issuer_fault(&ca->info, xy, terms);
    if (fault)
        return phi_error_set(error, PHI_ERR_KEY, ca->info.subject, "%s", fault);
    if (bounded.to_s > ca->info.to_s)
        bounded.to_s = ca->info.to_s;
    PHI_GUARD(request_of(request, &asking, error));
    PHI_GUARD(request_check(asking, &asked, error));
    const struct making from = {.subject = X509_REQ_get_subject_name(asking),
                                .issuer = X509_get_subject_name(ca->x509),
                                .subject_xy = asked.public_key,
                                .issuer_xy = xy,
                                .terms = &bounded};
    PHI_GUARD(make(&from, key, pem, size));
out:
    X509_REQ_free(asking);
    ERR_clear_error();
    return err;
}
