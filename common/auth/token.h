/* One id token: its parts, its claims. Inside auth only. Nothing here is trusted before the
 * signature is.
 *
 *   PHI_GUARD(phi_token_open(view, arena, &token, error));           // form, header, issuer
 *   PHI_GUARD(phi_jwks_verify(jwks, url, token.kid, view, error));
 *   PHI_GUARD(phi_token_claims(&token, audience, arena, &claims, error));
 */
#ifndef PHI_AUTH_TOKEN_H
#define PHI_AUTH_TOKEN_H

#include "auth/identity.h"
#include "json/json.h"

struct phi_token {
    const char *kid;
    const char *issuer;
    struct phi_json_at payload;
};

/* What a verified token says; texts are the arena's. */
struct phi_token_claims {
    const char *issuer;
    const char *sub;
    const char *acr;    /* "" when absent */
    const char *factor; /* the first biometric one of amr, "" without */
    bool has_person;
    const char *name;
    const char *id_type;
    const char *id_no;
    const char *country;
    int64_t issued_s;
    int64_t expires_s;
};

/* PHI_ERR_IDENTITY, PHI_ERR_MEMORY. Pure. */
enum phi_err phi_token_open(struct phi_view token, struct phi_arena *arena, struct phi_token *out,
                            struct phi_error *error) PHI_MUST_USE;
/* Forms, audience and person are checked here; times, acr and factor are the caller's to judge.
 * PHI_ERR_IDENTITY with the claim's name as place, PHI_ERR_MEMORY. Pure. */
enum phi_err phi_token_claims(const struct phi_token *token, const char *audience,
                              struct phi_arena *arena, struct phi_token_claims *out,
                              struct phi_error *error) PHI_MUST_USE;

/* The claims as bytes for the cache, and back (borrowed from the bytes). PHI_ERR_FRAME. */
enum phi_err phi_claims_encode(const struct phi_token_claims *claims,
                               struct phi_writer *out) PHI_MUST_USE;
enum phi_err phi_claims_decode(struct phi_view bytes, struct phi_token_claims *out) PHI_MUST_USE;

#endif
