/* Key files: PKCS#8 under a password (PEM "ENCRYPTED PRIVATE KEY", PBES2), public keys as
 * SubjectPublicKeyInfo (PEM "PUBLIC KEY").
 *
 *   struct phi_sm2_private *key = NULL;
 *   PHI_GUARD(phi_key_read_sm2("/etc/phi/sign.key", password, &key, error));
 *   …
 *   phi_sm2_private_free(key);
 *
 * Where a crypto machine holds the private half (crypto/sdf.h), the file's one line is "sdf:<use>",
 * mode 0600 too: phi_key_read_sm2 gives the machine's pair, nothing else is in the file.
 *
 * Symmetric keys lie in the same container under an algorithm id of our own (docs/codes.md).
 * All of these read or write a file and derive a key from a password (some 100 ms): for the start
 * of a program and for phictl, not for a request. Any thread. `error` may be NULL; its place is the
 * file's name without its folder, its text never repeats what the file holds.
 */
#ifndef PHI_CRYPTO_KEY_H
#define PHI_CRYPTO_KEY_H

#include "crypto/sm2.h"

#define PHI_KEY_ID_LEN     16 /* hex digits */
#define PHI_KEY_SECRET_MIN 16
#define PHI_KEY_SECRET_MAX 64

/* Writes a new file of mode 0600; never overwrites one.
 * Errors: PHI_ERR_IO (exists, can't be written), PHI_ERR_KEY (empty password, a key that can't
 * leave its device), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_key_write_sm2(const char *path, const char *password,
                               const struct phi_sm2_private *key) PHI_MUST_USE;

/* Reads what phi_key_write_sm2 or another PKCS#8 writer wrote; the caller frees the key.
 * Errors: PHI_ERR_IO (can't be read), PHI_ERR_KEY (mode wider than 0600, not a regular file, wrong
 * password, not an SM2 key, a use that the machine doesn't have or no machine), PHI_ERR_CRYPTO,
 * PHI_ERR_MEMORY. */
enum phi_err phi_key_read_sm2(const char *path, const char *password, struct phi_sm2_private **out,
                              struct phi_error *error) PHI_MUST_USE;

/* A symmetric key of 16..64 bytes. Errors: as phi_key_write_sm2; PHI_ERR_KEY also for the length.
 */
enum phi_err phi_key_write_secret(const char *path, const char *password,
                                  struct phi_view secret) PHI_MUST_USE;

/* `out` has room for `size` bytes; the caller wipes it. Errors: as phi_key_read_sm2; PHI_ERR_KEY
 * also when the key is longer than `size`. */
enum phi_err phi_key_read_secret(const char *path, const char *password, uint8_t *out, size_t size,
                                 size_t *len, struct phi_error *error) PHI_MUST_USE;

/* Writes a new file of mode 0644; never overwrites one. Errors: PHI_ERR_IO, PHI_ERR_KEY (not on the
 * curve), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_public_write(const char *path, const uint8_t xy[PHI_SM2_PUBLIC_LEN]) PHI_MUST_USE;

/* Errors: PHI_ERR_IO, PHI_ERR_KEY (not an SM2 public key), PHI_ERR_MEMORY. */
enum phi_err phi_public_read(const char *path, uint8_t xy[PHI_SM2_PUBLIC_LEN],
                             struct phi_error *error) PHI_MUST_USE;

/* The key serial used everywhere: the first 16 hex digits of SM3(x‖y), lower case, ended by a zero.
 * Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_key_id_of(const uint8_t xy[PHI_SM2_PUBLIC_LEN],
                           char out[PHI_KEY_ID_LEN + 1]) PHI_MUST_USE;

/* The same for a symmetric key: the first 16 hex digits of SM3(key); sealed bytes name it by the
 * first 8. Errors: as phi_key_id_of. */
enum phi_err phi_key_id_of_secret(struct phi_view secret,
                                  char out[PHI_KEY_ID_LEN + 1]) PHI_MUST_USE;

#endif
