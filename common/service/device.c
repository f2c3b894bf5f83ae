/* Where SM2 is done: in the process, or signing in a crypto machine. */
#include "service/parts.h"

#include "crypto/sdf.h"

#include <string.h>

#define PART "key-device"

static enum phi_err read_keys(const struct phi_config *config, struct phi_sdf_key *keys,
                              size_t *count, struct phi_error *error)
{
    *count = phi_config_list_count(config, "PHI_SDF_KEYS");
    if (*count == 0 || *count > PHI_SDF_KEYS_MAX)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_SDF_KEYS", "not 1 to %d keys",
                             PHI_SDF_KEYS_MAX);
    for (size_t i = 0; i < *count; i++)
        if (phi_sdf_key_parse(phi_config_list_item(config, "PHI_SDF_KEYS", i), &keys[i]) != PHI_OK)
            return phi_error_set(error, PHI_ERR_CONFIG, "PHI_SDF_KEYS",
                                 "not use:index, such as code:1");
    return PHI_OK;
}

static enum phi_err open_machine(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_config *config = service->config;
    struct phi_sdf_key keys[PHI_SDF_KEYS_MAX];
    struct phi_sdf_options options = {
        .library = phi_config_text(config, "PHI_SDF_LIBRARY"),
        .password = phi_config_text(config, "PHI_SDF_PASSWORD_FILE"),
        .keys = keys,
        .sessions = (size_t)phi_config_int(config, "PHI_SDF_SESSIONS"),
        .timeout_ms = phi_config_int(config, "PHI_SDF_TIMEOUT_MS"),
        .probe_ms = phi_config_int(config, "PHI_SDF_PROBE_MS"),
    };
    if (options.library == NULL || options.password == NULL)
        return phi_error_set(error, PHI_ERR_CONFIG,
                             options.library == NULL ? "PHI_SDF_LIBRARY" : "PHI_SDF_PASSWORD_FILE",
                             "needed by PHI_SM2_BACKEND=sdf");
    PHI_GUARD(read_keys(config, keys, &options.key_count, error));
    PHI_GUARD(phi_sdf_open(&options, &service->sdf, error));
    phi_sdf_use_for_files(service->sdf);
out:
    return err;
}

enum phi_err phi_service_device_open(struct phi_service *service, struct phi_error *error)
{
    const char *backend = phi_config_text(service->config, "PHI_SM2_BACKEND");
    if (strcmp(backend, "sdf") == 0)
        return open_machine(service, error);
    if (phi_sm2_backend_use(backend) != PHI_OK)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_SM2_BACKEND", "no such backend");
    return PHI_OK;
}

void phi_service_device_close(struct phi_service *service)
{
    phi_sdf_close(service->sdf);
    service->sdf = NULL;
}

void phi_service_device_look(struct phi_service *service)
{
    if (service->sdf != NULL)
        phi_service_set_degraded(service, PART, phi_sdf_state(service->sdf) != PHI_SDF_WORKING);
}

const char *phi_service_device_missing(const struct phi_service *service)
{
    bool is_down = service->sdf != NULL && phi_sdf_state(service->sdf) == PHI_SDF_DOWN;
    return is_down ? PART : NULL;
}
