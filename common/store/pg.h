/* Inside the store: libpq with deadlines. Connections are non-blocking; every wait is a poll(2)
 * that ends at its deadline and calls a tick at least every 50 ms.
 *
 *   PHI_GUARD(phi_pg_connect(&options, phi_deadline_in_ms(2000), NULL, &pg, error));
 *   PQsendQuery(pg, "SELECT 1"); PGresult *result = phi_pg_finish(pg, deadline, NULL);
 */
#ifndef PHI_STORE_PG_H
#define PHI_STORE_PG_H

#include "store/store.h"

#include <libpq-fe.h>

#define PHI_PG_OID_BOOL        16
#define PHI_PG_OID_BYTEA       17
#define PHI_PG_OID_NAME        19
#define PHI_PG_OID_INT8        20
#define PHI_PG_OID_INT2        21
#define PHI_PG_OID_INT4        23
#define PHI_PG_OID_TEXT        25
#define PHI_PG_OID_JSON        114
#define PHI_PG_OID_BPCHAR      1042
#define PHI_PG_OID_VARCHAR     1043
#define PHI_PG_OID_TIMESTAMP   1114
#define PHI_PG_OID_TIMESTAMPTZ 1184
#define PHI_PG_OID_JSONB       3802

struct phi_pg_options {
    char *conninfo;
    char *schema;
    char *application_name;
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms;
    bool by_index;
};

struct phi_pg_tick {
    void (*call)(void *context);
    void *context;
};

enum phi_err phi_pg_options_init(struct phi_pg_options *out, const struct phi_store_options *in,
                                 struct phi_error *error) PHI_MUST_USE;
void phi_pg_options_fini(struct phi_pg_options *options);
bool phi_pg_schema_is_valid(const char *schema);

enum phi_err phi_pg_connect(const struct phi_pg_options *options, struct phi_deadline deadline,
                            const struct phi_pg_tick *tick, PGconn **out,
                            struct phi_error *error) PHI_MUST_USE;
/* Until a result can be had without blocking: PHI_ERR_DEADLINE, PHI_ERR_STORE (the connection
 * broke). */
enum phi_err phi_pg_wait(PGconn *pg, struct phi_deadline deadline,
                         const struct phi_pg_tick *tick) PHI_MUST_USE;
/* Outside pipeline mode: waits for all results of what was sent and gives the first that failed or
 * else the last; the caller clears it. NULL: the connection broke or the deadline passed, and it is
 * of no more use. */
PGresult *phi_pg_finish(PGconn *pg, struct phi_deadline deadline, const struct phi_pg_tick *tick);
/* False when the server has closed an idle connection. */
bool phi_pg_is_alive(PGconn *pg);
struct phi_deadline phi_pg_statement_deadline(const struct phi_pg_options *options);

/* The error of a failed result (NULL: the connection's), after the table in store.h. */
enum phi_err phi_pg_error(const PGresult *result, const char *place, struct phi_error *error);
bool phi_pg_is_state(const PGresult *result, const char *prefix); /* SQLSTATE begins with */

/* Big-endian integers of any of the server's widths; timestamps as µs since 1970. */
int64_t phi_pg_read_i64(const PGresult *result, int row, int column);
static inline void phi_pg_put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}
static inline void phi_pg_put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}
static inline uint32_t phi_pg_get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

#endif
