#include "crypto/sm2/openssl_key.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <string.h>

EVP_PKEY *phi_sm2_openssl_key(const uint8_t *scalar, const uint8_t xy[64])
{
    uint8_t point[65] = {0x04};
    memcpy(point + 1, xy, 64);
    EVP_PKEY *made = NULL;
    OSSL_PARAM *params = NULL;
    BIGNUM *number = scalar ? BN_secure_new() : NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool ok = context && builder && (!scalar || (number && BN_bin2bn(scalar, 32, number)));
    ok = ok &&
         OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0) == 1 &&
         OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 65) == 1 &&
         (!scalar || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1);
    if (ok)
        params = OSSL_PARAM_BLD_to_param(builder);
    if (!params || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &made, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          params) != 1)
        made = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    BN_clear_free(number);
    return made;
}
