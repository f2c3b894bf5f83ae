/* An id token, and its signature by the library that looks at it: as it came, and with header and
 * payload (the input's first line and the rest) brought into its form. */
#include "auth/jwks.h"
#include "auth/token.h"
#include "base/log.h"
#include "fuzz.h"

#define ARENA_MAX (1024 * 1024)

static void check_claims(const struct phi_token *token, struct phi_arena *arena)
{
    static uint8_t buffer[16384], again[16384];
    struct phi_token_claims claims, read;
    struct phi_error error;
    if (phi_token_claims(token, "client", arena, &claims, &error) != PHI_OK)
        return;
    struct phi_writer out = phi_writer_of(buffer, sizeof(buffer));
    struct phi_writer second = phi_writer_of(again, sizeof(again));
    fuzz_expect(phi_claims_encode(&claims, &out) == PHI_OK);
    struct phi_view bytes = phi_view_of(buffer, phi_writer_len(&out));
    fuzz_expect(phi_claims_decode(bytes, &read) == PHI_OK);
    fuzz_expect(phi_claims_encode(&read, &second) == PHI_OK);
    fuzz_expect(phi_view_equal(bytes, phi_view_of(again, phi_writer_len(&second))));
}

static enum phi_err give_keys(void *context, const char *url, int64_t timeout_ms, uint8_t *out,
                              size_t size, size_t *len)
{
    static const char set[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\","
                              "\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
                              "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}]}";
    (void)context;
    (void)url;
    (void)timeout_ms;
    fuzz_expect(sizeof(set) - 1 <= size);
    *len = sizeof(set) - 1;
    memcpy(out, set, *len);
    return PHI_OK;
}

/* Nobody has the private half of this key. */
static void check_signature(struct phi_view token, const char *kid)
{
    static struct phi_jwks *jwks;
    struct phi_error error;
    if (jwks == NULL) {
        phi_log_open("fuzz", PHI_LOG_LOGFMT, PHI_LOG_ERROR, 2);
        fuzz_expect(phi_jwks_new(give_keys, NULL, 1000, &jwks) == PHI_OK);
    }
    fuzz_expect(phi_jwks_verify(jwks, "https://id.example/keys", kid, token, &error) ==
                PHI_ERR_IDENTITY);
}

static void check_token(struct phi_view token)
{
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    struct phi_token opened;
    struct phi_error error;
    if (phi_token_open(token, arena, &opened, &error) == PHI_OK) {
        fuzz_expect(opened.kid != NULL && opened.issuer != NULL);
        check_claims(&opened, arena);
        check_signature(token, opened.kid);
    }
    phi_arena_free(arena);
}

static size_t put_base64url(struct phi_view part, char *out)
{
    phi_base64_encode(part, out);
    size_t len = strcspn(out, "=");
    for (size_t i = 0; i < len; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    out[len] = '\0';
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t signature[64];
    static char text[2 * PHI_TOKEN_MAX_BYTES];
    struct phi_token_claims claims;
    struct phi_view rest = phi_view_of(data, len);
    if (len > PHI_TOKEN_MAX_BYTES)
        return 0;
    check_token(rest);
    if (phi_claims_decode(rest, &claims) == PHI_OK)
        fuzz_expect(claims.issuer != NULL);
    struct phi_view header = fuzz_cut(&rest, '\n');
    size_t at = put_base64url(header, text);
    text[at++] = '.';
    at += put_base64url(rest, text + at);
    text[at++] = '.';
    at += put_base64url(phi_view_of(signature, sizeof(signature)), text + at);
    check_token(phi_view_of(text, at));
    return 0;
}
