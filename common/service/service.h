/* The one shape of a daemon: options → configuration → log → keys → connect → privileges → ready →
 * serve → drain → exit code. A program is a table (struct phi_program) and its callbacks; main() is
 * one line.
 *
 *   static const struct phi_program program = {.name = "svc-codegen", .routes = …};
 *   int main(int argc, char **argv) { return phi_service_main(&program, argc, argv); }
 *
 * TERM: no new work, what was taken is finished and committed, producers are flushed, everything is
 * closed, exit 0 within PHI_DRAIN_MS; a second TERM or INT leaves at once with status 1. Core dumps
 * are off.
 */
#ifndef PHI_SERVICE_SERVICE_H
#define PHI_SERVICE_SERVICE_H

#include "auth/identity.h"
#include "auth/registry.h"
#include "auth/trust.h"
#include "base/config.h"
#include "bus/producer.h"
#include "bus/relay.h"
#include "crypto/key.h"
#include "crypto/seal.h"
#include "rpc/zap.h"
#include "store/lane.h"
#include "store/migrate.h"
#include "store/store.h"

struct phi_service;
struct phi_api_route;

/* What a program uses besides database, HTTP and log, which all have. */
enum phi_service_part {
    PHI_PART_REGISTRY = 1, /* callers (access.registry of PHI_BUS); needed by every signed route */
    PHI_PART_IDENTITY = 2, /* id tokens */
    PHI_PART_TRUST = 4,    /* phi.registry of PHI_PLATFORM_BUS */
    PHI_PART_RELAY = 8,    /* events to PHI_BUS through the outbox */
    PHI_PART_NATION = 16,  /* with the two before: the nation's topics go to PHI_PLATFORM_BUS */
};

struct phi_program {
    const char *name;                  /* "svc-codegen" */
    const char *about;                 /* one line for --help */
    const char *schema;                /* default of PHI_SCHEMA */
    const char *http_port;             /* default of PHI_HTTP_PORT, "8101" */
    unsigned parts;                    /* enum phi_service_part */
    const struct phi_config_row *rows; /* the program's own configuration rows */
    size_t row_count;
    const struct phi_migration *migrations; /* numbered from 100; the shared tables come first */
    size_t migration_count;
    const struct phi_lane_table *tables; /* the program's own tables in the lane */
    size_t table_count;
    const struct phi_api_route *routes;
    size_t route_count;
    bool by_index;                /* of phi_store_options */
    int64_t linger_ms;            /* how long events may wait for others on their way [10] */
    const unsigned char *openapi; /* openapi.json, embedded */
    const size_t *openapi_len;
    /* open: load keys, connect to neighbours; nothing is served yet. start: consumers, RPC servers;
     * the service is about to be ready. stop: no new work, finish what was taken, before `until`.
     * close: free. close is called whenever open was, also after its failure. */
    enum phi_err (*open)(struct phi_service *service, struct phi_error *error);
    enum phi_err (*start)(struct phi_service *service, struct phi_error *error);
    void (*stop)(struct phi_service *service, struct phi_deadline until);
    void (*close)(struct phi_service *service);
    /* optional: why the program can't serve ("registry"), or NULL; called by /readyz */
    const char *(*unready)(struct phi_service *service);
    /* optional: the registry of callers changed, from its own thread, also before open has
     * returned; short */
    void (*callers_changed)(struct phi_service *service);
};

/* Runs the program until a signal; the exit status. */
int phi_service_main(const struct phi_program *program, int argc, char **argv);

/* What a running program has; all live until close returns. Any thread. */
void phi_service_set_state(struct phi_service *service, void *state);
void *phi_service_state(struct phi_service *service);
const struct phi_config *phi_service_config(struct phi_service *service);
const char *phi_service_region(struct phi_service *service);  /* PHI_REGION, "320000" */
const char *phi_service_program(struct phi_service *service); /* "svc-codegen" */
const char *
phi_service_source(struct phi_service *service); /* ce_source: "/phi/320000/svc-codegen" */
const struct phi_clock *phi_service_clock(struct phi_service *service);
struct phi_store *phi_service_store(struct phi_service *service);
struct phi_lane *phi_service_lane(struct phi_service *service);
struct phi_registry *phi_service_registry(struct phi_service *service);
struct phi_identities *phi_service_identities(struct phi_service *service);
struct phi_trust *phi_service_trust(struct phi_service *service);
struct phi_producer *phi_service_producer(struct phi_service *service); /* PHI_BUS */
struct phi_relay *phi_service_relay(struct phi_service *service);
/* How to reach PHI_BUS and PHI_PLATFORM_BUS: brokers, user, TLS. Texts live as long as the service.
 */
struct phi_bus_options phi_service_bus(struct phi_service *service);
struct phi_bus_options phi_service_platform_bus(struct phi_service *service);
/* "phi.320000.code.minted" for stream "code.minted"; borrowed, lives as long as the service */
const char *phi_service_topic(struct phi_service *service, const char *stream);

/* A configuration row for a key's file; left out when a manifest holds keys of the use. */
#define PHI_SERVICE_KEY_ROW(variable, sentence)                                                    \
    {                                                                                              \
        .name = (variable), .type = PHI_CONFIG_FILE, .optional = true, .max = 4096, .unit = "",    \
        .text = (sentence)                                                                         \
    }

/* The configuration row of programs that consume. */
#define PHI_SERVICE_SESSION_ROW                                                                    \
    {                                                                                              \
        .name = "PHI_BUS_SESSION_MS", .type = PHI_CONFIG_MS, .fallback = "6000", .min = 1000,      \
        .max = 300000, .unit = "ms",                                                               \
        .text = "a replica not heard of for so long loses its partitions to the others; brokers "  \
                "refuse less than their group.min.session.timeout.ms"                              \
    }

/* Keys by configuration name; the password is PHI_KEY_PASSWORD_FILE's. A key's use is what stands
 * between PHI_ and _KEY_FILE, in small letters: where PHI_KEY_MANIFEST_FILE holds keys of that use,
 * those are read, and the variable's file otherwise. Uses are counted (phi_key_uses_total), reading
 * and the coming and ending of a key's time are told in log and audit. The caller frees the key.
 * Errors name the variable. Call from open. */

/* The newest one in force now: a later one is taken at the next start. */
enum phi_err phi_service_key_sm2(struct phi_service *service, const char *variable,
                                 struct phi_sm2_private **out,
                                 struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_service_key_hmac(struct phi_service *service, const char *variable,
                                  struct phi_hmac_key **out, struct phi_error *error) PHI_MUST_USE;
/* A symmetric key of exactly `len` bytes, which the caller wipes; the caller counts its uses. */
struct phi_counter;
enum phi_err phi_service_key_bytes(struct phi_service *service, const char *variable, uint8_t *out,
                                   size_t len, struct phi_counter **uses,
                                   struct phi_error *error) PHI_MUST_USE;
/* The key of PHI_MARK_KEY_FILE, counted, and one picture drawn: the first costs the fonts, better
 * now than in a request. The caller frees the key with phi_mark_key_free. Call from open; blocks
 * for some ten milliseconds. */
struct phi_mark_key;
enum phi_err phi_service_pictures_open(struct phi_service *service, struct phi_mark_key **out,
                                       struct phi_error *error) PHI_MUST_USE;
/* All whose time is not over, as one chain: the clock says which one seals. */
enum phi_err phi_service_key_seal(struct phi_service *service, const char *variable,
                                  struct phi_seal_key **out, struct phi_error *error) PHI_MUST_USE;

/* Key sets: keys of several uses under one number, which a code names. */
struct phi_service_key_set {
    uint8_t id;
    int64_t from_us;
    int64_t to_us; /* 0: no end */
};
/* The sets of a use whose time is not over, newest first, also those that wait; how many. Without
 * any in a manifest it is the one of PHI_KEY_SET, without end. */
size_t phi_service_key_sets(struct phi_service *service, const char *variable,
                            struct phi_service_key_set *out, size_t max);
/* The key of that use and set. PHI_ERR_KEY also when there is none. */
enum phi_err phi_service_set_sm2(struct phi_service *service, const char *variable, uint8_t set,
                                 struct phi_sm2_private **out,
                                 struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_service_set_bytes(struct phi_service *service, const char *variable, uint8_t set,
                                   uint8_t *out, size_t len, struct phi_counter **uses,
                                   struct phi_error *error) PHI_MUST_USE;
/* The key under which stored answers (24 h) are sealed: the program's own side's. Borrowed until
 * close. Needed by programs with routes that create. */
void phi_service_set_answer_seal(struct phi_service *service, const struct phi_seal_key *key);

/* Replaces the allow-list of an RPC server by the peers of the registry; a peer's scope bits are
 * 1 << enum phi_scope. For start and for callers_changed. */
enum phi_err phi_service_allow_peers(struct phi_service *service,
                                     struct phi_rpc_allow_list *allow) PHI_MUST_USE;
/* The CURVE secret of a file that holds it in Z85 or hex, mode 0600 (PHI_CONFIG_SECRET). */
enum phi_err phi_service_key_curve(struct phi_service *service, const char *variable,
                                   uint8_t out[PHI_CURVE_KEY_LEN],
                                   struct phi_error *error) PHI_MUST_USE;

/* Signs an event of this program's with its answer key, as those on audit are: adds the headers of
 * bus/signed.h. Topic, key and value are set before. PHI_ERR_MEMORY, PHI_ERR_CRYPTO. Any thread. */
enum phi_err phi_service_sign_event(struct phi_service *service, struct phi_event *event,
                                    uint64_t version, struct phi_arena *arena) PHI_MUST_USE;

/* A part that is down but does not make the service unready ("bus", "clock"): shown by /readyz. */
void phi_service_set_degraded(struct phi_service *service, const char *part, bool degraded);

#endif
