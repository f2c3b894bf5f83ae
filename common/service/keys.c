#include "crypto/sm3.h"
#include "service/parts.h"

#include <string.h>

/* The key readers know the file; the operator knows the variable. */
static enum phi_err name_variable(struct phi_error *error, enum phi_err err, const char *variable)
{
    if (err != PHI_OK && error != NULL) {
        error->code = err;
        strncpy(error->place, variable, sizeof(error->place) - 1);
    }
    return err;
}

static const char *password_of(struct phi_service *service)
{
    return phi_config_text(service->config, "PHI_KEY_PASSWORD_FILE");
}

enum phi_err phi_service_key_sm2(struct phi_service *service, const char *variable,
                                 struct phi_sm2_private **out, struct phi_error *error)
{
    const char *path = phi_config_text(service->config, variable);
    return name_variable(error, phi_key_read_sm2(path, password_of(service), out, error), variable);
}

static enum phi_err secret_read(struct phi_service *service, const char *variable,
                                uint8_t secret[PHI_KEY_SECRET_MAX], size_t *len,
                                struct phi_error *error)
{
    const char *path = phi_config_text(service->config, variable);
    return name_variable(
        error,
        phi_key_read_secret(path, password_of(service), secret, PHI_KEY_SECRET_MAX, len, error),
        variable);
}

enum phi_err phi_service_key_hmac(struct phi_service *service, const char *variable,
                                  struct phi_hmac_key **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t len = 0;
    PHI_GUARD(secret_read(service, variable, secret, &len, error));
    PHI_GUARD(name_variable(error, phi_hmac_key_new(phi_view_of(secret, len), out), variable));
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

enum phi_err phi_service_key_seal(struct phi_service *service, const char *variable,
                                  struct phi_seal_key **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_KEY_SECRET_MAX];
    uint8_t digest[PHI_SM3_LEN];
    size_t len = 0;
    PHI_GUARD(secret_read(service, variable, secret, &len, error));
    PHI_GUARD(phi_sm3(phi_view_of(secret, len), digest));
    struct phi_reader in = phi_reader_of(phi_view_of(digest, 4));
    PHI_GUARD(name_variable(
        error, phi_seal_key_new(phi_read_u32(&in), phi_view_of(secret, len), out), variable));
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

enum phi_err phi_service_key_bytes(struct phi_service *service, const char *variable, uint8_t *out,
                                   size_t len, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t got = 0;
    PHI_GUARD(secret_read(service, variable, secret, &got, error));
    if (got == len)
        memcpy(out, secret, len);
    else
        err = phi_error_set(error, PHI_ERR_KEY, variable, "not a key of %zu bytes", len);
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}
