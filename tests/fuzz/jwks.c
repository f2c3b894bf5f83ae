/* The key set that a provider's URL gives; no key of it made the token's signature. */
#include "auth/jwks.h"
#include "base/log.h"
#include "fuzz.h"

static const char token[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIn0.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static enum phi_err give(void *context, const char *url, int64_t timeout_ms, uint8_t *out,
                         size_t size, size_t *len)
{
    const struct phi_view *document = context;
    (void)url;
    (void)timeout_ms;
    if (document->len > size)
        return PHI_ERR_NEIGHBOUR;
    if (document->len > 0)
        memcpy(out, document->data, document->len);
    *len = document->len;
    return PHI_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_view document = phi_view_of(data, len);
    struct phi_jwks *jwks = NULL;
    struct phi_error error;
    phi_log_open("fuzz", PHI_LOG_LOGFMT, PHI_LOG_ERROR, 2);
    fuzz_expect(phi_jwks_new(give, &document, 1000, &jwks) == PHI_OK);
    fuzz_expect(phi_jwks_verify(jwks, "https://id.example/keys", "k1", phi_view_text(token),
                                &error) != PHI_OK);
    phi_jwks_free(jwks);
    return 0;
}
