/* What a key file holds, whatever its kind: for making, moving, backing up and ending keys
 * (phictl). A service never needs the bytes of a signing key; it reads them with crypto/key.h.
 *
 *   struct phi_key_content content;
 *   PHI_GUARD(phi_key_content_read(path, password, &content, error));
 *   … content.kind, content.id, content.bytes …
 *   phi_wipe(&content, sizeof(content));
 *
 * SM2 pairs and symmetric keys lie in PKCS#8 under the password, CURVE secrets as a line of hex.
 * Reading and writing block on the disk and derive a key from the password (some 50 ms each).
 */
#ifndef PHI_CRYPTO_CUSTODY_H
#define PHI_CRYPTO_CUSTODY_H

#include "crypto/manifest.h"

#define PHI_KEY_CURVE_LEN 32

struct phi_key_content {
    enum phi_key_kind kind;
    uint8_t bytes[PHI_KEY_SECRET_MAX]; /* SM2: the scalar */
    size_t len;
    char id[PHI_KEY_ID_LEN + 1];
};

/* Checks the bytes and gives them their id. Errors: PHI_ERR_KEY (no key of that kind),
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_key_content_of(enum phi_key_kind kind, struct phi_view bytes,
                                struct phi_key_content *out) PHI_MUST_USE;

/* A new random key; `len` counts for symmetric ones only. Errors: PHI_ERR_KEY (length, or CURVE,
 * which is the rpc room's to make), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_key_content_new(enum phi_key_kind kind, size_t len,
                                 struct phi_key_content *out) PHI_MUST_USE;

/* Finds the kind out. Errors: as phi_key_read_sm2. */
enum phi_err phi_key_content_read(const char *path, const char *password,
                                  struct phi_key_content *out,
                                  struct phi_error *error) PHI_MUST_USE;

/* A new file of mode 0600; never overwrites one. Errors: as phi_key_write_sm2. */
enum phi_err phi_key_content_write(const char *path, const char *password,
                                   const struct phi_key_content *content) PHI_MUST_USE;

/* Errors: PHI_ERR_KEY (not an SM2 pair), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_key_content_public(const struct phi_key_content *content,
                                    uint8_t xy[PHI_SM2_PUBLIC_LEN]) PHI_MUST_USE;

/* Overwrites a file with random bytes, on the disk before it is taken away: what a copy-on-write
 * file system or a flash disk keeps elsewhere is out of reach, so who needs certainty destroys the
 * password too. Errors: PHI_ERR_IO, PHI_ERR_CRYPTO. */
enum phi_err phi_key_file_destroy(const char *path) PHI_MUST_USE;

#endif
