/* The province's registry of callers in memory: apps, RPC peers, identity providers, staff.
 *
 * Source of truth are the signed records on the compacted topic `phi.<region>.access.registry`; a
 * record whose signature is not of the pinned owner, or whose version is not above the one held, is
 * dropped and counted. The last verified copy stands in the service's own schema (table
 * auth_registry), so that a service starts and runs without the broker.
 *
 *   PHI_GUARD(phi_registry_open(&options, &registry, &error));
 *   const struct phi_registry_view *view = phi_registry_acquire(registry);
 *   const struct phi_registry_app *app = phi_registry_app(view, "hz-app");
 *   if (app != NULL && !app->suspended && phi_words_has(&app->roles, "mint")) …
 *   phi_registry_release(view);                 // app is gone with its view
 */
#ifndef PHI_AUTH_REGISTRY_H
#define PHI_AUTH_REGISTRY_H

#include "auth/record.h"
#include "base/time.h"
#include "bus/bus.h"
#include "crypto/sm2.h"

#define PHI_APP_ID_MAX         32
#define PHI_KEY_SERIAL_LEN     16
#define PHI_REGISTRY_MAX       65536 /* records held; more are refused and counted */
#define PHI_REGISTRY_VALUE_MAX 16384 /* bytes of one record's value */

/* A short list of words (roles, scopes, regions, sources). */
struct phi_words {
    const char *const *items;
    size_t count;
};
bool phi_words_has(const struct phi_words *words, const char *word);

struct phi_registry_key {
    char serial[PHI_KEY_SERIAL_LEN + 1];
    const struct phi_sm2_public *public_key;
    int64_t from_us; /* in force from … */
    int64_t to_us;   /* … up to, not including; INT64_MAX when open */
};

struct phi_registry_app {
    char app_id[PHI_APP_ID_MAX + 1];
    const char *name;
    const char *client_id;   /* the `aud` of id tokens that come through this app */
    const char *institution; /* "" when none */
    bool suspended;
    const struct phi_registry_key *keys;
    size_t key_count;
    struct phi_words
        roles; /* "mint", "verify", "declare", "query", "picture", "correct", "directory" … */
    struct phi_words scopes;  /* "pass", "medical", "self" */
    struct phi_words sources; /* data sources that it may report: "contacts", "tests" … */
};

/* A caller of the ZeroMQ RPC, by its CURVE key; shared by the replicas of one program. */
struct phi_registry_peer {
    uint8_t curve[32];
    char platform[7];
    const char *program;
    struct phi_words scopes;
};

enum phi_provider_kind { PHI_PROVIDER_CITIZEN, PHI_PROVIDER_STAFF };

struct phi_registry_provider {
    const char *issuer;
    const char *jwks_url;
    enum phi_provider_kind kind;
    const char *acr; /* the value that means a real name; "" = any (staff only) */
};

struct phi_registry_staff {
    const char *issuer;
    const char *sub;
    const char *unit;
    struct phi_words roles;
    struct phi_words regions;
    struct phi_words sources;
};

struct phi_registry;
struct phi_registry_view; /* an immutable snapshot */

struct phi_registry_options {
    const char *brokers; /* PHI_BUS; NULL: only what is kept and what is applied */
    const struct phi_bus_options
        *bus;           /* instead of `brokers`, where there are credentials; NULL otherwise */
    const char *region; /* "320000" */
    uint8_t owner[PHI_SM2_PUBLIC_LEN]; /* public key of the access registry's owner, pinned by
                                          configuration */
    struct phi_store *store;           /* whose schema holds auth_registry; NULL: nothing is kept */
    const struct phi_clock *clock;     /* NULL: the system's */
    /* Called after a new view is in force, from the follower's thread: to swap an RPC allow-list
     * and the like. Short; may acquire a view. May be NULL. */
    void (*changed)(void *context);
    void *context;
};

/* Loads the kept copy (verified again), then follows the topic in a thread of its own. Blocks on
 * the database, at most its statement timeout; never on the broker. Without a database:
 * PHI_ERR_STORE. The options' strings are copied; the store must outlive the registry. */
enum phi_err phi_registry_open(const struct phi_registry_options *options,
                               struct phi_registry **out, struct phi_error *error) PHI_MUST_USE;
void phi_registry_close(struct phi_registry *registry); /* NULL is fine; views may outlive it */

/* True once the kept copy or, without one, the topic has been read to its present end and there is
 * at least one app record: without one nothing signed can be served, and before the end known
 * callers would be refused. */
bool phi_registry_is_usable(struct phi_registry *registry);
/* True while the topic is followed and read to its end at least once. */
bool phi_registry_is_following(struct phi_registry *registry);
size_t phi_registry_count(struct phi_registry *registry);

/* The view in force; never NULL. A critical section of a few instructions; any thread. Release it.
 */
const struct phi_registry_view *phi_registry_acquire(struct phi_registry *registry);
void phi_registry_release(const struct phi_registry_view *view);
/* The same, released when the arena goes. PHI_ERR_MEMORY. */
enum phi_err phi_registry_hold(struct phi_registry *registry, struct phi_arena *arena,
                               const struct phi_registry_view **out) PHI_MUST_USE;

/* Lookups: NULL when not there. What they give lives as long as the view. Suspended apps are given
 * (with `suspended`), suspended peers, providers and staff are not. */
const struct phi_registry_app *phi_registry_app(const struct phi_registry_view *view,
                                                const char *app_id);
/* The app's key of this serial that is in force at now_us. */
const struct phi_registry_key *phi_registry_app_key(const struct phi_registry_app *app,
                                                    const char *serial, int64_t now_us);
const struct phi_registry_peer *phi_registry_peer(const struct phi_registry_view *view,
                                                  const uint8_t curve[32]);
const struct phi_registry_provider *phi_registry_provider(const struct phi_registry_view *view,
                                                          const char *issuer);
const struct phi_registry_staff *phi_registry_staff(const struct phi_registry_view *view,
                                                    const char *issuer, const char *sub);
/* When an operator restored this caller ("platform/program/app") last; 0: never. */
int64_t phi_registry_restored_us(const struct phi_registry_view *view, const char *caller);
/* All peers in force, for a ZAP allow-list: i = 0 … until NULL. */
const struct phi_registry_peer *phi_registry_peer_at(const struct phi_registry_view *view,
                                                     size_t i);

/* Verifies and takes one record in: PHI_ERR_SIGNATURE (not the owner's), PHI_ERR_STATE (older or
 * the same), PHI_ERR_FIELD_* or PHI_ERR_JSON (not a record of this form), PHI_ERR_OVERLOAD (too
 * many). What fails changes nothing. The follower calls it; tests and tools may. Blocks on the
 * store; one thread at a time. */
enum phi_err phi_registry_apply(struct phi_registry *registry, const struct phi_record *record,
                                struct phi_error *error) PHI_MUST_USE;

/* Checks one record's key and value against the form, without a registry: for phictl before it
 * signs. The forms (unknown members are let through; status is "active" when absent; from and to
 * are optional RFC 3339 times):
 *   app:<appId>            {"kind":"app","appId","name","status":"active|suspended","clientId",
 *                           "institution"?,"keys":[{"serial","public","from"?,"to"?}],
 *                           "roles":[],"scopes":[],"sources":[]}
 *   peer:<curve hex>       {"kind":"peer","curve","platform","program","scopes":[],"status"?}
 *   provider:<issuer>      {"kind":"provider","issuer","jwksUrl","serves":"citizen|staff",
 *                           "acr"?,"status"?}
 *   caller:<name>          {"kind":"caller","caller","restoredAt"}
 *   staff:<issuer>|<sub>   {"kind":"staff","issuer","sub","unit","roles":[],"regions":[],
 *                           "sources":[],"status"?} */
enum phi_err phi_registry_check(struct phi_view key, struct phi_view value,
                                struct phi_error *error) PHI_MUST_USE;

/* SQL of the tables that registry.h and trust.h keep in a service's schema (unqualified names, to
 * run under that schema's search_path); for a service's migrations. */
extern const char phi_auth_ddl[];

#endif
