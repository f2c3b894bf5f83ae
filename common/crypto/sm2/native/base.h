/* The tables of the base point G, made once for the life of the process (1 ms) by the core in use.
 * Inside sm2/native only.
 *
 *   const struct phi_sm2_base *base = phi_sm2_base_get();
 *   base->core->multiply(&base->secret, rows, count);
 *
 * Any thread; the first call makes the tables while others wait for it.
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_BASE_H
#define PHI_CRYPTO_SM2_NATIVE_BASE_H

#include "crypto/sm2/native/core.h"

struct phi_sm2_base {
    const struct phi_sm2_core *core;
    struct phi_sm2_table secret; /* for signing, scanned from end to end */
    struct phi_sm2_table open;   /* for verifying */
};

const struct phi_sm2_base *phi_sm2_base_get(void);

/* For tests: another core from now on; false when the processor can't do it. Call while no other
 * thread signs or verifies. */
bool phi_sm2_core_use(const char *name);

#endif
