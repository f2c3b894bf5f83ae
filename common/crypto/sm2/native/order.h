/* Numbers modulo n, the order of the curve's base point. Constant time; values lie below n.
 * Inside sm2/native only.
 *
 *   struct phi_u256 t;
 *   phi_sm2_order_add(&t, &r, &s);
 *   phi_sm2_order_mul(&t, &inverse_r, &t);       // a·2^256 times b is a·b: one is in that form
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_ORDER_H
#define PHI_CRYPTO_SM2_NATIVE_ORDER_H

#include "crypto/sm2/native/limbs.h"

extern const struct phi_u256 phi_sm2_n;

void phi_sm2_order_add(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b);
void phi_sm2_order_sub(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b);
/* Any 256-bit number modulo n. */
void phi_sm2_order_reduce(struct phi_u256 *out, const struct phi_u256 *a);
/* a·b/2^256 mod n. */
void phi_sm2_order_mul(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b);
/* a·2^256 mod n. */
void phi_sm2_order_lift(struct phi_u256 *out, const struct phi_u256 *a);
/* k when it is odd, else n − k, which is odd; returns ones in the latter case. 0 < k < n. */
uint64_t phi_sm2_order_odd(struct phi_u256 *out, const struct phi_u256 *k);

#endif
