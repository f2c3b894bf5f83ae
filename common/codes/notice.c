#include "codes/notice.h"

#include <string.h>

enum phi_err phi_notice_key(const struct phi_hmac_key *bus_key, struct phi_view app_id,
                            uint8_t out[PHI_NOTICE_KEY_LEN])
{
    const struct phi_view parts[] = {phi_view_text("notice\n"), app_id};
    return phi_hmac_sm3(bus_key, parts, 2, out);
}

enum phi_err phi_notice_person(const uint8_t key[PHI_NOTICE_KEY_LEN], struct phi_view custom_number,
                               uint8_t out[PHI_NOTICE_PERSON_LEN])
{
    enum phi_err err = PHI_OK;
    uint8_t mac[PHI_SM3_LEN];
    struct phi_hmac_key *own = NULL;
    PHI_GUARD(phi_hmac_key_new(phi_view_of(key, PHI_NOTICE_KEY_LEN), &own));
    PHI_GUARD(phi_hmac_sm3(own, &custom_number, 1, mac));
    memcpy(out, mac, PHI_NOTICE_PERSON_LEN);
out:
    phi_hmac_key_free(own);
    return err;
}
