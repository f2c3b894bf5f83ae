#include "crypto/key.h"

#include "crypto/keys/device.h"
#include "crypto/keys/file.h"
#include "crypto/keys/pkcs8.h"
#include "crypto/sm2/backend.h"
#include "crypto/sm3.h"

#include <string.h>

static enum phi_err write_wrapped(const char *path, enum phi_pkcs8_kind kind, const char *password,
                                  struct phi_view content)
{
    uint8_t pem[PHI_KEYFILE_MAX];
    size_t len = 0;
    enum phi_err err = phi_pkcs8_wrap(kind, password, content, pem, sizeof(pem), &len);
    return err == PHI_OK ? phi_keyfile_write(path, 0600, phi_view_of(pem, len)) : err;
}

static enum phi_err read_wrapped(const char *path, enum phi_pkcs8_kind kind, const char *password,
                                 uint8_t *out, size_t size, size_t *len, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t pem[PHI_KEYFILE_MAX];
    size_t pem_len = 0;
    const char *why = "";
    PHI_GUARD(phi_keyfile_read(path, true, pem, sizeof(pem), &pem_len, error));
    err = phi_pkcs8_unwrap(kind, password, phi_view_of(pem, pem_len), out, size, len, &why);
    if (err != PHI_OK)
        (void)phi_error_set(error, err, phi_keyfile_name(path), "%s", why);
out:
    return err;
}

enum phi_err phi_key_write_sm2(const char *path, const char *password,
                               const struct phi_sm2_private *key)
{
    uint8_t content[32 + PHI_SM2_PUBLIC_LEN];
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_sm2_private_scalar(key, content));
    phi_sm2_private_public(key, content + 32);
    PHI_GUARD(write_wrapped(path, PHI_PKCS8_SM2, password, phi_view_of(content, sizeof(content))));
out:
    phi_wipe(content, sizeof(content));
    return err;
}

enum phi_err phi_key_read_sm2(const char *path, const char *password, struct phi_sm2_private **out,
                              struct phi_error *error)
{
    uint8_t scalar[PHI_SM2_SCALAR_LEN];
    size_t len = 0;
    enum phi_err err = PHI_OK;
    if (phi_keyfile_is_device(path))
        return phi_keyfile_device(path, out, error);
    PHI_GUARD(read_wrapped(path, PHI_PKCS8_SM2, password, scalar, sizeof(scalar), &len, error));
    err = phi_sm2_private_new(scalar, out);
    if (err != PHI_OK)
        (void)phi_error_set(error, err, phi_keyfile_name(path), "the key is out of range");
out:
    phi_wipe(scalar, sizeof(scalar));
    return err;
}

enum phi_err phi_key_write_secret(const char *path, const char *password, struct phi_view secret)
{
    return write_wrapped(path, PHI_PKCS8_SECRET, password, secret);
}

enum phi_err phi_key_read_secret(const char *path, const char *password, uint8_t *out, size_t size,
                                 size_t *len, struct phi_error *error)
{
    return read_wrapped(path, PHI_PKCS8_SECRET, password, out, size, len, error);
}

enum phi_err phi_public_write(const char *path, const uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    uint8_t pem[1024];
    size_t len = 0;
    enum phi_err err = phi_spki_write(xy, pem, sizeof(pem), &len);
    return err == PHI_OK ? phi_keyfile_write(path, 0644, phi_view_of(pem, len)) : err;
}

enum phi_err phi_public_read(const char *path, uint8_t xy[PHI_SM2_PUBLIC_LEN],
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t pem[PHI_KEYFILE_MAX];
    size_t len = 0;
    PHI_GUARD(phi_keyfile_read(path, false, pem, sizeof(pem), &len, error));
    err = phi_spki_read(phi_view_of(pem, len), xy);
    if (err != PHI_OK)
        (void)phi_error_set(error, err, phi_keyfile_name(path), "not an SM2 public key");
out:
    return err;
}

enum phi_err phi_key_id_of(const uint8_t xy[PHI_SM2_PUBLIC_LEN], char out[PHI_KEY_ID_LEN + 1])
{
    return phi_key_id_of_secret(phi_view_of(xy, PHI_SM2_PUBLIC_LEN), out);
}

enum phi_err phi_key_id_of_secret(struct phi_view secret, char out[PHI_KEY_ID_LEN + 1])
{
    uint8_t digest[PHI_SM3_LEN];
    enum phi_err err = phi_sm3(secret, digest);
    if (err == PHI_OK)
        phi_hex_encode(phi_view_of(digest, PHI_KEY_ID_LEN / 2), out);
    return err;
}
