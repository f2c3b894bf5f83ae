/* Identity tokens: OpenID Connect id tokens (JWS compact, ES256 only) of the registered providers.
 *
 *   struct phi_identity_ask ask = {.token = header, .audience = app->client_id,
 *                                  .want = PHI_IDENTITY_CITIZEN};
 *   PHI_GUARD(phi_identity_check(identities, &ask, now_us, arena, &identity, &error));
 *   phi_subject_index(index_key, &identity.person, subject);
 *
 * Keys come from the provider's registered JWKS URL only (https; http for loopback addresses in
 * development); an unknown key id is fetched for at most once per 30 s and provider. A checked
 * token is remembered for at most 60 s, so that it is not verified again; provider and staff
 * records are looked up each time.
 */
#ifndef PHI_AUTH_IDENTITY_H
#define PHI_AUTH_IDENTITY_H

#include "auth/registry.h"
#include "codes/subject.h"

#define PHI_TOKEN_MAX_BYTES 2560
#define PHI_ACR_REAL_NAME   "urn:phi:real-name" /* when a citizens' provider registered no other */
#define PHI_JWKS_MAX_BYTES  65536

struct phi_identities;

/* Fetches a JWKS: writes at most `size` bytes and the length. Blocks no longer than the time-out
 * given. */
typedef enum phi_err (*phi_identity_fetch)(void *context, const char *url, int64_t timeout_ms,
                                           uint8_t *out, size_t size, size_t *len);

struct phi_identity_options {
    struct phi_registry *registry; /* borrowed; must outlive */
    bool allow_http_loopback; /* development: http://127.0.0.1, http://[::1], http://localhost */
    size_t cache_max;         /* checked tokens remembered; 0 = 4096 */
    int64_t fetch_timeout_ms; /* 0 = 2000 */
    int64_t token_age_max_s;  /* since iat; 0 = 3600 */
    phi_identity_fetch fetch; /* NULL: libcurl */
    void *fetch_context;
};

enum phi_identity_kind { PHI_IDENTITY_CITIZEN, PHI_IDENTITY_STAFF, PHI_IDENTITY_EITHER };

struct phi_identity_ask {
    struct phi_view token;
    const char *audience; /* the calling app's client id */
    enum phi_identity_kind want;
};

struct phi_identity {
    const char *issuer;
    const char *sub;
    const char *acr;    /* "" when there was none */
    const char *factor; /* the biometric factor: "face", "fpt", "iris"; "" for staff without */
    bool is_staff;
    bool has_person;          /* always for citizens */
    struct phi_person person; /* name, id_type, id_no, country: checked forms */
    int64_t expires_s;
    const struct phi_registry_staff *staff; /* roles, regions, sources; NULL for citizens */
};

/* PHI_ERR_MEMORY, PHI_ERR_CONFIG. */
enum phi_err phi_identities_open(const struct phi_identity_options *options,
                                 struct phi_identities **out, struct phi_error *error) PHI_MUST_USE;
void phi_identities_close(
    struct phi_identities *identities); /* NULL is fine; wipes what it remembers */

/* Checks the token and gives what it says; `out` lives in the arena (and holds the registry's view
 * there). May block on the provider up to the fetch time-out, so never call it from an HTTP I/O
 * thread. Any worker thread. PHI_ERR_IDENTITY_MISSING (empty), PHI_ERR_IDENTITY (form, algorithm,
 * signature, unknown issuer or key, audience, claims; or a citizen's token where staff is wanted
 * and the reverse), PHI_ERR_IDENTITY_EXPIRED, PHI_ERR_REAL_NAME (acr), PHI_ERR_BIOMETRIC (amr),
 * PHI_ERR_FORBIDDEN (staff without a registry record), PHI_ERR_NEIGHBOUR (the provider's keys can't
 * be had), PHI_ERR_MEMORY. The place is "Phi-Identity" or the claim's name, never its value. */
enum phi_err phi_identity_check(struct phi_identities *identities,
                                const struct phi_identity_ask *ask, int64_t now_us,
                                struct phi_arena *arena, struct phi_identity *out,
                                struct phi_error *error) PHI_MUST_USE;

/* True for a URL that keys may be fetched from; for phictl, before it registers a provider. */
bool phi_identity_url_is_allowed(const char *url, bool allow_http_loopback);

#endif
