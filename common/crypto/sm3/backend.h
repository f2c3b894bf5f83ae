/* What stands behind crypto/sm3.h. Inside the crypto room only; the state is copied to resume a
 * digest from prepared pads.
 *
 *   struct phi_sm3_state *s = NULL;
 *   PHI_GUARD(phi_sm3_backend->begin(NULL, &s));
 *   PHI_GUARD(phi_sm3_backend->update(s, data, len));
 *   PHI_GUARD(phi_sm3_backend->finish(s, digest));
 *   phi_sm3_backend->drop(s);
 */
#ifndef PHI_CRYPTO_SM3_BACKEND_H
#define PHI_CRYPTO_SM3_BACKEND_H

#include "crypto/sm3.h"

struct phi_sm3_state; /* the backend's */

struct phi_sm3_backend {
    const char *name;
    enum phi_err (*begin)(const struct phi_sm3_state *from,
                          struct phi_sm3_state **out); /* NULL: new */
    enum phi_err (*update)(struct phi_sm3_state *state, const uint8_t *data, size_t len);
    enum phi_err (*finish)(struct phi_sm3_state *state, uint8_t out[PHI_SM3_LEN]);
    void (*drop)(struct phi_sm3_state *state); /* wipes; NULL is fine */
};

extern const struct phi_sm3_backend phi_sm3_openssl;
extern const struct phi_sm3_backend *const phi_sm3_backend;

#endif
