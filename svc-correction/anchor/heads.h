/* The heads of chains as they were at a moment, a chunk of cases at a time, in the order of their
 * ids.
 *
 *   struct heads *heads = calloc(1, sizeof(*heads));
 *   do PHI_GUARD(heads_after(conn, cut_us, heads, error)); while (heads->count == HEADS_CHUNK);
 *
 * Blocks for the database.
 */
#ifndef SVC_CORRECTION_HEADS_H
#define SVC_CORRECTION_HEADS_H

#include "codes/chain.h"
#include "store/store.h"
#include "svc-correction/correction.h"

#define HEADS_CHUNK ((size_t)1024) /* a power of two: a chunk is a subtree of the root */

struct heads {
    uint8_t ids[HEADS_CHUNK][CASE_LEN];
    uint8_t heads[HEADS_CHUNK][PHI_CHAIN_LEN];
    size_t count;
};

/* The chunk behind the last case of `heads`, from the first case on when it is zeroed.
 * PHI_ERR_STORE. */
enum phi_err heads_after(struct phi_conn *conn, int64_t cut_us, struct heads *heads,
                         struct phi_error *error) PHI_MUST_USE;
/* The chunk that begins with this case. */
enum phi_err heads_from(struct phi_conn *conn, int64_t cut_us, const uint8_t *first,
                        struct heads *heads, struct phi_error *error) PHI_MUST_USE;

#endif
