#include "forms/form.h"

/* The middle of "idType|idNo|country". */
static struct phi_view canonical_number(struct phi_view canonical)
{
    return phi_view_of(canonical.data + 4, canonical.len - 8);
}

enum phi_err form_person(const struct phi_person *person, struct phi_arena *arena, json_t **out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view canonical;
    PHI_GUARD(phi_subject_canonical(person, arena, &canonical, error));
    struct phi_view number = canonical_number(canonical);
    json_t *json = json_pack("{s:s%, s:s%, s:s%, s:s%}", "name", (const char *)person->name.data,
                             person->name.len, "idType", (const char *)person->id_type.data,
                             person->id_type.len, "idNo", (const char *)number.data, number.len,
                             "country", (const char *)person->country.data, person->country.len);
    PHI_GUARD(phi_json_keep(arena, json));
    *out = json;
out:
    return err;
}
