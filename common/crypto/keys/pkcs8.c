#include "crypto/keys/pkcs8.h"

#include "crypto/sm2/openssl_key.h"

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <string.h>

#define ROUNDS   100000
#define SALT_LEN 16

static enum phi_err pem_out(BIO *bio, uint8_t *pem, size_t size, size_t *len)
{
    char *data = NULL;
    long have = BIO_get_mem_data(bio, &data);
    if (have <= 0 || (size_t)have > size)
        return PHI_ERR_CRYPTO;
    memcpy(pem, data, (size_t)have);
    *len = (size_t)have;
    return PHI_OK;
}

static PKCS8_PRIV_KEY_INFO *info_of_sm2(struct phi_view content)
{
    EVP_PKEY *key = phi_sm2_openssl_key(content.data, content.data + 32);
    PKCS8_PRIV_KEY_INFO *info = key ? EVP_PKEY2PKCS8(key) : NULL;
    EVP_PKEY_free(key);
    return info;
}

static PKCS8_PRIV_KEY_INFO *info_of_secret(struct phi_view content)
{
    PKCS8_PRIV_KEY_INFO *info = PKCS8_PRIV_KEY_INFO_new();
    ASN1_OBJECT *algorithm = OBJ_txt2obj(PHI_OID_SECRET, 1);
    uint8_t *copy = OPENSSL_memdup(content.data, content.len);
    if (info && algorithm && copy &&
        PKCS8_pkey_set0(info, algorithm, 0, V_ASN1_UNDEF, NULL, copy, (int)content.len) == 1)
        return info;
    PKCS8_PRIV_KEY_INFO_free(info);
    ASN1_OBJECT_free(algorithm);
    OPENSSL_clear_free(copy, content.len);
    return NULL;
}

static X509_SIG *wrap(PKCS8_PRIV_KEY_INFO *info, const char *password)
{
    /* salt and IV NULL: drawn at random */
    X509_ALGOR *scheme =
        PKCS5_pbe2_set_iv(EVP_sm4_cbc(), ROUNDS, NULL, SALT_LEN, NULL, NID_hmacWithSHA256);
    if (!scheme)
        return NULL;
    X509_SIG *sealed = PKCS8_set0_pbe(password, (int)strlen(password), info, scheme);
    if (!sealed)
        X509_ALGOR_free(scheme);
    return sealed;
}

static bool content_is_sound(enum phi_pkcs8_kind kind, struct phi_view content)
{
    return kind == PHI_PKCS8_SM2 ? content.len == 32 + 64 : content.len >= 16 && content.len <= 64;
}

enum phi_err phi_pkcs8_wrap(enum phi_pkcs8_kind kind, const char *password, struct phi_view content,
                            uint8_t *pem, size_t size, size_t *len)
{
    if (password[0] == '\0' || strlen(password) > 1024 || !content_is_sound(kind, content))
        return PHI_ERR_KEY;
    enum phi_err err = PHI_ERR_CRYPTO;
    PKCS8_PRIV_KEY_INFO *info =
        kind == PHI_PKCS8_SM2 ? info_of_sm2(content) : info_of_secret(content);
    X509_SIG *sealed = info ? wrap(info, password) : NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (sealed && bio && PEM_write_bio_PKCS8(bio, sealed) == 1)
        err = pem_out(bio, pem, size, len);
    BIO_free(bio);
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error();
    return err;
}

static enum phi_err content_of_sm2(const PKCS8_PRIV_KEY_INFO *info, uint8_t *out, size_t size,
                                   size_t *len)
{
    enum phi_err err = PHI_ERR_KEY;
    BIGNUM *number = NULL;
    EVP_PKEY *key = EVP_PKCS82PKEY(info);
    if (key && size >= 32 && EVP_PKEY_is_a(key, "SM2") &&
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
        BN_bn2binpad(number, out, 32) == 32) {
        *len = 32;
        err = PHI_OK;
    }
    BN_clear_free(number);
    EVP_PKEY_free(key);
    return err;
}

static enum phi_err content_of_secret(const PKCS8_PRIV_KEY_INFO *info, uint8_t *out, size_t size,
                                      size_t *len)
{
    const ASN1_OBJECT *algorithm = NULL;
    const unsigned char *content = NULL;
    int content_len = 0;
    char oid[80];
    if (PKCS8_pkey_get0(&algorithm, &content, &content_len, NULL, info) != 1 ||
        OBJ_obj2txt(oid, sizeof(oid), algorithm, 1) <= 0 || strcmp(oid, PHI_OID_SECRET) != 0)
        return PHI_ERR_KEY;
    struct phi_view found = phi_view_of(content, (size_t)content_len);
    if (!content_is_sound(PHI_PKCS8_SECRET, found) || found.len > size)
        return PHI_ERR_KEY;
    memcpy(out, found.data, found.len);
    *len = found.len;
    return PHI_OK;
}

enum phi_err phi_pkcs8_unwrap(enum phi_pkcs8_kind kind, const char *password, struct phi_view pem,
                              uint8_t *out, size_t size, size_t *len, const char **why)
{
    enum phi_err err = PHI_ERR_KEY;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509_SIG *sealed = bio ? PEM_read_bio_PKCS8(bio, NULL, NULL, NULL) : NULL;
    *why = "no ENCRYPTED PRIVATE KEY in it";
    if (!sealed)
        goto out;
    *why = "the password does not open it";
    info = PKCS8_decrypt(sealed, password, (int)strlen(password));
    if (!info)
        goto out;
    *why = kind == PHI_PKCS8_SM2 ? "not an SM2 key" : "not a symmetric key of a fitting length";
    err = kind == PHI_PKCS8_SM2 ? content_of_sm2(info, out, size, len)
                                : content_of_secret(info, out, size, len);
out:
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(sealed);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

enum phi_err phi_spki_write(const uint8_t xy[64], uint8_t *pem, size_t size, size_t *len)
{
    EVP_PKEY *key = phi_sm2_openssl_key(NULL, xy);
    if (!key)
        return PHI_ERR_KEY;
    enum phi_err err = PHI_ERR_CRYPTO;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_PUBKEY(bio, key) == 1)
        err = pem_out(bio, pem, size, len);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return err;
}

enum phi_err phi_spki_read(struct phi_view pem, uint8_t xy[64])
{
    enum phi_err err = PHI_ERR_KEY;
    uint8_t point[65];
    size_t len = 0;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    if (key && EVP_PKEY_is_a(key, "SM2") &&
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) ==
            1 &&
        len == sizeof(point) && point[0] == 0x04) {
        memcpy(xy, point + 1, 64);
        err = PHI_OK;
    }
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}
