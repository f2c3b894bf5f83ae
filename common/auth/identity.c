#include "auth/identity.h"

#include "base/mutant.h"
#include "auth/jwks.h"
#include "auth/token.h"
#include "auth/token_cache.h"

#include <stdlib.h>
#include <string.h>

#define REMEMBER_S       60
#define SKEW_S           60
#define CACHE_MAX        4096
#define FETCH_TIMEOUT_MS 2000
#define TOKEN_AGE_MAX_S  3600
#define CLAIMS_MAX_BYTES 8192

struct phi_identities {
    struct phi_registry *registry;
    struct phi_jwks *jwks;
    struct phi_token_cache *cache;
    bool allow_http_loopback;
    int64_t token_age_max_s;
};

enum phi_err phi_identities_open(const struct phi_identity_options *options,
                                 struct phi_identities **out, struct phi_error *error)
{
    int64_t timeout_ms =
        options->fetch_timeout_ms > 0 ? options->fetch_timeout_ms : FETCH_TIMEOUT_MS;
    struct phi_identities *identities = calloc(1, sizeof(*identities));
    if (identities == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "identities", "out of memory");
    identities->registry = options->registry;
    identities->allow_http_loopback = options->allow_http_loopback;
    identities->token_age_max_s =
        options->token_age_max_s > 0 ? options->token_age_max_s : TOKEN_AGE_MAX_S;
    identities->cache =
        phi_token_cache_new(options->cache_max > 0 ? options->cache_max : CACHE_MAX);
    enum phi_err err =
        phi_jwks_new(options->fetch, options->fetch_context, timeout_ms, &identities->jwks);
    if (err != PHI_OK || identities->cache == NULL) {
        phi_identities_close(identities);
        return phi_error_set(error, PHI_ERR_MEMORY, "identities", "out of memory");
    }
    *out = identities;
    return PHI_OK;
}

void phi_identities_close(struct phi_identities *identities)
{
    if (identities == NULL)
        return;
    phi_jwks_free(identities->jwks);
    phi_token_cache_free(identities->cache);
    free(identities);
}

static enum phi_err digest_of(const struct phi_identity_ask *ask, uint8_t out[PHI_SM3_LEN])
{
    const struct phi_view parts[] = {phi_view_text(ask->audience), phi_view_of("", 1), ask->token};
    return phi_sm3_parts(parts, 3, out);
}

static enum phi_err provider_of(const struct phi_registry_view *view, const char *issuer,
                                const struct phi_registry_provider **out, struct phi_error *error)
{
    *out = phi_registry_provider(view, issuer);
    if (*out == NULL)
        return phi_error_set(error, PHI_ERR_IDENTITY, "iss", "not a registered provider");
    return PHI_OK;
}

static enum phi_err verify_token(struct phi_identities *identities,
                                 const struct phi_identity_ask *ask,
                                 const struct phi_registry_view *view, struct phi_arena *arena,
                                 struct phi_token_claims *claims, struct phi_error *error)
{
    struct phi_token token = {.kid = NULL};
    const struct phi_registry_provider *provider = NULL;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_token_open(ask->token, arena, &token, error));
    PHI_GUARD(provider_of(view, token.issuer, &provider, error));
    if (!phi_identity_url_is_allowed(provider->jwks_url, identities->allow_http_loopback))
        return phi_error_set(error, PHI_ERR_IDENTITY, "iss",
                             "the provider's address isn't allowed");
    if (!PHI_MUTANT(forged_token_taken))
        PHI_GUARD(
            phi_jwks_verify(identities->jwks, provider->jwks_url, token.kid, ask->token, error));
    PHI_GUARD(phi_token_claims(&token, ask->audience, arena, claims, error));
out:
    return err;
}

static enum phi_err judge_times(const struct phi_identities *identities,
                                const struct phi_token_claims *claims, int64_t now_s,
                                struct phi_error *error)
{
    if (claims->issued_s > now_s + SKEW_S && !PHI_MUTANT(future_token_taken))
        return phi_error_set(error, PHI_ERR_IDENTITY, "iat", "in the future");
    if (now_s >= claims->expires_s && !PHI_MUTANT(expired_token_taken))
        return phi_error_set(error, PHI_ERR_IDENTITY_EXPIRED, "exp", "in the past");
    if (now_s - claims->issued_s > identities->token_age_max_s)
        return phi_error_set(error, PHI_ERR_IDENTITY_EXPIRED, "iat", "too long ago");
    return PHI_OK;
}

static enum phi_err judge_citizen(const struct phi_registry_provider *provider,
                                  const struct phi_token_claims *claims, struct phi_error *error)
{
    const char *wanted = provider->acr[0] != '\0' ? provider->acr : PHI_ACR_REAL_NAME;
    if (strcmp(claims->acr, wanted) != 0 && !PHI_MUTANT(any_level))
        return phi_error_set(error, PHI_ERR_REAL_NAME, "acr", "not of real-name level");
    if (claims->factor[0] == '\0' && !PHI_MUTANT(any_factor))
        return phi_error_set(error, PHI_ERR_BIOMETRIC, "amr", "no face, fpt or iris");
    if (!claims->has_person)
        return phi_error_set(error, PHI_ERR_IDENTITY, "phi_id_no", "missing or malformed claim");
    return PHI_OK;
}

static enum phi_err judge_staff(const struct phi_registry_view *view,
                                const struct phi_registry_provider *provider,
                                const struct phi_token_claims *claims,
                                const struct phi_registry_staff **out, struct phi_error *error)
{
    if (provider->acr[0] != '\0' && strcmp(claims->acr, provider->acr) != 0)
        return phi_error_set(error, PHI_ERR_REAL_NAME, "acr",
                             "not the provider's registered level");
    *out = phi_registry_staff(view, claims->issuer, claims->sub);
    if (*out == NULL)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "sub", "not registered staff");
    return PHI_OK;
}

static bool kind_is_wanted(enum phi_provider_kind kind, enum phi_identity_kind want)
{
    return want == PHI_IDENTITY_EITHER ||
           (want == PHI_IDENTITY_STAFF) == (kind == PHI_PROVIDER_STAFF);
}

/* What depends on the clock, the registry and the route is judged each time, also for a remembered
 * token. */
static enum phi_err judge(const struct phi_identities *identities,
                          const struct phi_registry_view *view, const struct phi_identity_ask *ask,
                          const struct phi_token_claims *claims, int64_t now_s,
                          struct phi_identity *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_provider *provider = NULL;
    const struct phi_registry_staff *staff = NULL;
    PHI_GUARD(provider_of(view, claims->issuer, &provider, error));
    bool is_staff = provider->kind == PHI_PROVIDER_STAFF;
    if (!kind_is_wanted(provider->kind, ask->want))
        return phi_error_set(error, PHI_ERR_IDENTITY, "iss",
                             "another kind of provider is wanted here");
    PHI_GUARD(judge_times(identities, claims, now_s, error));
    PHI_GUARD(is_staff ? judge_staff(view, provider, claims, &staff, error)
                       : judge_citizen(provider, claims, error));
    *out = (struct phi_identity){
        .issuer = claims->issuer,
        .sub = claims->sub,
        .acr = claims->acr,
        .factor = claims->factor,
        .is_staff = is_staff,
        .has_person = claims->has_person,
        .person = {.name = phi_view_text(claims->name),
                   .id_type = phi_view_text(claims->id_type),
                   .id_no = phi_view_text(claims->id_no),
                   .country = phi_view_text(claims->country)},
        .expires_s = claims->expires_s,
        .staff = staff,
    };
out:
    return err;
}

static void remember(struct phi_identities *identities, const uint8_t digest[PHI_SM3_LEN],
                     const struct phi_token_claims *claims, int64_t now_us)
{
    uint8_t bytes[CLAIMS_MAX_BYTES];
    struct phi_writer writer = phi_writer_of(bytes, sizeof(bytes));
    int64_t until_us = now_us + REMEMBER_S * 1000000LL;
    if (claims->expires_s * 1000000LL < until_us)
        until_us = claims->expires_s * 1000000LL;
    if (phi_claims_encode(claims, &writer) == PHI_OK)
        phi_token_cache_put(identities->cache, digest, phi_view_of(bytes, phi_writer_len(&writer)),
                            now_us, until_us);
    phi_wipe(bytes, sizeof(bytes));
}

static bool recall(struct phi_identities *identities, const uint8_t digest[PHI_SM3_LEN],
                   int64_t now_us, struct phi_arena *arena, struct phi_token_claims *claims)
{
    struct phi_view bytes;
    return phi_token_cache_get(identities->cache, digest, now_us, arena, &bytes) &&
           phi_claims_decode(bytes, claims) == PHI_OK;
}

enum phi_err phi_identity_check(struct phi_identities *identities,
                                const struct phi_identity_ask *ask, int64_t now_us,
                                struct phi_arena *arena, struct phi_identity *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    struct phi_token_claims claims = {.issuer = "", .sub = "", .acr = "", .factor = ""};
    const struct phi_registry_view *view = NULL;
    if (ask->token.len == 0)
        return phi_error_set(error, PHI_ERR_IDENTITY_MISSING, "Phi-Identity", "missing");
    PHI_GUARD(phi_registry_hold(identities->registry, arena, &view));
    PHI_GUARD(digest_of(ask, digest));
    bool is_known = recall(identities, digest, now_us, arena, &claims);
    if (!is_known)
        PHI_GUARD(verify_token(identities, ask, view, arena, &claims, error));
    PHI_GUARD(judge(identities, view, ask, &claims, now_us / 1000000, out, error));
    if (!is_known)
        remember(identities, digest, &claims, now_us);
out:
    return err;
}
