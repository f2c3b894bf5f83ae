#include "crypto/random.h"
#include "picture/mark.h"
#include "picture/picture.h"
#include "service/service.h"

enum phi_err phi_service_pictures_open(struct phi_service *service, struct phi_mark_key **out,
                                       struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_MARK_SECRET_LEN];
    struct phi_counter *uses = NULL;
    struct phi_mark_key *key = NULL;
    PHI_GUARD(
        phi_service_key_bytes(service, "PHI_MARK_KEY_FILE", secret, sizeof(secret), &uses, error));
    PHI_GUARD(phi_mark_key_new(phi_view_of(secret, sizeof(secret)), &key));
    phi_mark_key_count(key, uses);
    PHI_GUARD(phi_picture_warm_up());
    *out = key;
    key = NULL;
out:
    phi_mark_key_free(key);
    phi_wipe(secret, sizeof(secret));
    return err;
}
