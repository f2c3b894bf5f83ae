/* The nation's trust list: platforms, their keys by use, their endpoints. One signed record, the
 * whole list, on the compacted topic `phi.registry` (key "trust-list"), of the unified platform's
 * pinned key; versions only rise. The last verified list stands in the service's schema: a service
 * starts from it.
 *
 *   PHI_GUARD(phi_trust_open(&options, &trust, &error));
 *   const struct phi_trust_view *view = phi_trust_acquire(trust);
 *   const struct phi_trust_platform *platform = phi_trust_platform(view, "320000");
 *   const struct phi_trust_key *key = phi_trust_code_key(platform, key_set_id, now_us);
 *   if (key != NULL && phi_sm2_verify(key->public_key, message, sig) == PHI_OK) …
 *   phi_trust_release(view);
 */
#ifndef PHI_AUTH_TRUST_H
#define PHI_AUTH_TRUST_H

#include "auth/registry.h"

#define PHI_TRUST_TOPIC     "phi.registry"
#define PHI_TRUST_KEY       "trust-list"
#define PHI_TRUST_PLATFORMS 1024 /* a list's bounds */
#define PHI_TRUST_KEYS      64
#define PHI_TRUST_ENDPOINTS 16
#define PHI_TRUST_FRESH_S   86400

enum phi_trust_use {
    PHI_TRUST_CODE,
    PHI_TRUST_RECEIPT,
    PHI_TRUST_REVOCATION,
    PHI_TRUST_DIRECTORY,
    PHI_TRUST_CORRECTION,
    PHI_TRUST_ANSWER,
    PHI_TRUST_ENCRYPTION,
    PHI_TRUST_USE_COUNT
};
const char *phi_trust_use_name(enum phi_trust_use use); /* "code" */
enum phi_err phi_trust_use_from_name(const char *name, enum phi_trust_use *out) PHI_MUST_USE;

enum phi_trust_service {
    PHI_TRUST_VERIFY,
    PHI_TRUST_QUERY,
    PHI_TRUST_RELAY,
    PHI_TRUST_SERVICE_COUNT
};

/* Whose of a platform's services an encryption key is; JSON: verify, directory, declare,
 * correction, platform. */
enum phi_trust_holder {
    PHI_TRUST_FOR_ANY, /* the key says nothing: of some of them */
    PHI_TRUST_FOR_VERIFY,
    PHI_TRUST_FOR_DIRECTORY,
    PHI_TRUST_FOR_DECLARE,
    PHI_TRUST_FOR_CORRECTION,
    PHI_TRUST_FOR_PLATFORM,
    PHI_TRUST_FOR_OTHER, /* a service that came later: none that we seal for */
    PHI_TRUST_HOLDER_COUNT
};
const char *phi_trust_holder_name(enum phi_trust_holder holder); /* "verify"; "" for any */
enum phi_err phi_trust_holder_from_name(const char *name, enum phi_trust_holder *out) PHI_MUST_USE;

enum phi_trust_status { PHI_TRUST_ACTIVE, PHI_TRUST_SUSPENDED };

struct phi_trust_key {
    enum phi_trust_use use;
    uint8_t key_set_id;           /* for PHI_TRUST_CODE */
    enum phi_trust_holder holder; /* for PHI_TRUST_ENCRYPTION; in lists of before: any */
    char serial[PHI_KEY_SERIAL_LEN + 1];
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const struct phi_sm2_public *public_key; /* NULL in a list that is being built */
    int64_t from_us;                         /* in force from … */
    int64_t to_us;                           /* … up to, not including; INT64_MAX when open */
};

struct phi_trust_endpoint {
    const char *address; /* "tcp://127.0.0.1:5102" */
    uint8_t curve[32];
};

struct phi_trust_platform {
    char id[7];
    const char *name;
    enum phi_trust_status status;
    const struct phi_trust_key *keys;
    size_t key_count;
    const struct phi_trust_endpoint
        *endpoints[PHI_TRUST_SERVICE_COUNT]; /* JSON: verify, directory, relay */
    size_t endpoint_counts[PHI_TRUST_SERVICE_COUNT];
};

struct phi_trust_list {
    uint64_t version;
    int64_t issued_us;
    const struct phi_trust_platform *platforms; /* by id */
    size_t platform_count;
};

struct phi_trust;
struct phi_trust_view; /* an immutable snapshot */

struct phi_trust_options {
    const char *brokers; /* PHI_PLATFORM_BUS; NULL: only what is kept and what is applied */
    const struct phi_bus_options
        *bus; /* instead of `brokers`, where there are credentials; NULL otherwise */
    uint8_t owner[PHI_SM2_PUBLIC_LEN]; /* the unified platform's key for the list, pinned by
                                          configuration */
    struct phi_store *store;           /* whose schema holds auth_registry; NULL: nothing is kept */
    int64_t grace_s;               /* how old a list may get before it is not usable; 0: no end */
    const struct phi_clock *clock; /* NULL: the system's */
    void (*changed)(
        void *context); /* after a new list is in force, from the follower's thread; may be NULL */
    void *context;
};

/* As phi_registry_open: blocks on the database only; PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CONFIG.
 */
enum phi_err phi_trust_open(const struct phi_trust_options *options, struct phi_trust **out,
                            struct phi_error *error) PHI_MUST_USE;
void phi_trust_close(struct phi_trust *trust); /* NULL is fine; views may outlive it */

bool phi_trust_is_usable(struct phi_trust *trust); /* a verified list, within the grace */
bool phi_trust_is_following(
    struct phi_trust *trust); /* the topic was read to its end at least once */
/* Since a list was last verified from the topic or applied (a kept one: since it was issued); -1
 * without a list. Reading an old list again makes it younger up to PHI_TRUST_FRESH_S after its
 * issue only, so that who holds new lists back is noticed: the unified platform signs more often.
 */
int64_t phi_trust_age_s(struct phi_trust *trust);
uint64_t phi_trust_version(struct phi_trust *trust); /* of the list in force; 0 without one */

/* The view in force; never NULL, empty before the first list. A critical section of a few
 * instructions. */
const struct phi_trust_view *phi_trust_acquire(struct phi_trust *trust);
void phi_trust_release(const struct phi_trust_view *view);
enum phi_err
phi_trust_hold(struct phi_trust *trust, struct phi_arena *arena,
               const struct phi_trust_view **out) PHI_MUST_USE; /* released with the arena */

/* For one thread that looks again and again: it keeps the view it saw last and takes the lock only
 * when a newer list is in force. Zero at first. The view is good until the next read or the drop.
 */
struct phi_trust_reader {
    const struct phi_trust_view *view;
    uint64_t number;
};
const struct phi_trust_view *phi_trust_read(struct phi_trust *trust,
                                            struct phi_trust_reader *reader);
void phi_trust_reader_drop(struct phi_trust_reader *reader);

const struct phi_trust_list *phi_trust_list(const struct phi_trust_view *view);
struct phi_view
phi_trust_json(const struct phi_trust_view *view); /* the record's value, for /v1/trust-list */
/* Also suspended ones, with their status; NULL when unknown. */
const struct phi_trust_platform *phi_trust_platform(const struct phi_trust_view *view,
                                                    const char *id);
/* The key in force at now_us, NULL when there is none. A code is checked with the key set that it
 * names, at the time of the check: taking a key set's `to` back revokes its codes. */
const struct phi_trust_key *phi_trust_code_key(const struct phi_trust_platform *platform,
                                               uint8_t key_set_id, int64_t now_us);
const struct phi_trust_key *phi_trust_key(const struct phi_trust_platform *platform,
                                          enum phi_trust_use use, const char *serial,
                                          int64_t now_us);

/* The encryption keys in force to which something for this service of the platform is sealed: its
 * own, and those that don't say whose they are; never one that is another service's. How many; at
 * most `max`. They live as long as the view. */
size_t phi_trust_encryption_keys(const struct phi_trust_platform *platform,
                                 enum phi_trust_holder holder, int64_t now_us,
                                 const struct phi_trust_key **out, size_t max);

/* Verifies and takes a list in: PHI_ERR_SIGNATURE, PHI_ERR_STATE (older, or the same again: then
 * only the age starts anew), PHI_ERR_JSON, PHI_ERR_FIELD_*. What fails changes nothing. One thread
 * at a time. */
enum phi_err phi_trust_apply(struct phi_trust *trust, const struct phi_record *record,
                             struct phi_error *error) PHI_MUST_USE;

/* For svc-platform: the list as canonical JSON
 *   {"version","issuedAt","platforms":[{"id","name","status",
 *    "keys":[{"use","keySetId"?,"service"?,"serial","public","from","to"?}],
 *    "endpoints":{"verify":[{"address","curve"}],"directory":[…],"relay":[…]}}]}
 * (the record's value), and the reading of it. In the arena.
 * PHI_ERR_FIELD_* when the list breaks its own bounds, PHI_ERR_MEMORY. Reading makes the public key
 * objects, freed with the arena. Then sign it with phi_record_sign (topic PHI_TRUST_TOPIC, key
 * PHI_TRUST_KEY, version list->version), and send phi_record_event's event. */
enum phi_err phi_trust_encode(const struct phi_trust_list *list, struct phi_arena *arena,
                              struct phi_view *out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_trust_decode(struct phi_view json, struct phi_arena *arena,
                              struct phi_trust_list *out, struct phi_error *error) PHI_MUST_USE;
#endif
