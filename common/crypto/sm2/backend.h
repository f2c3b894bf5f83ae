/* What stands behind crypto/sm2.h: a table of functions over keys of the backend's own and 32-byte
 * digests e = SM3(Z‖M). Inside the crypto room only.
 *
 *   static const struct phi_sm2_backend mine = {.name = "mine", .sign = …};   // and a row in sm2.c
 *
 * A faster library or a crypto machine stands in by filling one of these; rows of a batch arrive
 * together so that it may share work between them.
 */
#ifndef PHI_CRYPTO_SM2_BACKEND_H
#define PHI_CRYPTO_SM2_BACKEND_H

#include "crypto/sm2.h"
#include "crypto/sm3.h"

struct phi_sm2_row {
    const void *key; /* the backend's: a pair for signing, a public key for verifying */
    uint8_t digest[PHI_SM3_LEN];
    uint8_t *sig;
    enum phi_err result;
};

/* A nonce and what has been made of it: as secret as the key, and good for one signature. */
struct phi_sm2_prepared {
    uint64_t k[4];
    uint64_t x[4];
};

/* All may be called by any thread. `sign` and `verify` fill each row's result; r and s were already
 * checked to lie in [1, n−1] before `verify`. */
struct phi_sm2_backend {
    const char *name;
    enum phi_err (*generate)(void **key, uint8_t xy[PHI_SM2_PUBLIC_LEN]);
    enum phi_err (*load)(const uint8_t scalar[PHI_SM2_SCALAR_LEN], void **key,
                         uint8_t xy[PHI_SM2_PUBLIC_LEN]);
    /* PHI_ERR_KEY when a key can't leave its device; the caller wipes `scalar` */
    enum phi_err (*scalar)(const void *key, uint8_t scalar[PHI_SM2_SCALAR_LEN]);
    enum phi_err (*load_public)(const uint8_t xy[PHI_SM2_PUBLIC_LEN], void **key);
    void (*announce)(const void *key); /* a public key that will be used often; may be NULL */
    void (*drop)(void *key);           /* a pair or a public key */
    void (*sign)(struct phi_sm2_row *rows, size_t count);
    void (*verify)(struct phi_sm2_row *rows, size_t count);
    /* Nonces for a pair, at most 64; returns how many were made. NULL: there is no such thing. */
    size_t (*prepare)(const void *key, struct phi_sm2_prepared *out, size_t count);
    /* Signs with `prepared` and wipes it. */
    void (*sign_prepared)(struct phi_sm2_row *row, struct phi_sm2_prepared *prepared);
};

extern const struct phi_sm2_backend phi_sm2_openssl;
extern const struct phi_sm2_backend phi_sm2_native;

/* A pair that a backend already holds, such as a crypto machine's; `handle` is dropped with it. The
 * caller frees the pair. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY; `handle` is then still the
 * caller's. */
enum phi_err phi_sm2_private_of(const struct phi_sm2_backend *of, void *handle,
                                const uint8_t xy[PHI_SM2_PUBLIC_LEN],
                                struct phi_sm2_private **out) PHI_MUST_USE;

/* The backend of public keys made from now on; NULL: the one of phi_sm2_backend_use. */
void phi_sm2_backend_for_public(const struct phi_sm2_backend *of);

/* For key files: the scalar of a pair whose backend gives it out; the caller wipes it. */
enum phi_err phi_sm2_private_scalar(const struct phi_sm2_private *key,
                                    uint8_t scalar[PHI_SM2_SCALAR_LEN]) PHI_MUST_USE;

/* For crypto/sm2/pool.c: the backend's functions of those names; the latter wipes `prepared`. */
size_t phi_sm2_private_prepare(const struct phi_sm2_private *key, struct phi_sm2_prepared *out,
                               size_t count);
enum phi_err phi_sm2_private_sign_prepared(const struct phi_sm2_private *key,
                                           struct phi_view message,
                                           struct phi_sm2_prepared *prepared,
                                           uint8_t sig[PHI_SM2_SIG_LEN]) PHI_MUST_USE;

/* True when 1 ≤ value ≤ n−1, big-endian; not constant time: for public values. */
bool phi_sm2_is_in_order(const uint8_t value[32]);

/* The constants of GB/T 32918.5: a, b, x of G, y of G (for Z), and the order n. */
extern const uint8_t phi_sm2_curve_abg[4 * 32];
extern const uint8_t phi_sm2_order[32];

#endif
