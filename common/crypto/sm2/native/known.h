/* Tables of public keys that are verified often. A key earns a small table by being used, and a
 * large one by being announced as a platform's or by being used very often; when the room is full
 * the least recently used table goes. Keys with the same point share one. Inside sm2/native
 * only.
 *
 *   struct phi_sm2_known *known = phi_sm2_known_get(&point);            // with the key
 *   const struct phi_sm2_table *table = phi_sm2_known_enter(known);     // NULL: none (yet)
 *   …
 *   phi_sm2_known_leave(known);
 *   phi_sm2_known_put(known);                                           // with the key's end
 *
 * enter and leave take no lock, but the call that builds a table stays for its 0.3 to 1 ms; the
 * others of that key work without a table meanwhile.
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_KNOWN_H
#define PHI_CRYPTO_SM2_NATIVE_KNOWN_H

#include "crypto/sm2/native/core.h"

enum phi_sm2_size { PHI_SM2_SIZE_SMALL, PHI_SM2_SIZE_LARGE, PHI_SM2_SIZE_COUNT };

struct phi_sm2_known;

/* NULL when memory is short. Any thread; takes a lock for a moment. */
struct phi_sm2_known *phi_sm2_known_get(const struct phi_sm2_affine *point);
void phi_sm2_known_put(struct phi_sm2_known *known); /* NULL is fine */

/* The point's table, to be used until `leave`, also when it is NULL. */
const struct phi_sm2_table *phi_sm2_known_enter(struct phi_sm2_known *known);
void phi_sm2_known_leave(struct phi_sm2_known *known);

/* Makes a large table now, and again should it have to go. */
void phi_sm2_known_announce(struct phi_sm2_known *known);

/* For tests: how many tables of a size may be, and how many there are. Call the former before any
 * key is made. */
void phi_sm2_known_limit(enum phi_sm2_size size, size_t count);
size_t phi_sm2_known_count(enum phi_sm2_size size);

#endif
