/* The providers' signing keys: fetched when needed, kept in memory, bounded. Inside auth only.
 *
 *   PHI_GUARD(phi_jwks_new(fetch, context, 2000, &jwks));
 *   PHI_GUARD(phi_jwks_verify(jwks, url, kid, token, &error));
 */
#ifndef PHI_AUTH_JWKS_H
#define PHI_AUTH_JWKS_H

#include "auth/identity.h"

#define PHI_KID_MAX 128
#define PHI_URL_MAX 512

struct phi_jwks;

/* PHI_ERR_MEMORY. */
enum phi_err phi_jwks_new(phi_identity_fetch fetch, void *context, int64_t timeout_ms,
                          struct phi_jwks **out) PHI_MUST_USE;
void phi_jwks_free(struct phi_jwks *jwks); /* NULL is fine; nobody may be verifying */

/* Verifies a compact JWS with the key of that id. Fetches when the id is unknown (at most once in
 * 30 s; every 2 s while there are no keys at all) or the keys are older than 10 minutes; keys that
 * could not be renewed for 6 hours count no more. One thread fetches, those that need the answer
 * wait for it, the others don't. PHI_ERR_IDENTITY (no such key, or the signature is not its),
 * PHI_ERR_NEIGHBOUR (no keys to be had), PHI_ERR_MEMORY. Any thread; blocks no longer than the
 * fetch time-out and half a second. */
enum phi_err phi_jwks_verify(struct phi_jwks *jwks, const char *url, const char *kid,
                             struct phi_view token, struct phi_error *error) PHI_MUST_USE;

/* The fetch by libcurl: http and https only as phi_identity_url_is_allowed has it, no redirects, no
 * proxy, at most `size` bytes. `context` is not used. PHI_ERR_NEIGHBOUR. */
enum phi_err phi_jwks_fetch_curl(void *context, const char *url, int64_t timeout_ms, uint8_t *out,
                                 size_t size, size_t *len);

#endif
