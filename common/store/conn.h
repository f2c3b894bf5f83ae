/* Inside the store: one connection of the pool and its prepared statements. */
#ifndef PHI_STORE_CONN_H
#define PHI_STORE_CONN_H

#include "store/pg.h"

#define PHI_STATEMENTS_MAX  256
#define PHI_STATEMENT_SLOTS 512
#define PHI_STATEMENT_NAME  48

struct phi_statement {
    char name[PHI_STATEMENT_NAME + 1];
    uint64_t sql_hash;
    size_t count;
    Oid types[PHI_PARAMS_MAX];
};

struct phi_conn {
    struct phi_conn *next; /* in the pool's free list */
    struct phi_store *store;
    const struct phi_pg_options *options;
    PGconn *pg;
    bool is_broken;
    bool has_locks; /* session advisory locks to drop before another borrower has it */
    size_t statement_count;
    struct phi_statement *statements[PHI_STATEMENT_SLOTS];
};

struct phi_conn *
phi_conn_new(PGconn *pg, const struct phi_pg_options *options); /* takes `pg` when it succeeds */
void phi_conn_free(struct phi_conn *conn);
/* Makes it fit for the next borrower; false: it is to be closed. */
bool phi_conn_clean(struct phi_conn *conn);

#endif
