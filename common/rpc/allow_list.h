/* Reading an allow-list over and over from one thread: the thread keeps the list it saw last and
 * takes the lock only when there is a newer one. Inside the room.
 *
 *   struct phi_rpc_allow_reader reader = {.allow = allow};
 *   if (phi_rpc_allow_reader_find(&reader, public_key, &peer)) …
 *   phi_rpc_allow_reader_drop(&reader);
 */
#ifndef PHI_RPC_ALLOW_LIST_H
#define PHI_RPC_ALLOW_LIST_H

#include "rpc/zap.h"

#include <stdint.h>

struct phi_rpc_allow_rows;

/* One thread's; zero but for `allow`. */
struct phi_rpc_allow_reader {
    struct phi_rpc_allow_list *allow;
    struct phi_rpc_allow_rows *rows;
    uint64_t number; /* of the list in `rows` */
};

/* As phi_rpc_allow_list_find; a list swapped in before the call is the one that counts. */
bool phi_rpc_allow_reader_find(struct phi_rpc_allow_reader *reader,
                               const uint8_t public_key[PHI_CURVE_KEY_LEN],
                               struct phi_rpc_peer *peer);
void phi_rpc_allow_reader_drop(struct phi_rpc_allow_reader *reader);

#endif
