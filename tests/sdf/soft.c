#include "soft.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define POINT  65

/* Declared as the standard does; the table of the caller holds the parameters. */
#define GMT0018_FUNCTION(name, symbol, parameters) EXPORT int symbol parameters;
GMT0018_FUNCTIONS
#undef GMT0018_FUNCTION

struct soft_session {
    unsigned epoch;
    bool has_access[SOFT_KEYS_MAX + 1];
    EVP_MD_CTX *digest;
};

struct soft_sm4 {
    uint8_t key[16];
};

static int device; /* its address is the handle */

#define ENTER(session)                                                                             \
    bool is_wrong = false;                                                                         \
    int status = soft_fault(__func__, &is_wrong);                                                  \
    if (status != GMT0018_OK)                                                                      \
        return status;                                                                             \
    if (is_dead(session))                                                                          \
    return GMT0018_COMM

static bool is_dead(const void *session)
{
    const struct soft_session *s = session;
    return s && s->epoch != soft_epoch();
}

int SDF_OpenDevice(void **handle)
{
    ENTER(NULL);
    *handle = &device;
    return GMT0018_OK;
}

int SDF_CloseDevice(void *handle)
{
    return handle == &device ? GMT0018_OK : GMT0018_INPUT;
}

int SDF_OpenSession(void *handle, void **session)
{
    ENTER(NULL);
    struct soft_session *made = handle == &device ? calloc(1, sizeof(*made)) : NULL;
    if (!made)
        return GMT0018_OPENSESSION;
    made->epoch = soft_epoch();
    *session = made;
    return GMT0018_OK;
}

int SDF_CloseSession(void *session)
{
    struct soft_session *s = session;
    EVP_MD_CTX_free(s->digest);
    free(s);
    return GMT0018_OK;
}

int SDF_GetPrivateKeyAccessRight(void *session, uint32_t index, uint8_t *password, uint32_t len)
{
    struct soft_session *s = session;
    ENTER(session);
    const struct soft_key *key = soft_key_find(false, index);
    if (!key || index > SOFT_KEYS_MAX)
        return GMT0018_NO_KEY;
    if (strlen(key->password) != len || memcmp(key->password, password, len) != 0)
        return GMT0018_PARDENY;
    s->has_access[index] = true;
    return GMT0018_OK;
}

int SDF_ReleasePrivateKeyAccessRight(void *session, uint32_t index)
{
    struct soft_session *s = session;
    if (index <= SOFT_KEYS_MAX)
        s->has_access[index] = false;
    return GMT0018_OK;
}

int SDF_GenerateRandom(void *session, uint32_t len, uint8_t *out)
{
    ENTER(session);
    return RAND_bytes(out, (int)len) == 1 ? GMT0018_OK : GMT0018_RANDOM;
}

static EVP_PKEY *key_of(const BIGNUM *scalar, const uint8_t point[POINT])
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, POINT);
    if (scalar)
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parameters);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static EVP_PKEY *pair_at(uint32_t index, uint8_t point[POINT])
{
    const struct soft_key *key = soft_key_find(false, index);
    if (!key)
        return NULL;
    BIGNUM *scalar = BN_bin2bn(key->secret, 32, NULL);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    EC_POINT *sum = EC_POINT_new(group);
    EC_POINT_mul(group, sum, scalar, NULL, NULL, NULL);
    EC_POINT_point2oct(group, sum, POINT_CONVERSION_UNCOMPRESSED, point, POINT, NULL);
    EVP_PKEY *pair = key_of(scalar, point);
    EC_POINT_free(sum);
    EC_GROUP_free(group);
    BN_free(scalar);
    return pair;
}

int SDF_ExportSignPublicKey_ECC(void *session, uint32_t index, struct gmt0018_public *key)
{
    uint8_t point[POINT];
    ENTER(session);
    EVP_PKEY *pair = pair_at(index, point);
    if (!pair)
        return GMT0018_NO_KEY;
    EVP_PKEY_free(pair);
    memset(key, 0, sizeof(*key));
    key->bits = 256;
    memcpy(key->x + GMT0018_ECC_LEN - 32, point + 1, 32);
    memcpy(key->y + GMT0018_ECC_LEN - 32, point + 33, 32);
    key->y[GMT0018_ECC_LEN - 1] ^= is_wrong;
    return GMT0018_OK;
}

static int sign(EVP_PKEY *pair, const uint8_t *digest, uint32_t len, struct gmt0018_signature *out)
{
    uint8_t der[80];
    const uint8_t *at = der;
    size_t der_len = sizeof(der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pair, NULL);
    bool ok =
        EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_sign(context, der, &der_len, digest, len) == 1;
    EVP_PKEY_CTX_free(context);
    ECDSA_SIG *sig = ok ? d2i_ECDSA_SIG(NULL, &at, (long)der_len) : NULL;
    if (!sig)
        return GMT0018_HARD;
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out->r, GMT0018_ECC_LEN);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out->s, GMT0018_ECC_LEN);
    ECDSA_SIG_free(sig);
    return GMT0018_OK;
}

int SDF_InternalSign_ECC(void *session, uint32_t index, uint8_t *digest, uint32_t len,
                         struct gmt0018_signature *sig)
{
    const struct soft_session *s = session;
    uint8_t point[POINT];
    ENTER(session);
    if (index > SOFT_KEYS_MAX || !s->has_access[index])
        return GMT0018_PARDENY;
    EVP_PKEY *pair = pair_at(index, point);
    if (!pair)
        return GMT0018_NO_KEY;
    status = sign(pair, digest, len, sig);
    sig->s[GMT0018_ECC_LEN - 1] ^= is_wrong;
    EVP_PKEY_free(pair);
    return status;
}

static int verify(EVP_PKEY *key, const uint8_t *digest, uint32_t len,
                  const struct gmt0018_signature *sig, bool is_wrong)
{
    uint8_t *der = NULL;
    ECDSA_SIG *made = ECDSA_SIG_new();
    ECDSA_SIG_set0(made, BN_bin2bn(sig->r, GMT0018_ECC_LEN, NULL),
                   BN_bin2bn(sig->s, GMT0018_ECC_LEN, NULL));
    int der_len = i2d_ECDSA_SIG(made, &der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool ok = EVP_PKEY_verify_init(context) == 1 &&
              EVP_PKEY_verify(context, der, (size_t)der_len, digest, len) == 1;
    EVP_PKEY_CTX_free(context);
    ECDSA_SIG_free(made);
    OPENSSL_free(der);
    return ok != is_wrong ? GMT0018_OK : GMT0018_VERIFY;
}

int SDF_InternalVerify_ECC(void *session, uint32_t index, uint8_t *digest, uint32_t len,
                           struct gmt0018_signature *sig)
{
    uint8_t point[POINT];
    ENTER(session);
    EVP_PKEY *pair = pair_at(index, point);
    if (!pair)
        return GMT0018_NO_KEY;
    status = verify(pair, digest, len, sig, is_wrong);
    EVP_PKEY_free(pair);
    return status;
}

int SDF_ExternalVerify_ECC(void *session, uint32_t algorithm, struct gmt0018_public *key,
                           uint8_t *digest, uint32_t len, struct gmt0018_signature *sig)
{
    uint8_t point[POINT] = {0x04};
    ENTER(session);
    if (algorithm != GMT0018_SM2_1 || key->bits != 256)
        return GMT0018_ALGORITHM;
    memcpy(point + 1, key->x + GMT0018_ECC_LEN - 32, 32);
    memcpy(point + 33, key->y + GMT0018_ECC_LEN - 32, 32);
    EVP_PKEY *theirs = key_of(NULL, point);
    if (!theirs)
        return GMT0018_INPUT;
    status = verify(theirs, digest, len, sig, is_wrong);
    EVP_PKEY_free(theirs);
    return status;
}

static bool cipher(const uint8_t key[16], bool encrypts, const uint8_t *in, size_t len,
                   uint8_t *out)
{
    int done = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool ok = EVP_CipherInit_ex(context, EVP_sm4_ecb(), NULL, key, NULL, encrypts) == 1 &&
              EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
              EVP_CipherUpdate(context, out, &done, in, (int)len) == 1 && (size_t)done == len;
    EVP_CIPHER_CTX_free(context);
    return ok;
}

int SDF_ImportKeyWithKEK(void *session, uint32_t algorithm, uint32_t kek, uint8_t *wrapped,
                         uint32_t len, void **key)
{
    ENTER(session);
    const struct soft_key *by = soft_key_find(true, kek);
    if (!by)
        return GMT0018_NO_KEY;
    struct soft_sm4 *made = calloc(1, sizeof(*made));
    if (!made || len != 16 || algorithm != GMT0018_SM4_ECB ||
        !cipher(by->secret, false, wrapped, 16, made->key)) {
        free(made);
        return GMT0018_INPUT;
    }
    *key = made;
    return GMT0018_OK;
}

int SDF_GenerateKeyWithKEK(void *session, uint32_t bits, uint32_t algorithm, uint32_t kek,
                           uint8_t *wrapped, uint32_t *len, void **key)
{
    ENTER(session);
    if (bits != 128 || *len < 16 || RAND_bytes(wrapped, 16) != 1)
        return GMT0018_INPUT;
    *len = 16;
    /* what any 16 bytes open to is a key as random as they are */
    return SDF_ImportKeyWithKEK(session, algorithm, kek, wrapped, 16, key);
}

int SDF_DestroyKey(void *session, void *key)
{
    (void)session;
    free(key);
    return GMT0018_OK;
}

int SDF_Encrypt(void *session, void *key, uint32_t algorithm, uint8_t *iv, uint8_t *in,
                uint32_t in_len, uint8_t *out, uint32_t *out_len)
{
    const struct soft_sm4 *sm4 = key;
    (void)iv;
    ENTER(session);
    if (algorithm != GMT0018_SM4_ECB || in_len % 16 != 0 || *out_len < in_len)
        return GMT0018_INPUT;
    *out_len = is_wrong ? in_len - 16 : in_len;
    return cipher(sm4->key, true, in, in_len, out) ? GMT0018_OK : GMT0018_HARD;
}

int SDF_HashInit(void *session, uint32_t algorithm, struct gmt0018_public *key, uint8_t *id,
                 uint32_t id_len)
{
    struct soft_session *s = session;
    ENTER(session);
    if (algorithm != GMT0018_SM3 || key || id || id_len != 0)
        return GMT0018_ALGORITHM;
    if (!s->digest)
        s->digest = EVP_MD_CTX_new();
    return EVP_DigestInit_ex(s->digest, EVP_sm3(), NULL) == 1 ? GMT0018_OK : GMT0018_HARD;
}

int SDF_HashUpdate(void *session, uint8_t *in, uint32_t len)
{
    const struct soft_session *s = session;
    ENTER(session);
    return s->digest && EVP_DigestUpdate(s->digest, in, len) == 1 ? GMT0018_OK : GMT0018_STEP;
}

int SDF_HashFinal(void *session, uint8_t *out, uint32_t *len)
{
    const struct soft_session *s = session;
    unsigned done = 0;
    ENTER(session);
    if (!s->digest || *len < 32 || EVP_DigestFinal_ex(s->digest, out, &done) != 1)
        return GMT0018_STEP;
    *len = done;
    out[0] ^= is_wrong;
    return GMT0018_OK;
}
