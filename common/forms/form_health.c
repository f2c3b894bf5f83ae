#include "forms/form.h"

#include "codes/region.h"

#include <string.h>

#define STAYS_MAX   50
#define DOSES_MAX   20
#define MAKER_MAX   32
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

/* A calendar date, as it was written, and none to come. */
static enum phi_err move_day(const struct phi_json_at *object, const char *field, bool required,
                             int64_t now_us, json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_date day;
    bool is_there = true;
    char today[PHI_RFC3339_MAX];
    if (required)
        PHI_GUARD(phi_json_date(object, field, &day, error));
    else
        PHI_GUARD(phi_json_date_opt(object, field, &day, &is_there, error));
    if (!is_there)
        return PHI_OK;
    phi_rfc3339_format(now_us, today);
    if (strncmp(day.text, today, 10) > 0)
        return phi_json_refuse(object, field, PHI_ERR_RULE, "in the future", error);
    PHI_GUARD(form_put_text(to, field, day.text));
out:
    return err;
}

static enum phi_err move_region(const struct phi_json_at *object, const char *field, json_t *to,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *region = NULL;
    struct phi_json_at at;
    PHI_GUARD(phi_json_member(object, field, false, &at, error));
    if (at.value == NULL)
        return PHI_OK;
    PHI_GUARD(form_region(object, field, &region, error));
    PHI_GUARD(form_put_text(to, field, region));
out:
    return err;
}

/* One vaccination; `dose` numbers it. */
static enum phi_err read_vaccination(const struct phi_json_at *at, int64_t now_us, json_t *to,
                                     int64_t *dose, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"dose", "date", "vaccine", "manufacturer", "region"};
    struct phi_json_at vaccine;
    const char *code = NULL, *maker = NULL;
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(phi_json_int(at, "dose", 1, DOSES_MAX, dose, error));
    PHI_GUARD(form_put(to, "dose", json_integer(*dose)));
    PHI_GUARD(move_day(at, "date", true, now_us, to, error));
    PHI_GUARD(phi_json_member(at, "vaccine", true, &vaccine, error));
    PHI_GUARD(form_code(&vaccine, "vaccine", &code, error));
    PHI_GUARD(form_put_text(to, "vaccine", code));
    PHI_GUARD(phi_json_word_opt(at, "manufacturer", MAKER_MAX, NULL, &maker, error));
    PHI_GUARD(form_put_text(to, "manufacturer", maker));
    PHI_GUARD(move_region(at, "region", to, error));
out:
    return err;
}

/* In the order of their numbers, and no fewer doses declared than numbered. */
static enum phi_err read_vaccinations(const struct phi_json_at *health, int64_t now_us,
                                      json_t *content, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at array;
    size_t count = 0;
    int64_t dose = 0, last = 0;
    const json_t *doses = json_object_get(content, "vaccinationDoses");
    PHI_GUARD(phi_json_array_opt(health, "vaccinations", 0, DOSES_MAX, &array, &count, error));
    if (count == 0)
        return PHI_OK;
    json_t *list = json_array();
    PHI_GUARD(form_put(content, "vaccinations", list));
    for (size_t i = 0; i < count; i++, last = dose) {
        struct phi_json_at item = phi_json_item(&array, i);
        json_t *one = json_object();
        PHI_GUARD(json_array_append_new(list, one) == 0 ? PHI_OK : PHI_ERR_MEMORY);
        PHI_GUARD(read_vaccination(&item, now_us, one, &dose, error));
        if (dose <= last)
            return phi_json_refuse(&item, "dose", PHI_ERR_RULE, "not after the one before", error);
    }
    if (doses != NULL && json_integer_value(doses) < last)
        return phi_json_refuse(health, "vaccinationDoses", PHI_ERR_RULE,
                               "fewer than the vaccinations tell", error);
out:
    return err;
}

static enum phi_err read_health(const struct phi_json_at *health, int64_t now_us,
                                struct form_health *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"observedAt",       "temperature",  "symptoms",
                                          "contact",          "isolation",    "riskStays",
                                          "vaccinationDoses", "vaccinations", "note"};
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
    PHI_GUARD(read_vaccinations(health, now_us, out->content, error));
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
    PHI_GUARD(move_region(basic, "registeredRegion", form.basic, error));
    PHI_GUARD(move_day(basic, "birthDate", false, now_us, form.basic, error));
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
