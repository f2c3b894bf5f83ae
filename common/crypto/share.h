/* A key as shares (密钥备份, 密钥恢复, electronic health card part 1, 5.3): any m of n give it back,
 * fewer say nothing about it. Shamir's scheme, byte by byte over GF(2^8) with the polynomial
 * x^8 + x^4 + x^3 + x + 1; each share is a short text that carries its own checksum.
 *
 *   PHI_GUARD(phi_share_split(secret, 3, 5, &about, shares));
 *   PHI_GUARD(phi_share_format(&shares[i], text));                     // one file each
 *   PHI_GUARD(phi_share_parse(text, &shares[0], error));
 *   PHI_GUARD(phi_share_join(shares, 3, secret, &len, error));
 *
 * Nothing blocks; any thread. The time that splitting and joining take does not depend on the
 * secret. Who joins checks the key id, which the shares carry but can't prove.
 */
#ifndef PHI_CRYPTO_SHARE_H
#define PHI_CRYPTO_SHARE_H

#include "crypto/manifest.h"

#define PHI_SHARE_MIN      2   /* shares that are needed, at least */
#define PHI_SHARES_MAX     255 /* shares that there are, at most */
#define PHI_SHARE_TEXT_MAX 512

/* What a share says besides its bytes. All shares of one splitting have the same `split`, drawn at
 * random, so that those of two back-ups don't get mixed. */
struct phi_share {
    char use[PHI_KEY_USE_MAX + 1];
    uint8_t set;
    enum phi_key_kind kind;
    char key_id[PHI_KEY_ID_LEN + 1];
    uint8_t split[8];
    uint8_t needed; /* m */
    uint8_t count;  /* n */
    uint8_t number; /* 1 to n: where the polynomial was taken */
    uint8_t bytes[PHI_KEY_SECRET_MAX];
    size_t len;
};

/* `out` has room for `count` shares; use, set, kind and key id come from `about`. The caller wipes
 * them. Errors: PHI_ERR_FIELD_VALUE (not 2 ≤ needed ≤ count, or the length not 16..64),
 * PHI_ERR_CRYPTO. */
enum phi_err phi_share_split(struct phi_view secret, uint8_t needed, uint8_t count,
                             const struct phi_share *about, struct phi_share *out) PHI_MUST_USE;

/* The caller wipes `secret`. Errors: PHI_ERR_KEY (too few, one twice, of different back-ups). */
enum phi_err phi_share_join(const struct phi_share *shares, size_t count,
                            uint8_t secret[PHI_KEY_SECRET_MAX], size_t *len,
                            struct phi_error *error) PHI_MUST_USE;

/* Errors: PHI_ERR_CRYPTO. The caller wipes `out`. */
enum phi_err phi_share_format(const struct phi_share *share,
                              char out[PHI_SHARE_TEXT_MAX]) PHI_MUST_USE;
/* Errors: PHI_ERR_KEY (not of our form, or its checksum is wrong: mistyped), PHI_ERR_CRYPTO. */
enum phi_err phi_share_parse(struct phi_view text, struct phi_share *out,
                             struct phi_error *error) PHI_MUST_USE;

#endif
