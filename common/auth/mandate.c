#include "auth/mandate.h"

#include "codes/consent.h"
#include "codes/idtype.h"
#include "json/canonical.h"

#include <stdio.h>
#include <string.h>

#define DAY_US (86400 * 1000000LL)

enum phi_err phi_mandate_read_person(const struct phi_json_at *at, struct phi_person *out,
                                     struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"name", "idType", "idNo", "country"};
    const char *name = NULL, *id_type = NULL, *id_no = NULL, *country = NULL;
    struct phi_error found = {.code = PHI_OK};
    PHI_GUARD(phi_json_only(at, members, 4, error));
    PHI_GUARD(phi_json_text(at, "name", 1, PHI_CONSENT_NAME_MAX, &name, error));
    PHI_GUARD(phi_json_word(at, "idType", 3, &id_type, error));
    PHI_GUARD(phi_json_text(at, "idNo", 1, PHI_ID_NO_MAX, &id_no, error));
    PHI_GUARD(phi_json_word(at, "country", 3, &country, error));
    if (strchr(name, '|') != NULL)
        return phi_json_refuse(at, "name", PHI_ERR_RULE, "no record can hold it", error);
    if (phi_idtype_check(id_type, phi_view_text(id_no), country, &found) != PHI_OK)
        return phi_json_refuse(at, found.place, PHI_ERR_RULE, found.text, error);
    *out = (struct phi_person){.name = phi_view_text(name),
                               .id_type = phi_view_text(id_type),
                               .id_no = phi_view_text(id_no),
                               .country = phi_view_text(country)};
out:
    return err;
}

static enum phi_err read_mandate(const struct phi_json_at *at, struct phi_mandate *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"mandateId", "relation", "issuer",   "keySerial",
                                          "from",      "until",    "signature"};
    size_t len = 0;
    PHI_GUARD(phi_json_only(at, members, 7, error));
    PHI_GUARD(phi_json_word(at, "mandateId", PHI_MANDATE_WORD_MAX, &out->mandate_id, error));
    PHI_GUARD(phi_json_word(at, "relation", PHI_MANDATE_WORD_MAX, &out->relation, error));
    PHI_GUARD(phi_json_word(at, "issuer", PHI_APP_ID_MAX, &out->issuer, error));
    PHI_GUARD(phi_json_word(at, "keySerial", PHI_KEY_SERIAL_LEN, &out->key_serial, error));
    PHI_GUARD(phi_json_text(at, "from", 1, PHI_RFC3339_MAX, &out->from, error));
    PHI_GUARD(phi_json_text(at, "until", 1, PHI_RFC3339_MAX, &out->until, error));
    PHI_GUARD(phi_json_time(at, "from", &out->from_us, error));
    PHI_GUARD(phi_json_time(at, "until", &out->until_us, error));
    PHI_GUARD(phi_json_base64(at, "signature", PHI_SM2_SIG_LEN, PHI_SM2_SIG_LEN, out->signature,
                              &len, error));
out:
    return err;
}

enum phi_err phi_mandate_read(const struct phi_json_at *at, struct phi_mandate *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"ward", "mandate"};
    struct phi_json_at ward, mandate;
    PHI_GUARD(phi_json_only(at, members, 2, error));
    PHI_GUARD(phi_json_object(at, "ward", &ward, error));
    PHI_GUARD(phi_json_object(at, "mandate", &mandate, error));
    PHI_GUARD(phi_mandate_read_person(&ward, &out->ward, error));
    PHI_GUARD(read_mandate(&mandate, out, error));
out:
    return err;
}

enum phi_err phi_mandate_statement(const struct phi_mandate *mandate,
                                   const struct phi_person *guardian, const char *region,
                                   struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    const struct phi_person *g = guardian, *w = &mandate->ward;
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s%, s:s%, s:s%}, s:{s:s%, s:s%, s:s%, s:s%}}", "type",
        PHI_MANDATE_TYPE, "region", region, "mandateId", mandate->mandate_id, "relation",
        mandate->relation, "from", mandate->from, "until", mandate->until, "guardian", "idType",
        g->id_type.data, g->id_type.len, "idNo", g->id_no.data, g->id_no.len, "country",
        g->country.data, g->country.len, "ward", "name", w->name.data, w->name.len, "idType",
        w->id_type.data, w->id_type.len, "idNo", w->id_no.data, w->id_no.len, "country",
        w->country.data, w->country.len);
    PHI_GUARD(json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(json, arena, out));
out:
    json_decref(json);
    return err;
}

static enum phi_err refuse(struct phi_error *error, const char *member, const char *reason)
{
    char place[64];
    snprintf(place, sizeof(place), "$.onBehalfOf.mandate%s%s", member[0] ? "." : "", member);
    return phi_error_set(error, PHI_ERR_MANDATE, place, "%s", reason);
}

static enum phi_err check_time(const struct phi_mandate *mandate, const struct phi_mandate_ask *ask,
                               struct phi_error *error)
{
    if (mandate->until_us <= mandate->from_us ||
        mandate->until_us - mandate->from_us > ask->max_days * DAY_US)
        return refuse(error, "until", "not after its beginning, or too long");
    if (ask->now_us < mandate->from_us || ask->now_us >= mandate->until_us)
        return refuse(error, "until", "not in force now");
    return PHI_OK;
}

enum phi_err phi_mandate_check(const struct phi_mandate *mandate, const struct phi_mandate_ask *ask,
                               struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view statement;
    const struct phi_registry_app *issuer = phi_registry_app(ask->registry, mandate->issuer);
    if (issuer == NULL || issuer->suspended || !phi_words_has(&issuer->roles, PHI_MANDATE_ROLE))
        return refuse(error, "issuer", "no institution that issues mandates");
    const struct phi_registry_key *key =
        phi_registry_app_key(issuer, mandate->key_serial, ask->now_us);
    if (key == NULL)
        return refuse(error, "keySerial", "no key of the issuer in force");
    PHI_GUARD(check_time(mandate, ask, error));
    PHI_GUARD(phi_mandate_statement(mandate, ask->guardian, ask->region, arena, &statement));
    err = phi_sm2_verify(key->public_key, statement, mandate->signature);
    if (err == PHI_ERR_SIGNATURE)
        return refuse(error, "signature",
                      "not the issuer's for this guardian, this ward and these terms");
out:
    return err;
}
