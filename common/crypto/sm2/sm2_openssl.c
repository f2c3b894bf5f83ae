/* SM2 by OpenSSL 3: signs and verifies the 32-byte digest; DER there, raw r‖s here. */
#include "crypto/sm2/backend.h"

#include "crypto/sm2/openssl_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <string.h>

#define DER_MAX 80

static void drop(void *key)
{
    EVP_PKEY_free(key);
}

static enum phi_err public_of(const EVP_PKEY *key, uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    uint8_t point[1 + PHI_SM2_PUBLIC_LEN];
    size_t len = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) !=
        1)
        return PHI_ERR_CRYPTO;
    if (len != sizeof(point) || point[0] != 0x04)
        return PHI_ERR_CRYPTO;
    memcpy(xy, point + 1, PHI_SM2_PUBLIC_LEN);
    return PHI_OK;
}

static enum phi_err generate(void **key, uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    EVP_PKEY *made = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    if (!made)
        return PHI_ERR_CRYPTO;
    enum phi_err err = public_of(made, xy);
    if (err != PHI_OK) {
        EVP_PKEY_free(made);
        return err;
    }
    *key = made;
    return PHI_OK;
}

static enum phi_err point_of(const BIGNUM *scalar, uint8_t point[1 + PHI_SM2_PUBLIC_LEN])
{
    enum phi_err err = PHI_ERR_CRYPTO;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    EC_POINT *result = group ? EC_POINT_new(group) : NULL;
    if (result && EC_POINT_mul(group, result, scalar, NULL, NULL, NULL) == 1 &&
        EC_POINT_point2oct(group, result, POINT_CONVERSION_UNCOMPRESSED, point,
                           1 + PHI_SM2_PUBLIC_LEN, NULL) == 1 + PHI_SM2_PUBLIC_LEN)
        err = PHI_OK;
    EC_POINT_clear_free(result);
    EC_GROUP_free(group);
    return err;
}

static enum phi_err load(const uint8_t scalar[PHI_SM2_SCALAR_LEN], void **key,
                         uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    enum phi_err err = PHI_OK;
    uint8_t point[1 + PHI_SM2_PUBLIC_LEN];
    BIGNUM *number = BN_secure_new();
    if (!number || !BN_bin2bn(scalar, PHI_SM2_SCALAR_LEN, number)) {
        err = PHI_ERR_MEMORY;
        goto out;
    }
    BN_set_flags(number, BN_FLG_CONSTTIME);
    PHI_GUARD(point_of(number, point));
    EVP_PKEY *made = phi_sm2_openssl_key(scalar, point + 1);
    if (!made) {
        err = PHI_ERR_CRYPTO;
        goto out;
    }
    memcpy(xy, point + 1, PHI_SM2_PUBLIC_LEN);
    *key = made;
out:
    BN_clear_free(number);
    return err;
}

static enum phi_err scalar_of(const void *key, uint8_t scalar[PHI_SM2_SCALAR_LEN])
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
        return PHI_ERR_KEY;
    int len = BN_bn2binpad(number, scalar, PHI_SM2_SCALAR_LEN);
    BN_clear_free(number);
    return len == PHI_SM2_SCALAR_LEN ? PHI_OK : PHI_ERR_CRYPTO;
}

static enum phi_err load_public(const uint8_t xy[PHI_SM2_PUBLIC_LEN], void **key)
{
    EVP_PKEY *made = phi_sm2_openssl_key(NULL, xy);
    if (!made)
        return PHI_ERR_KEY;
    *key = made;
    return PHI_OK;
}

static enum phi_err raw_from_der(const uint8_t *der, size_t len, uint8_t sig[PHI_SM2_SIG_LEN])
{
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)len);
    if (!parsed)
        return PHI_ERR_CRYPTO;
    bool ok = BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + 32, 32) == 32;
    ECDSA_SIG_free(parsed);
    return ok ? PHI_OK : PHI_ERR_CRYPTO;
}

static enum phi_err der_from_raw(const uint8_t sig[PHI_SM2_SIG_LEN], uint8_t der[DER_MAX],
                                 size_t *len)
{
    ECDSA_SIG *parsed = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, 32, NULL);
    BIGNUM *s = BN_bin2bn(sig + 32, 32, NULL);
    if (!parsed || !r || !s || ECDSA_SIG_set0(parsed, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(parsed);
        return PHI_ERR_MEMORY;
    }
    uint8_t *at = der;
    int written = i2d_ECDSA_SIG(parsed, &at);
    ECDSA_SIG_free(parsed);
    if (written <= 0)
        return PHI_ERR_CRYPTO;
    *len = (size_t)written;
    return PHI_OK;
}

static EVP_PKEY_CTX *context_of(const void *key)
{
    /* OpenSSL only counts references to the key, safely between threads; its signature lacks const
     */
    return EVP_PKEY_CTX_new_from_pkey(NULL, (EVP_PKEY *)(uintptr_t)key, NULL);
}

static enum phi_err sign_one(const struct phi_sm2_row *row)
{
    enum phi_err err = PHI_ERR_CRYPTO;
    uint8_t der[DER_MAX];
    size_t len = sizeof(der);
    EVP_PKEY_CTX *context = context_of(row->key);
    if (context && EVP_PKEY_sign_init(context) == 1 &&
        EVP_PKEY_sign(context, der, &len, row->digest, PHI_SM3_LEN) == 1)
        err = raw_from_der(der, len, row->sig);
    EVP_PKEY_CTX_free(context);
    return err;
}

static enum phi_err verify_one(const struct phi_sm2_row *row)
{
    uint8_t der[DER_MAX];
    size_t len = 0;
    enum phi_err err = der_from_raw(row->sig, der, &len);
    if (err != PHI_OK)
        return err;
    EVP_PKEY_CTX *context = context_of(row->key);
    if (!context)
        return PHI_ERR_MEMORY;
    if (EVP_PKEY_verify_init(context) != 1)
        err = PHI_ERR_CRYPTO;
    else if (EVP_PKEY_verify(context, der, len, row->digest, PHI_SM3_LEN) != 1)
        err = PHI_ERR_SIGNATURE;
    EVP_PKEY_CTX_free(context);
    return err;
}

static void sign(struct phi_sm2_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rows[i].result = sign_one(&rows[i]);
}

static void verify(struct phi_sm2_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rows[i].result = verify_one(&rows[i]);
}

const struct phi_sm2_backend phi_sm2_openssl = {
    .name = "openssl",
    .generate = generate,
    .load = load,
    .scalar = scalar_of,
    .load_public = load_public,
    .drop = drop,
    .sign = sign,
    .verify = verify,
};
