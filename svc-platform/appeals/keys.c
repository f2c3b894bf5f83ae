#include "svc-platform/appeals/appeals.h"

#include "base/log.h"
#include "crypto/key.h"

#include <stdlib.h>

/* Both or none: a platform of before has neither. */
static enum phi_err open_key(struct phi_service *service, const char *variable,
                             struct phi_sm2_private **out, struct phi_error *error)
{
    enum phi_err err = phi_service_key_sm2(service, variable, out, error);
    bool is_missing =
        err == PHI_ERR_CONFIG && phi_config_text(phi_service_config(service), variable) == NULL;
    return is_missing ? PHI_OK : err;
}

enum phi_err appeals_open(struct phi_service *service, struct appeals **out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct appeals *appeals = calloc(1, sizeof(*appeals));
    PHI_GUARD(appeals == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(open_key(service, "PHI_INTAKE_KEY_FILE", &appeals->intake_key, error));
    PHI_GUARD(open_key(service, "PHI_CORRECTION_KEY_FILE", &appeals->correction_key, error));
    if (appeals->intake_key == NULL || appeals->correction_key == NULL) {
        phi_log(PHI_LOG_INFO, "no_appeals", PHI_L_WORD("without", "keys"));
        goto out;
    }
    phi_sm2_private_public(appeals->correction_key, xy);
    PHI_GUARD(phi_key_id_of(xy, appeals->correction_serial));
    *out = appeals;
    appeals = NULL;
out:
    appeals_close(appeals);
    return err;
}

void appeals_close(struct appeals *appeals)
{
    if (appeals == NULL)
        return;
    phi_sm2_private_free(appeals->intake_key);
    phi_sm2_private_free(appeals->correction_key);
    free(appeals);
}
