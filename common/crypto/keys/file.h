/* Key files on disk: bounded reading with the mode checked, writing without overwriting. Inside the
 * crypto room only.
 *
 *   PHI_GUARD(phi_keyfile_read(path, true, buffer, sizeof(buffer), &len, error));
 *   PHI_GUARD(phi_keyfile_write(path, 0600, data));
 */
#ifndef PHI_CRYPTO_KEYS_FILE_H
#define PHI_CRYPTO_KEYS_FILE_H

#include "base/bytes.h"

#define PHI_KEYFILE_MAX 8192

/* The file's name without its folder, for an error's place. */
const char *phi_keyfile_name(const char *path);

/* Errors: PHI_ERR_IO, PHI_ERR_KEY (not a regular file, longer than `size`, or `is_secret` and a
 * mode wider than 0600). */
enum phi_err phi_keyfile_read(const char *path, bool is_secret, uint8_t *out, size_t size,
                              size_t *len, struct phi_error *error) PHI_MUST_USE;

/* A new file with that mode, on disk when this returns. Errors: PHI_ERR_IO (exists, or can't be
 * written). */
enum phi_err phi_keyfile_write(const char *path, unsigned mode, struct phi_view data) PHI_MUST_USE;

#endif
