#include "svc-declare/people/basic.h"
#include "svc-declare/people/settled.h"

#include "codes/age.h"
#include "json/canonical.h"

#include <string.h>

enum phi_err basic_check(const struct phi_person *person, const json_t *basic,
                         struct phi_error *error)
{
    uint8_t birth[8];
    const char *declared = json_string_value(json_object_get(basic, "birthDate"));
    if (declared == NULL || !phi_age_birth(person, birth))
        return PHI_OK;
    bool is_same = memcmp(declared, birth, 4) == 0 && memcmp(declared + 5, birth + 4, 2) == 0 &&
                   memcmp(declared + 8, birth + 6, 2) == 0;
    return is_same ? PHI_OK
                   : phi_error_set(error, PHI_ERR_RULE, "$.basic.birthDate",
                                   "not the date in the number of the document");
}

enum phi_err basic_keep(struct declaration *d, const json_t *basic, const char *region)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(d->call);
    struct phi_view plain, sealed;
    json_t *personal = json_copy(d->identity);
    PHI_GUARD(phi_json_keep(arena, personal));
    PHI_GUARD(json_object_update(personal, (json_t *)(uintptr_t)basic) == 0 ? PHI_OK
                                                                            : PHI_ERR_MEMORY);
    PHI_GUARD(phi_json_canonical(personal, arena, &plain));
    PHI_GUARD(phi_person_seal(declare_of(d->call)->keys.health, &d->key, BASIC_SEALED, plain, arena,
                              &sealed));
    const struct phi_param row[] = {
        PHI_BYTES_OF(d->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_TEXT(phi_api_app(d->call)->app_id),
        PHI_TEXT(region),
        PHI_BYTES(sealed),
        PHI_I64(phi_api_now_us(d->call)),
    };
    PHI_GUARD(phi_api_row(d->call, TABLE_BASIC, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(settled_tell(d->call, d->subject, SETTLED_BASIC,
                           json_pack("{s:s, s:s, s:s}", "app", phi_api_app(d->call)->app_id,
                                     "division", region, "sealed", settled_base64(arena, sealed))));
out:
    return err;
}

/* POST /v1/me/basic: for the first time or anew, without a declaration of health. */
enum phi_err declare_basic(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call), at;
    struct form_basic form;
    struct declaration *d = phi_arena_alloc(phi_api_arena(call), sizeof(*d));
    char changed[PHI_RFC3339_MAX];
    PHI_GUARD(d == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_object(&body, "basic", &at, error));
    PHI_GUARD(form_basic_read(&at, phi_api_now_us(call), phi_api_arena(call), &form, error));
    PHI_GUARD(declaration_begin(call, "declare.health", d, error));
    PHI_GUARD(basic_check(&d->acting.person, form.basic, error));
    PHI_GUARD(declaration_check(d, error));
    PHI_GUARD(declaration_find_key(d, error));
    PHI_GUARD(basic_keep(d, form.basic, form.region));
    phi_rfc3339_format(phi_api_now_us(call), changed);
    phi_api_data(call, json_pack("{s:s, s:b}", "changedAt", changed, "amended", d->has_basic));
out:
    return err;
}
