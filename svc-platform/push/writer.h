/* Whose turn it is: one row a region, locked while its lines go to the topic, so that of two
 * writers one is refused, whichever replica each speaks to.
 *
 *   PHI_GUARD(writer_claim(conn, &claim, &next, error));      // begins a transaction
 *   … send …;
 *   PHI_GUARD(writer_advance(conn, &claim, next + lines, error));
 *   PHI_GUARD(phi_conn_commit(conn, error));
 */
#ifndef SVC_PLATFORM_WRITER_H
#define SVC_PLATFORM_WRITER_H

#include "store/store.h"

struct writer_claim {
    const char *region;
    const char *writer;
    int64_t from;
    bool takes_over;
    int64_t now_us;
};

/* `next`: the lines of this writer that were taken. PHI_ERR_STATE: another writer's turn, or a gap
 * before `from`; PHI_ERR_OVERLOAD: a request of the region is under way; PHI_ERR_STORE. */
enum phi_err writer_claim(struct phi_conn *conn, const struct writer_claim *claim, int64_t *next,
                          struct phi_error *error) PHI_MUST_USE;
enum phi_err writer_advance(struct phi_conn *conn, const struct writer_claim *claim, int64_t next,
                            struct phi_error *error) PHI_MUST_USE;

#endif
