#include "crypto/certificate/own.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <string.h>
#include <stdlib.h>
#include <time.h>

/* 2.25 holds UUIDs: an arc that nobody else has, without a registration. */
#define USE_ARC "2.25.10691266915068500322337890675003171545"

static const char *const use_names[PHI_CERTIFICATE_USE_END] = {
    [PHI_CERTIFICATE_CODE] = "code",
    [PHI_CERTIFICATE_RECEIPT] = "receipt",
    [PHI_CERTIFICATE_REVOCATION] = "revocation",
    [PHI_CERTIFICATE_DIRECTORY] = "directory",
    [PHI_CERTIFICATE_CORRECTION] = "correction",
    [PHI_CERTIFICATE_ANSWER] = "answer",
    [PHI_CERTIFICATE_ENCRYPTION] = "encryption",
    [PHI_CERTIFICATE_TRUST] = "trust",
    [PHI_CERTIFICATE_ACCESS] = "access",
    [PHI_CERTIFICATE_APP] = "app",
};

const char *phi_certificate_use_name(enum phi_certificate_use use)
{
    return use_names[use];
}

enum phi_err phi_certificate_use_parse(const char *name, enum phi_certificate_use *out)
{
    for (int use = PHI_CERTIFICATE_CODE; use < PHI_CERTIFICATE_USE_END; use++) {
        if (strcmp(use_names[use], name) == 0) {
            *out = (enum phi_certificate_use)use;
            return PHI_OK;
        }
    }
    return PHI_ERR_FIELD_VALUE;
}

ASN1_OBJECT *phi_certificate_use_object(enum phi_certificate_use use)
{
    char oid[80];
    (void)snprintf(oid, sizeof(oid), USE_ARC ".%d", (int)use);
    return OBJ_txt2obj(oid, 1);
}

unsigned phi_certificate_uses_of(const EXTENDED_KEY_USAGE *usage)
{
    unsigned uses = 0;
    char oid[128];
    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
        int len = OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i), 1);
        char *end = NULL;
        if (len <= (int)strlen(USE_ARC ".") || len >= (int)sizeof(oid) ||
            strncmp(oid, USE_ARC ".", strlen(USE_ARC ".")) != 0)
            continue;
        unsigned long use = strtoul(oid + strlen(USE_ARC "."), &end, 10);
        if (*end == '\0' && use >= PHI_CERTIFICATE_CODE && use < PHI_CERTIFICATE_USE_END)
            uses |= 1u << use;
    }
    return uses;
}

ASN1_OCTET_STRING *phi_certificate_user_id(void)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    const unsigned char *text = (const unsigned char *)PHI_SM2_USER_ID;
    if (id && ASN1_OCTET_STRING_set(id, text, (int)strlen(PHI_SM2_USER_ID)) != 1) {
        ASN1_OCTET_STRING_free(id);
        return NULL;
    }
    return id;
}

enum phi_err phi_certificate_der(struct phi_view bytes, const char *name, uint8_t **der, long *len)
{
    char *found = NULL, *header = NULL;
    enum phi_err err = PHI_ERR_KEY;
    if (bytes.len == 0 || bytes.len > PHI_CERTIFICATE_BYTES_MAX)
        return PHI_ERR_KEY;
    if (bytes.data[0] == 0x30) {
        *der = OPENSSL_memdup(bytes.data, bytes.len);
        *len = (long)bytes.len;
        return *der ? PHI_OK : PHI_ERR_MEMORY;
    }
    BIO *bio = BIO_new_mem_buf(bytes.data, (int)bytes.len);
    if (bio && PEM_read_bio(bio, &found, &header, der, len) == 1) {
        err = strcmp(found, name) == 0 && header[0] == '\0' ? PHI_OK : PHI_ERR_KEY;
        if (err != PHI_OK)
            OPENSSL_free(*der);
        OPENSSL_free(found);
        OPENSSL_free(header);
    }
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

enum phi_err phi_certificate_point_of(const EVP_PKEY *key, uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    uint8_t point[1 + PHI_SM2_PUBLIC_LEN];
    size_t len = 0;
    if (!key || !EVP_PKEY_is_a(key, "SM2") ||
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) !=
            1 ||
        len != sizeof(point) || point[0] != 0x04)
        return PHI_ERR_KEY;
    memcpy(xy, point + 1, PHI_SM2_PUBLIC_LEN);
    return PHI_OK;
}

void phi_certificate_name_of(const X509_NAME *name, char out[PHI_CERTIFICATE_NAME_MAX + 1])
{
    BIO *bio = BIO_new(BIO_s_mem());
    const char *text = NULL;
    out[0] = '\0';
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long len = BIO_get_mem_data(bio, &text);
        size_t kept = len > PHI_CERTIFICATE_NAME_MAX ? PHI_CERTIFICATE_NAME_MAX : (size_t)len;
        while (kept < (size_t)len && kept > 0 && ((uint8_t)text[kept] & 0xc0) == 0x80)
            kept--;
        memcpy(out, text, kept);
        out[kept] = '\0';
    }
    BIO_free(bio);
}

static enum phi_err serial_of(const X509 *x509, char out[PHI_CERTIFICATE_SERIAL_MAX + 1])
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    uint8_t bytes[PHI_CERTIFICATE_SERIAL_MAX / 2];
    enum phi_err err = PHI_ERR_KEY;
    if (number && !BN_is_negative(number) && !BN_is_zero(number) &&
        BN_num_bytes(number) <= (int)sizeof(bytes)) {
        int len = BN_bn2bin(number, bytes);
        phi_hex_encode(phi_view_of(bytes, (size_t)len), out);
        err = PHI_OK;
    }
    BN_free(number);
    return err;
}

static enum phi_err time_of(const ASN1_TIME *time, int64_t *out)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return PHI_ERR_KEY;
    *out = timegm(&parts);
    return PHI_OK;
}

static enum phi_err uses_of(const X509 *x509, unsigned *out)
{
    int critical = 0;
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);
    *out = usage ? phi_certificate_uses_of(usage) : 0;
    /* what isn't empty and has none of ours is for something else */
    bool is_other = usage && *out == 0;
    EXTENDED_KEY_USAGE_free(usage);
    return (!usage && critical != -1) || is_other ? PHI_ERR_KEY : PHI_OK;
}

static const char *form_fault(X509 *x509)
{
    if (X509_get_version(x509) != X509_VERSION_3)
        return "not of version 3";
    if (X509_get_signature_nid(x509) != NID_SM2_with_SM3)
        return "not signed with SM2 over SM3";
    if ((X509_get_extension_flags(x509) & EXFLAG_INVALID) != 0)
        return "its extensions contradict themselves";
    return NULL;
}

static bool may_certify(X509 *x509)
{
    return (X509_get_extension_flags(x509) & EXFLAG_CA) != 0 &&
           (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) != 0;
}

enum phi_err phi_certificate_info_of(X509 *x509, struct phi_certificate_info *out,
                                     struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_certificate_info info = {.is_ca = may_certify(x509)};
    const char *fault = form_fault(x509);
    if (fault)
        return phi_error_set(error, PHI_ERR_KEY, "certificate", "%s", fault);
    if (phi_certificate_point_of(X509_get0_pubkey(x509), info.public_key) != PHI_OK)
        return phi_error_set(error, PHI_ERR_KEY, "certificate", "not of an SM2 key");
    if (serial_of(x509, info.serial) != PHI_OK ||
        time_of(X509_get0_notBefore(x509), &info.from_s) != PHI_OK ||
        time_of(X509_get0_notAfter(x509), &info.to_s) != PHI_OK)
        return phi_error_set(error, PHI_ERR_KEY, "certificate", "its serial or time is malformed");
    if (uses_of(x509, &info.uses) != PHI_OK)
        return phi_error_set(error, PHI_ERR_KEY, "certificate", "for no use that is known here");
    info.path_len = (int)X509_get_pathlen(x509); /* -1 without one */
    phi_certificate_name_of(X509_get_subject_name(x509), info.subject);
    phi_certificate_name_of(X509_get_issuer_name(x509), info.issuer);
    PHI_GUARD(phi_key_id_of(info.public_key, info.key_id));
    *out = info;
out:
    return err;
}

static enum phi_err x509_of(struct phi_view bytes, X509 **out, struct phi_error *error)
{
    uint8_t *der = NULL;
    long len = 0;
    enum phi_err err = phi_certificate_der(bytes, PEM_STRING_X509, &der, &len);
    if (err != PHI_OK)
        return phi_error_set(error, err, "certificate", "no CERTIFICATE in it");
    const uint8_t *at = der;
    X509 *x509 = d2i_X509(NULL, &at, len);
    if (x509 && at != der + len) {
        X509_free(x509);
        x509 = NULL;
    }
    OPENSSL_free(der);
    ERR_clear_error();
    if (!x509)
        return phi_error_set(error, PHI_ERR_KEY, "certificate", "not a certificate in DER");
    *out = x509;
    return PHI_OK;
}

enum phi_err phi_certificate_read(struct phi_view bytes, struct phi_certificate **out,
                                  struct phi_error *error)
{
    struct phi_certificate *made = calloc(1, sizeof(*made));
    if (!made)
        return PHI_ERR_MEMORY;
    enum phi_err err = PHI_OK;
    PHI_GUARD(x509_of(bytes, &made->x509, error));
    PHI_GUARD(phi_certificate_info_of(made->x509, &made->info, error));
    ASN1_OCTET_STRING *id = phi_certificate_user_id();
    PHI_GUARD(id ? PHI_OK : PHI_ERR_MEMORY);
    X509_set0_distinguishing_id(made->x509, id);
    *out = made;
    made = NULL;
out:
    phi_certificate_free(made);
    ERR_clear_error();
    return err;
}

void phi_certificate_free(struct phi_certificate *certificate)
{
    if (!certificate)
        return;
    X509_free(certificate->x509);
    free(certificate);
}

const struct phi_certificate_info *phi_certificate_info(const struct phi_certificate *certificate)
{
    return &certificate->info;
}
