#include "svc-declare/people/acting.h"

#include "forms/form.h"

#include <string.h>

static enum phi_err check(struct phi_api_call *call, struct acting *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_view *view = NULL;
    struct phi_service *service = phi_api_service(call);
    PHI_GUARD(phi_registry_hold(phi_service_registry(service), phi_api_arena(call), &view));
    const struct phi_mandate_ask ask = {
        .registry = view,
        .guardian = &phi_api_who(call)->person,
        .region = phi_service_region(service),
        .max_days = phi_config_int(phi_service_config(service), "PHI_MANDATE_MAX_DAYS"),
        .now_us = phi_api_now_us(call)};
    PHI_GUARD(phi_mandate_check(&out->mandate, &ask, phi_api_arena(call), error));
out:
    return err;
}

enum phi_err acting_read(struct phi_api_call *call, struct acting *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call), behalf;
    const struct phi_hmac_key *index = declare_of(call)->keys.index;
    memset(out, 0, sizeof(*out));
    PHI_GUARD(phi_subject_index(index, &phi_api_who(call)->person, out->actor));
    out->person = phi_api_who(call)->person;
    memcpy(out->subject, out->actor, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_json_object_opt(&body, "onBehalfOf", &behalf, error));
    if (behalf.value == NULL)
        return PHI_OK;
    out->is_on_behalf = true;
    PHI_GUARD(phi_mandate_read(&behalf, &out->mandate, error));
    PHI_GUARD(check(call, out, error));
    out->person = out->mandate.ward;
    PHI_GUARD(phi_subject_index(index, &out->person, out->subject));
    if (phi_equal_secret(out->subject, out->actor, PHI_SUBJECT_LEN))
        return phi_error_set(error, PHI_ERR_MANDATE, "$.onBehalfOf.ward", "nobody else");
out:
    return err;
}

const char *acting_declarant(const struct acting *acting)
{
    static const char *const guardians[] = {"parent", "guardian", "grandparent"};
    const char *relation = acting->mandate.relation;
    for (size_t i = 0; i < sizeof(guardians) / sizeof(guardians[0]); i++)
        if (strcmp(relation, guardians[i]) == 0)
            return "guardian";
    return strcmp(relation, "community") == 0 ? "community" : "family";
}

enum phi_err acting_put(struct phi_api_call *call, const struct acting *acting, json_t *content,
                        json_t *personal, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *declarant = NULL;
    if (!acting->is_on_behalf)
        return PHI_OK;
    PHI_GUARD(form_person(&phi_api_who(call)->person, phi_api_arena(call), &declarant, error));
    const struct phi_mandate *m = &acting->mandate;
    bool is_put =
        json_object_set_new(declarant, "relation", json_string(m->relation)) == 0 &&
        json_object_set_new(declarant, "mandateId", json_string(m->mandate_id)) == 0 &&
        json_object_set_new(declarant, "issuer", json_string(m->issuer)) == 0 &&
        json_object_set(personal, "declarant", declarant) == 0 &&
        json_object_set_new(content, "declarant", json_string(acting_declarant(acting))) == 0;
    PHI_GUARD(is_put ? PHI_OK : PHI_ERR_MEMORY);
out:
    return err;
}
