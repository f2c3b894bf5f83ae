#include "parts.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <stdlib.h>
#include <string.h>

static const char user_id[] = "1234567812345678";

struct scan_key_object {
    EVP_PKEY *key;
};

static EVP_PKEY *make_key(const unsigned char xy[SCAN_XY_LEN])
{
    unsigned char point[1 + SCAN_XY_LEN] = {4};
    char group[] = "SM2";
    EVP_PKEY *key = NULL;
    memcpy(point + 1, xy, SCAN_XY_LEN);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return key;
}

struct scan_key_object *scan_key_new(const unsigned char xy[SCAN_XY_LEN])
{
    struct scan_key_object *object = calloc(1, sizeof(*object));
    if (object == NULL)
        return NULL;
    object->key = make_key(xy);
    if (object->key == NULL) {
        free(object);
        return NULL;
    }
    return object;
}

void scan_key_free(struct scan_key_object *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

/* r and s as OpenSSL takes them; the caller frees. */
static unsigned char *der_of(const unsigned char sig[SCAN_SIG_LEN], int *len)
{
    unsigned char *der = NULL;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, 32, NULL), *s = BN_bin2bn(sig + 32, 32, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return NULL;
    }
    *len = i2d_ECDSA_SIG(pair, &der);
    ECDSA_SIG_free(pair);
    return *len > 0 ? der : NULL;
}

static int verify_der(EVP_PKEY *key, struct scan_bytes message, const unsigned char *der, int len)
{
    int result = PHI_SCAN_CRYPTO;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    if (digest == NULL || context == NULL ||
        EVP_PKEY_CTX_set1_id(context, user_id, sizeof(user_id) - 1) != 1)
        goto out;
    EVP_MD_CTX_set_pkey_ctx(digest, context);
    if (EVP_DigestVerifyInit(digest, NULL, EVP_sm3(), NULL, key) != 1)
        goto out;
    result = EVP_DigestVerify(digest, der, (size_t)len, message.data, message.len) == 1
                 ? PHI_SCAN_GOOD
                 : PHI_SCAN_FORGED;
out:
    EVP_MD_CTX_free(digest);
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return result;
}

int scan_verify(const struct scan_key_object *key, struct scan_bytes message,
                const unsigned char sig[SCAN_SIG_LEN])
{
    int len = 0;
    unsigned char *der = der_of(sig, &len);
    if (der == NULL)
        return PHI_SCAN_MEMORY;
    int result = verify_der(key->key, message, der, len);
    OPENSSL_free(der);
    return result;
}

bool scan_sm3(const struct scan_bytes *parts, size_t count, unsigned char out[SCAN_DIGEST_LEN])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool is_good = digest != NULL && EVP_DigestInit_ex(digest, EVP_sm3(), NULL) == 1;
    for (size_t i = 0; i < count && is_good; i++)
        is_good = EVP_DigestUpdate(digest, parts[i].data, parts[i].len) == 1;
    is_good = is_good && EVP_DigestFinal_ex(digest, out, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return is_good;
}
