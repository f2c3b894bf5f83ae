/* SM3 by OpenSSL 3: the method is fetched once for the life of the process. */
#include "crypto/sm3/backend.h"

#include <openssl/evp.h>

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *method;

static void fetch(void)
{
    method = EVP_MD_fetch(NULL, "SM3", NULL);
}

static void drop(struct phi_sm3_state *state)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)state);
}

static enum phi_err begin(const struct phi_sm3_state *from, struct phi_sm3_state **out)
{
    (void)pthread_once(&once, fetch);
    if (!method)
        return PHI_ERR_CRYPTO;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return PHI_ERR_MEMORY;
    int ok = from ? EVP_MD_CTX_copy_ex(context, (const EVP_MD_CTX *)from)
                  : EVP_DigestInit_ex2(context, method, NULL);
    if (ok != 1) {
        EVP_MD_CTX_free(context);
        return PHI_ERR_CRYPTO;
    }
    *out = (struct phi_sm3_state *)context;
    return PHI_OK;
}

static enum phi_err update(struct phi_sm3_state *state, const uint8_t *data, size_t len)
{
    if (len == 0)
        return PHI_OK;
    return EVP_DigestUpdate((EVP_MD_CTX *)state, data, len) == 1 ? PHI_OK : PHI_ERR_CRYPTO;
}

static enum phi_err finish(struct phi_sm3_state *state, uint8_t out[PHI_SM3_LEN])
{
    unsigned len = 0;
    if (EVP_DigestFinal_ex((EVP_MD_CTX *)state, out, &len) != 1 || len != PHI_SM3_LEN)
        return PHI_ERR_CRYPTO;
    return PHI_OK;
}

const struct phi_sm3_backend phi_sm3_openssl = {
    .name = "openssl", .begin = begin, .update = update, .finish = finish, .drop = drop};
