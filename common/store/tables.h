/* Tables that every service with a lane has in its own schema: their SQL, as migrations, and their
 * declarations for a lane. Published SQL never changes (phi_migrate refuses a changed text): add
 * another.
 *
 *   static const struct phi_migration migrations[] = {{1, "lane", phi_lane_ddl},
 *       {2, "requests", phi_requests_ddl}, {3, "outbox", phi_outbox_ddl},
 *       {4, "offsets", phi_offsets_ddl}, …};
 *   static const struct phi_lane_table tables[] = {
 *       PHI_LANE_NONCES, PHI_LANE_IDEMPOTENCY, …, PHI_LANE_OUTBOX};
 */
#ifndef PHI_STORE_TABLES_H
#define PHI_STORE_TABLES_H

#include "store/lane.h"

extern const char phi_lane_ddl[]; /* lane_commits: one marker a transaction; needed by every lane */
extern const char phi_requests_ddl[]; /* idempotency and nonces */
extern const char phi_outbox_ddl[];   /* outbox */
extern const char phi_offsets_ddl[];  /* offsets */
extern const char phi_alive_ddl[];    /* alive: when a replica last wrote that it is */

/* nonces: app_id text, nonce text, seen_us bigint. Refuses with PHI_ERR_NONCE; its row stays when a
 * later guard refuses the request. Declare it first. */
extern const enum phi_column phi_nonces_columns[];
extern const char phi_nonces_insert[];
#define PHI_NONCES_COLUMNS 3
#define PHI_LANE_NONCES                                                                            \
    {                                                                                              \
        .name = "nonces", .columns = phi_nonces_columns, .column_count = PHI_NONCES_COLUMNS,       \
        .key_count = 2, .insert_sql = phi_nonces_insert, .is_guard = true, .is_sticky = true,      \
        .on_conflict = PHI_ERR_NONCE                                                               \
    }

/* idempotency: app_id, route, customer, serial text; body_digest bytea, status bigint (HTTP),
 * answer bytea (sealed by the caller), created_us bigint. A repeat is told PHI_ERR_CONFLICT with
 * the kept row: the caller compares PHI_IDEMPOTENCY_DIGEST with its own and, when equal, gives the
 * stored answer. */
enum phi_idempotency_column {
    PHI_IDEMPOTENCY_APP,
    PHI_IDEMPOTENCY_ROUTE,
    PHI_IDEMPOTENCY_CUSTOMER,
    PHI_IDEMPOTENCY_SERIAL,
    PHI_IDEMPOTENCY_DIGEST,
    PHI_IDEMPOTENCY_STATUS,
    PHI_IDEMPOTENCY_ANSWER,
    PHI_IDEMPOTENCY_CREATED,
    PHI_IDEMPOTENCY_COLUMNS
};
extern const enum phi_column phi_idempotency_columns[];
extern const char phi_idempotency_insert[];
extern const char phi_idempotency_fetch[];
#define PHI_LANE_IDEMPOTENCY                                                                       \
    {                                                                                              \
        .name = "idempotency", .columns = phi_idempotency_columns,                                 \
        .column_count = PHI_IDEMPOTENCY_COLUMNS, .key_count = 4,                                   \
        .insert_sql = phi_idempotency_insert, .is_guard = true, .on_conflict = PHI_ERR_CONFLICT,   \
        .fetch_sql = phi_idempotency_fetch                                                         \
    }

/* outbox: see outbox.h. No guard: an event id that is there already is left as it is. */
extern const enum phi_column phi_outbox_columns[];
extern const char phi_outbox_insert[];
#define PHI_LANE_OUTBOX                                                                            \
    {                                                                                              \
        .name = "outbox", .columns = phi_outbox_columns, .column_count = 7, .key_count = 1,        \
        .insert_sql = phi_outbox_insert                                                            \
    }

/* The row kept under an idempotency key, or no row: for a look before the work is done. Columns of
 * `rows` as enum phi_idempotency_column; the caller frees them. */
enum phi_err phi_idempotency_find(struct phi_conn *conn, const char *app_id, const char *route,
                                  const char *customer, const char *serial, struct phi_rows **rows,
                                  struct phi_error *error) PHI_MUST_USE;

struct phi_prune_ages {
    int64_t idempotency_us; /* older rows go; 0 means 24 h */
    int64_t nonces_us;      /* 0 means 10 minutes: well past the ± 60 s of a request's timestamp */
};

/* Deletes aged rows of idempotency and nonces, at most 10,000 of each; call it about once a minute,
 * again at once while `deleted` is 10,000 or more. `now_us` is the wall clock in which the rows
 * were dated. */
enum phi_err phi_store_prune(struct phi_conn *conn, int64_t now_us,
                             const struct phi_prune_ages *ages, size_t *deleted,
                             struct phi_error *error) PHI_MUST_USE;

#endif
