/* Inverses modulo p and modulo n in constant time, by Bernstein and Yang's division steps (590 of
 * them for 256 bits, in ten rounds of 59 on the lowest words). Inside sm2/native only.
 *
 *   phi_sm2_invert(&out, &in, &phi_sm2_invert_n);       // 0 gives 0
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_INVERT_H
#define PHI_CRYPTO_SM2_NATIVE_INVERT_H

#include "crypto/sm2/native/limbs.h"

/* Words of 62 bits, the highest signed. */
struct phi_sm2_signed62 {
    int64_t v[5];
};

struct phi_sm2_modulus {
    struct phi_sm2_signed62 value;
    uint64_t inverse; /* modulo 2^62 */
};

extern const struct phi_sm2_modulus phi_sm2_invert_p;
extern const struct phi_sm2_modulus phi_sm2_invert_n;

/* `in` is below the modulus, and not in Montgomery's form; `out` may be `in`. */
void phi_sm2_invert(struct phi_u256 *out, const struct phi_u256 *in,
                    const struct phi_sm2_modulus *modulus);

#endif
