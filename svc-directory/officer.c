#include "svc-directory/officer.h"

#include "bus/signed.h"
#include "json/canonical.h"

#include <string.h>

enum phi_err officer_of(struct phi_api_call *call, const char *role, struct officer *out,
                        struct phi_error *error)
{
    const struct phi_registry_staff *staff = phi_api_who(call)->staff;
    bool is_one = staff != NULL && phi_words_has(&staff->roles, role) &&
                  phi_words_has(&staff->regions, phi_service_region(phi_api_service(call)));
    if (!is_one)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer of this province's %s", role);
    out->unit = staff->unit;
    return phi_api_who_digest(call, out->digest);
}

enum phi_err officer_second(struct phi_view first, const char *unit, const struct officer *second,
                            struct phi_error *error)
{
    if (phi_view_equal(first, phi_view_of(second->digest, PHI_SM3_LEN)))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "whoever asked for it can't approve it");
    if (strcmp(unit, second->unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the approval must come from another unit");
    return PHI_OK;
}

enum phi_err officer_tell(struct phi_api_call *call, const char *matter, json_t *json,
                          const struct officer *officer)
{
    enum phi_err err = PHI_OK;
    char who[2 * PHI_SM3_LEN + 1], at[PHI_RFC3339_MAX], type[64];
    uint8_t key[PHI_SM3_LEN];
    const struct directory *directory = directory_of(call);
    const struct phi_signer signer = {directory->directory_key_id, directory->directory_key};
    snprintf(type, sizeof(type), "cn.phi.audit.%s", matter);
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "audit"),
                              .type = phi_arena_text(phi_api_arena(call), phi_view_text(type)),
                              .key = phi_view_of(key, PHI_SUBJECT_LEN)};
    phi_hex_encode(phi_view_of(officer->digest, PHI_SM3_LEN), who);
    phi_rfc3339_format(phi_api_now_us(call), at);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(event.type == NULL ? PHI_ERR_MEMORY : PHI_OK);
    bool is_told = json_object_set_new(json, "officer", json_string(who)) == 0 &&
                   json_object_set_new(json, "unit", json_string(officer->unit)) == 0 &&
                   json_object_set_new(json, "at", json_string(at)) == 0;
    PHI_GUARD(is_told ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_sm3(phi_view_text(matter), key));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event.value));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)phi_api_now_us(call), phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}
