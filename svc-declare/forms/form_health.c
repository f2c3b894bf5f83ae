#include "svc-declare/forms/form.h"

#include "codes/region.h"

#include <string.h>

#define STAYS_MAX   50
#define DOSES_MAX   20
#define ADDRESS_MAX 200
#define HISTORY_MAX 1000
#define NOTE_MAX    500
#define PHONE_MIN   5
#define PHONE_MAX   24

static const char *const contacts[] = {"none", "close", "secondary"};
static const char *const isolations[] = {"none", "home", "central"};
static const char *const sexes[] = {"0", "1", "2", "9"}; /* GB/T 2261.1 */

static enum phi_err read_doses(const struct phi_json_at *health, json_t *content,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t doses = 0;
    PHI_GUARD(phi_json_int_opt(health, "vaccinationDoses", 0, DOSES_MAX, -1, &doses, error));
    if (doses >= 0)
        PHI_GUARD(form_put(content, "vaccinationDoses", json_integer(doses)));
out:
    return err;
}

static enum phi_err read_health(const struct phi_json_at *health, int64_t now_us,
                                struct form_health *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"observedAt",       "temperature", "symptoms",
                                          "contact",          "isolation",   "riskStays",
                                          "vaccinationDoses", "note"};
    double temperature = 0;
    const char *note = NULL;
    PHI_GUARD(phi_json_only(health, members, FORM_COUNT(members), error));
    PHI_GUARD(form_past(health, "observedAt", now_us, &out->observed_us, error));
    PHI_GUARD(phi_json_number(health, "temperature", FORM_DEGREES_MIN, FORM_DEGREES_MAX,
                              &temperature, error));
    PHI_GUARD(form_put(out->content, "temperature", json_real(temperature)));
    PHI_GUARD(form_move_codes(health, "symptoms", "symptom", true, out->content, error));
    PHI_GUARD(
        form_move_choice(health, "contact", contacts, FORM_COUNT(contacts), out->content, error));
    PHI_GUARD(form_move_choice(health, "isolation", isolations, FORM_COUNT(isolations),
                               out->content, error));
    PHI_GUARD(form_move_stays(health, "riskStays", STAYS_MAX, now_us, out->content, error));
    PHI_GUARD(read_doses(health, out->content, error));
    PHI_GUARD(phi_json_lines_opt(health, "note", 1, NOTE_MAX, NULL, &note, error));
    PHI_GUARD(form_put_text(out->personal, "note", note));
out:
    return err;
}

/* An optional +, a digit, then digits and hyphens. */
static bool is_phone(const char *text)
{
    const char *at = text + (text[0] == '+');
    size_t len = strlen(at);
    return len >= PHONE_MIN && len < PHONE_MAX && at[0] >= '0' && at[0] <= '9' &&
           strspn(at, "0123456789-") == len;
}

static enum phi_err read_phone(const struct phi_json_at *basic, json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *phone = NULL;
    PHI_GUARD(phi_json_text(basic, "phone", PHONE_MIN, PHONE_MAX, &phone, error));
    if (!is_phone(phone))
        return phi_json_refuse(basic, "phone", PHI_ERR_FIELD_VALUE, "no telephone number", error);
    PHI_GUARD(form_put_text(to, "phone", phone));
out:
    return err;
}

static enum phi_err read_nationality(const struct phi_json_at *basic, json_t *to,
                                     struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *country = NULL;
    PHI_GUARD(phi_json_text_opt(basic, "nationality", 3, 3, NULL, &country, error));
    if (country != NULL && strspn(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        return phi_json_refuse(basic, "nationality", PHI_ERR_FIELD_VALUE, "no three letters",
                               error);
    if (country != NULL && !phi_country_is_valid(phi_view_text(country)))
        return phi_json_refuse(basic, "nationality", PHI_ERR_RULE, "no country of GB/T 2659",
                               error);
    PHI_GUARD(form_put_text(to, "nationality", country));
out:
    return err;
}

/* A calendar date, kept as it was written, and none to come. */
static enum phi_err read_birth(const struct phi_json_at *basic, int64_t now_us, json_t *to,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_date birth;
    bool is_there = false;
    char today[PHI_RFC3339_MAX];
    PHI_GUARD(phi_json_date_opt(basic, "birthDate", &birth, &is_there, error));
    if (!is_there)
        return PHI_OK;
    phi_rfc3339_format(now_us, today);
    if (strncmp(birth.text, today, 10) > 0)
        return phi_json_refuse(basic, "birthDate", PHI_ERR_RULE, "in the future", error);
    PHI_GUARD(form_put_text(to, "birthDate", birth.text));
out:
    return err;
}

static enum phi_err read_registered(const struct phi_json_at *basic, json_t *to,
                                    struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *region = NULL;
    struct phi_json_at at;
    PHI_GUARD(phi_json_member(basic, "registeredRegion", false, &at, error));
    if (at.value == NULL)
        return PHI_OK;
    PHI_GUARD(form_region(basic, "registeredRegion", &region, error));
    PHI_GUARD(form_put_text(to, "registeredRegion", region));
out:
    return err;
}

enum phi_err form_basic_read(const struct phi_json_at *basic, int64_t now_us,
                             struct phi_arena *arena, struct form_basic *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"sex",       "nationality",     "region",
                                          "address",   "phone",           "medicalHistory",
                                          "birthDate", "registeredRegion"};
    const char *address = NULL, *history = NULL;
    struct form_basic form = {0};
    PHI_GUARD(form_object(arena, &form.basic));
    PHI_GUARD(phi_json_only(basic, members, FORM_COUNT(members), error));
    PHI_GUARD(form_move_choice(basic, "sex", sexes, FORM_COUNT(sexes), form.basic, error));
    PHI_GUARD(read_nationality(basic, form.basic, error));
    PHI_GUARD(form_region(basic, "region", &form.region, error));
    PHI_GUARD(form_put_text(form.basic, "region", form.region));
    PHI_GUARD(read_registered(basic, form.basic, error));
    PHI_GUARD(read_birth(basic, now_us, form.basic, error));
    PHI_GUARD(phi_json_text(basic, "address", 1, ADDRESS_MAX, &address, error));
    PHI_GUARD(form_put_text(form.basic, "address", address));
    PHI_GUARD(read_phone(basic, form.basic, error));
    PHI_GUARD(phi_json_lines_opt(basic, "medicalHistory", 1, HISTORY_MAX, NULL, &history, error));
    PHI_GUARD(form_put_text(form.basic, "medicalHistory", history));
    *out = form;
out:
    return err;
}

static enum phi_err read_basic(const struct phi_json_at *basic, int64_t now_us,
                               struct phi_arena *arena, struct form_health *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct form_basic form;
    PHI_GUARD(form_basic_read(basic, now_us, arena, &form, error));
    out->basic = form.basic;
    out->basic_region = form.region;
    PHI_GUARD(form_put(out->personal, "basic", json_incref(out->basic)));
out:
    return err;
}

enum phi_err form_health_read(const struct phi_json_at *body, int64_t now_us,
                              struct phi_arena *arena, struct form_health *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct form_health form = {0};
    struct phi_json_at health, basic;
    PHI_GUARD(form_object(arena, &form.content));
    PHI_GUARD(form_object(arena, &form.personal));
    PHI_GUARD(phi_json_object(body, "health", &health, error));
    PHI_GUARD(read_health(&health, now_us, &form, error));
    PHI_GUARD(phi_json_object_opt(body, "basic", &basic, error));
    if (basic.value != NULL)
        PHI_GUARD(read_basic(&basic, now_us, arena, &form, error));
    *out = form;
out:
    return err;
}
