/* Birth date and sex beside an identity document, as a registry clerk would compare them. */
#include "forms/form.h"

#include <stdio.h>
#include <string.h>

#define DATE_LEN   10
#define NUMBER_LEN 18
#define BIRTH_AT   6  /* YYYYMMDD within the number */
#define SEX_AT     16 /* odd: male */

/* The 18 digits of a document that holds a birth date; NULL of any other. */
static const char *number_of(const json_t *identity)
{
    static const char *const types[] = {"111", "551", "552", "553"};
    const char *type = json_string_value(json_object_get(identity, "idType"));
    const char *number = json_string_value(json_object_get(identity, "idNo"));
    if (type == NULL || number == NULL || strlen(number) != NUMBER_LEN)
        return NULL;
    for (size_t i = 0; i < FORM_COUNT(types); i++)
        if (strcmp(types[i], type) == 0)
            return number;
    return NULL;
}

static void today(int64_t now_us, char out[PHI_RFC3339_MAX])
{
    phi_rfc3339_format(now_us, out);
    out[DATE_LEN] = '\0';
}

static void birth_of(const char *number, char out[DATE_LEN + 1])
{
    const char *at = number + BIRTH_AT;
    snprintf(out, DATE_LEN + 1, "%.4s-%.2s-%.2s", at, at + 4, at + 6);
}

static enum phi_err check_birth(const struct phi_json_at *object, const char *date,
                                const char *number, const char *now, struct phi_error *error)
{
    char told[DATE_LEN + 1];
    if (date != NULL && strcmp(date, now) > 0)
        return phi_json_refuse(object, "birthDate", PHI_ERR_RULE, "in the future", error);
    if (number == NULL)
        return PHI_OK;
    birth_of(number, told);
    if (strcmp(told, now) > 0)
        return phi_json_refuse(object, "idNo", PHI_ERR_RULE, "a birth date in the future", error);
    if (date != NULL && strcmp(told, date) != 0)
        return phi_json_refuse(object, "birthDate", PHI_ERR_RULE, "not the number's", error);
    return PHI_OK;
}

/* 553 numbers people in another way. */
static enum phi_err check_sex(const struct phi_json_at *object, const char *sex, const char *number,
                              const json_t *identity, struct phi_error *error)
{
    const char *type = json_string_value(json_object_get(identity, "idType"));
    if (sex == NULL || number == NULL || strcmp(type, "553") == 0)
        return PHI_OK;
    const char *told = (number[SEX_AT] - '0') % 2 == 1 ? "1" : "2";
    const char *other = told[0] == '1' ? "2" : "1";
    if (strcmp(sex, other) == 0)
        return phi_json_refuse(object, "sex", PHI_ERR_RULE, "not the number's", error);
    return PHI_OK;
}

enum phi_err form_move_born(const struct phi_json_at *object, int64_t now_us, json_t *identity,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char now[PHI_RFC3339_MAX];
    struct phi_json_date date = {0};
    struct phi_json_at at;
    const char *number = number_of(identity), *sex = NULL;
    bool has_date = false;
    today(now_us, now);
    PHI_GUARD(phi_json_date_opt(object, "birthDate", &date, &has_date, error));
    PHI_GUARD(check_birth(object, has_date ? date.text : NULL, number, now, error));
    PHI_GUARD(phi_json_member(object, "sex", false, &at, error));
    if (at.value != NULL)
        PHI_GUARD(form_code(&at, "gbt2261-1", &sex, error));
    PHI_GUARD(check_sex(object, sex, number, identity, error));
    PHI_GUARD(form_put_text(identity, "birthDate", has_date ? date.text : NULL));
    PHI_GUARD(form_put_text(identity, "sex", sex));
out:
    return err;
}
