/* The sealed ward and mandate of an application on behalf of somebody. */
#include "svc-codegen/applications/application.h"

enum phi_err application_open_behalf(const struct phi_seal_key *key, struct phi_view sealed,
                                     struct phi_arena *arena, struct application_terms *out)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    struct phi_json_at root;
    PHI_GUARD(phi_unseal(key, APPLICATION_BEHALF, out->subject, sealed, arena, &plain));
    PHI_GUARD(phi_json_read(plain, 2, arena, &root, NULL));
    const struct {
        const char *member;
        struct phi_view *to;
    } person[] = {{"name", &out->ward.name},
                  {"idType", &out->ward.id_type},
                  {"idNo", &out->ward.id_no},
                  {"country", &out->ward.country}};
    for (size_t i = 0; i < sizeof(person) / sizeof(person[0]); i++) {
        const char *text = NULL;
        PHI_GUARD(phi_json_text(&root, person[i].member, 1, 256, &text, NULL));
        *person[i].to = phi_view_text(text);
    }
    PHI_GUARD(phi_json_text(&root, "mandateId", 1, 64, &out->mandate.mandate_id, NULL));
    PHI_GUARD(phi_json_text(&root, "issuer", 1, 64, &out->mandate.issuer, NULL));
    PHI_GUARD(phi_json_text(&root, "relation", 1, 64, &out->mandate.relation, NULL));
out:
    return err == PHI_OK || err == PHI_ERR_MEMORY ? err : PHI_ERR_DATA_BROKEN;
}
