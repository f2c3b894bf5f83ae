/* What service.c, ops.c and api*.c share of a running program; private to this room. */
#ifndef PHI_SERVICE_PARTS_H
#define PHI_SERVICE_PARTS_H

#include "http/http.h"
#include "base/log.h"
#include "crypto/manifest.h"
#include "service/api.h"

#include <pthread.h>
#include <stdatomic.h>

#define PHI_SERVICE_TOPICS_MAX   64
#define PHI_SERVICE_DEGRADED_MAX 8
#define PHI_SERVICE_ROWS_MAX     96
#define PHI_SERVICE_KEYS_MAX     64

struct phi_api;
struct phi_sdf;

struct phi_service_degraded {
    const char *part;
    bool is_set;
};

enum phi_key_step { PHI_KEY_LOADED, PHI_KEY_IN_FORCE, PHI_KEY_OUT_OF_FORCE, PHI_KEY_STEP_COUNT };

/* A key that this process has, and what was told of it: bits 1 << enum phi_key_step. */
struct phi_service_key {
    char use[PHI_KEY_USE_MAX + 1];
    char id[PHI_KEY_ID_LEN + 1];
    uint8_t set;
    int64_t from_us;
    int64_t to_us; /* INT64_MAX: no end */
    unsigned logged;
    unsigned told;
};

struct phi_service {
    const struct phi_program *program;
    struct phi_config_row rows[PHI_SERVICE_ROWS_MAX];
    size_t row_count;
    struct phi_config *config;
    void *state;
    char source[64];
    char *conninfo;
    struct phi_manifest *manifest;                     /* NULL: each key is one file */
    struct phi_service_key keys[PHI_SERVICE_KEYS_MAX]; /* the keeper's, once it runs */
    size_t key_count;
    struct phi_deadline key_retry;
    const struct phi_seal_key *answer_seal;
    struct phi_sdf *sdf; /* NULL: keys are in the process */
    struct phi_sm2_private *answer_key;
    char answer_serial[17];
    struct phi_store *store;
    struct phi_lane *lane;
    struct phi_lane_table tables[PHI_LANE_TABLES_MAX];
    struct phi_migration *migrations;
    struct phi_producer *producer;
    struct phi_producer *platform_producer; /* PHI_PART_NATION */
    struct phi_relay *relay;
    struct phi_registry *registry;
    struct phi_identities *identities;
    struct phi_trust *trust;
    struct phi_http_server *http;
    struct phi_http_route *http_routes;
    struct phi_api *api;
    pthread_mutex_t lock; /* topics, degraded */
    char *topics[PHI_SERVICE_TOPICS_MAX];
    size_t topic_count;
    struct phi_service_degraded degraded[PHI_SERVICE_DEGRADED_MAX];
    size_t degraded_count;
    pthread_t keeper;
    bool has_keeper;
    atomic_bool stopping;
    atomic_bool is_caught_up; /* the keeper writes how late it is: catch_up.c */
};

/* options.c: the common rows, those of the parts in use and the program's own, in one table. */
void phi_service_rows(struct phi_service *service);
/* PHI_DATABASE with the password of PHI_DATABASE_PASSWORD_FILE; the caller wipes and frees. */
char *phi_service_conninfo(const struct phi_config *config);

/* open.c: database, lane, buses, callers, in the order of a daemon's life; and back. */
enum phi_err phi_service_open_parts(struct phi_service *service,
                                    struct phi_error *error) PHI_MUST_USE;
/* Before the program's own close: their threads call back into it. */
void phi_service_close_callers(struct phi_service *service);
void phi_service_close_parts(struct phi_service *service, struct phi_deadline until);

/* device.c: before any key is read; and after every key is freed. */
enum phi_err phi_service_device_open(struct phi_service *service,
                                     struct phi_error *error) PHI_MUST_USE;
void phi_service_device_close(struct phi_service *service);
void phi_service_device_look(struct phi_service *service); /* shows it as degraded or not */
const char *phi_service_device_missing(const struct phi_service *service); /* NULL: it is there */

/* ops.c: healthz, readyz, metrics, openapi.json. Fills up to 4 routes, gives their number. */
size_t phi_service_ops_routes(struct phi_service *service, struct phi_http_route *routes);
bool phi_service_is_ready(struct phi_service *service, const char **why);

/* keys.c: PHI_KEY_MANIFEST_FILE, before any key is read. */
enum phi_err phi_service_keys_open(struct phi_service *service,
                                   struct phi_error *error) PHI_MUST_USE;
/* key_watch.c: tells in log and audit what is new about keys. The keeper's thread; blocks on the
 * database, at most its time-outs. */
void phi_service_keys_watch(struct phi_service *service);

/* catch_up.c: writes into the database that it is as new as this moment. The keeper's thread. */
void phi_service_tell_alive(struct phi_service *service, struct phi_conn *conn);

/* keeper.c: the housekeeping thread: database check, clock, old nonces and stored answers. */
enum phi_err phi_service_keeper_start(struct phi_service *service) PHI_MUST_USE;
void phi_service_keeper_stop(struct phi_service *service);

/* signals.c: TERM and INT as events; a second one leaves at once. Before any other thread starts.
 */
void phi_service_signals_block(void);
enum phi_err phi_service_signals_start(int64_t drain_ms) PHI_MUST_USE;
void phi_service_signals_wait(void); /* until the first TERM or INT */

/* api.c: one HTTP route for each business route; and the thread for answers after a refused commit.
 */
enum phi_err phi_api_open(struct phi_service *service, struct phi_http_route *routes,
                          struct phi_api **out) PHI_MUST_USE;
void phi_api_close(struct phi_api *api); /* after the lane is closed */

#endif
