/* SM4-CTR by OpenSSL 3: the method is fetched once for the life of the process. */
#include "crypto/sm4.h"

#include <openssl/evp.h>

#include <limits.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *method;

static void fetch(void)
{
    method = EVP_CIPHER_fetch(NULL, "SM4-CTR", NULL);
}

enum phi_err phi_sm4_ctr(const uint8_t key[PHI_SM4_KEY_LEN], const uint8_t iv[PHI_SM4_BLOCK_LEN],
                         const uint8_t *in, size_t len, uint8_t *out)
{
    if (len == 0)
        return PHI_OK;
    (void)pthread_once(&once, fetch);
    if (!method || len > INT_MAX)
        return PHI_ERR_CRYPTO;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context)
        return PHI_ERR_MEMORY;
    int done = 0;
    bool ok = EVP_EncryptInit_ex2(context, method, key, iv, NULL) == 1 &&
              EVP_EncryptUpdate(context, out, &done, in, (int)len) == 1 && (size_t)done == len;
    EVP_CIPHER_CTX_free(context);
    return ok ? PHI_OK : PHI_ERR_CRYPTO;
}
