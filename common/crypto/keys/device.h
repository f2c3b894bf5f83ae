/* Key files that name a key of the crypto machine: one line, "sdf:<use>". Inside the crypto room
 * only.
 *
 *   if (phi_keyfile_is_device(path))
 *       return phi_keyfile_device(path, &key, error);
 */
#ifndef PHI_CRYPTO_KEYS_DEVICE_H
#define PHI_CRYPTO_KEYS_DEVICE_H

#include "crypto/sm2.h"

/* False also when the file can't be read: whoever reads it next says so. */
bool phi_keyfile_is_device(const char *path);

/* The caller frees the key. Errors: PHI_ERR_KEY (no machine is open, or it has no such use),
 * PHI_ERR_IO, PHI_ERR_MEMORY. */
enum phi_err phi_keyfile_device(const char *path, struct phi_sm2_private **out,
                                struct phi_error *error) PHI_MUST_USE;

#endif
