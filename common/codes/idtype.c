#include "codes/idtype.h"

#include "base/text.h"
#include "base/time.h"
#include "codes/region.h"

#include <stdlib.h>
#include <string.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool all_digits(struct phi_view text)
{
    return phi_text_is_digits(text);
}

static struct phi_view slice(struct phi_view text, size_t from, size_t len)
{
    return phi_view_of(text.data + from, len);
}

static int number(struct phi_view digits)
{
    int value = 0;
    for (size_t i = 0; i < digits.len; i++)
        value = value * 10 + (digits.data[i] - '0');
    return value;
}

char phi_idtype_check_digit(const uint8_t digits[17])
{
    static const int weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    static const char digit[] = "10X98765432";
    int sum = 0;
    for (size_t i = 0; i < 17; i++)
        sum += weight[i] * (digits[i] - '0');
    return digit[sum % 11];
}

enum phi_err phi_idtype_to_18(struct phi_view id_no_15, uint8_t out[18])
{
    if (id_no_15.len != 15 || !all_digits(id_no_15))
        return PHI_ERR_FIELD_VALUE;
    memcpy(out, id_no_15.data, 6);
    out[6] = '1';
    out[7] = '9';
    memcpy(out + 8, id_no_15.data + 6, 9);
    out[17] = (uint8_t)phi_idtype_check_digit(out);
    return PHI_OK;
}

static bool date_is_real(struct phi_view eight_digits)
{
    int year = number(slice(eight_digits, 0, 4));
    return year >= 1800 && phi_date_is_real(year, number(slice(eight_digits, 4, 2)),
                                            number(slice(eight_digits, 6, 2)));
}

/* 17 digits and a check character, with a real birth date in places 7–14. */
static bool is_18_form(struct phi_view id_no)
{
    return id_no.len == 18 && all_digits(slice(id_no, 0, 17)) &&
           id_no.data[17] == (uint8_t)phi_idtype_check_digit(id_no.data) &&
           date_is_real(slice(id_no, 6, 8));
}

static bool is_resident(struct phi_view id_no, const char *country)
{
    uint8_t longer[18];
    struct phi_view full = id_no;
    if (id_no.len == 15) {
        if (phi_idtype_to_18(id_no, longer) != PHI_OK)
            return false;
        full = phi_view_of(longer, sizeof(longer));
    }
    (void)country;
    return is_18_form(full) && phi_region_is_valid(slice(full, 0, 6));
}

static bool has_prefix(struct phi_view text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static bool is_hong_kong_macao_resident(struct phi_view id_no, const char *country)
{
    const char *prefix = strcmp(country, "HKG") == 0 ? "810000" : "820000";
    return is_18_form(id_no) && has_prefix(id_no, prefix);
}

static bool is_taiwan_resident(struct phi_view id_no, const char *country)
{
    (void)country;
    return is_18_form(id_no) && has_prefix(id_no, "830000");
}

static bool is_passport(struct phi_view id_no, const char *country)
{
    if (id_no.len < 5 || id_no.len > 15)
        return false;
    bool has_digit = false;
    for (size_t i = 0; i < id_no.len; i++) {
        if (!is_digit(id_no.data[i]) && !is_upper(id_no.data[i]))
            return false;
        has_digit |= is_digit(id_no.data[i]);
    }
    (void)country;
    return has_digit;
}

static bool is_travel_permit(struct phi_view id_no, const char *country)
{
    if ((id_no.len != 9 && id_no.len != 11) || !all_digits(slice(id_no, 1, id_no.len - 1)))
        return false;
    return id_no.data[0] == (strcmp(country, "HKG") == 0 ? 'H' : 'M');
}

static bool is_taiwan_permit(struct phi_view id_no, const char *country)
{
    (void)country;
    return (id_no.len == 8 || id_no.len == 10) && all_digits(id_no);
}

/* Three letters of the nationality and 12 digits: the card of 2004 and 2017. */
static bool is_card_15(struct phi_view id_no)
{
    return id_no.len == 15 && is_upper(id_no.data[0]) && is_upper(id_no.data[1]) &&
           is_upper(id_no.data[2]) && all_digits(slice(id_no, 3, 12));
}

/* 9, province (2), nationality in ISO 3166-1 numeric (3), birth date (8), sequence (3), check: the
 * card of 2023. */
static bool is_card_18(struct phi_view id_no)
{
    return is_18_form(id_no) && id_no.data[0] == '9' && phi_province_is_valid(slice(id_no, 1, 2));
}

bool phi_idtype_is_residence_card(struct phi_view id_no)
{
    return is_card_15(id_no) ||
           (id_no.len == 18 && id_no.data[0] == '9' && all_digits(slice(id_no, 1, 16)));
}

static bool is_residence_card(struct phi_view id_no, const char *country)
{
    if (is_card_15(id_no))
        return memcmp(id_no.data, country, 3) == 0;
    return is_card_18(id_no);
}

static bool is_other(struct phi_view id_no, const char *country)
{
    (void)country;
    return phi_text_is_word(id_no, PHI_ID_NO_MAX);
}

/* A type, the countries whose people hold it ("" for any) and its form. 516 is printed twice in
 * annex A. */
struct form {
    const char *id_type;
    const char *countries;
    bool (*is_form)(struct phi_view id_no, const char *country);
};

static const struct form forms[] = {
    {"111", "CHN", is_resident},
    {"551", "HKG MAC", is_hong_kong_macao_resident},
    {"552", "TWN", is_taiwan_resident},
    {"400", "", is_passport},
    {"516", "HKG MAC", is_travel_permit},
    {"511", "TWN", is_taiwan_permit},
    {"516", "", is_residence_card},
    {"553", "", is_residence_card},
    {"999", "", is_other},
};

#define FORMS_COUNT (sizeof(forms) / sizeof(forms[0]))

bool phi_idtype_is_known(const char *id_type)
{
    for (size_t i = 0; i < FORMS_COUNT; i++) {
        if (strcmp(forms[i].id_type, id_type) == 0)
            return true;
    }
    return false;
}

static bool is_country_of(const struct form *form, const char *country)
{
    return form->countries[0] == '\0' || strstr(form->countries, country) != NULL;
}

static const struct form *form_of(const char *id_type, struct phi_view id_no)
{
    bool is_card = phi_idtype_is_residence_card(id_no);
    for (size_t i = 0; i < FORMS_COUNT; i++) {
        if (strcmp(forms[i].id_type, id_type) != 0)
            continue;
        if (strcmp(id_type, "516") != 0 || is_card == (forms[i].is_form == is_residence_card))
            return &forms[i];
    }
    return NULL;
}

enum phi_err phi_idtype_check(const char *id_type, struct phi_view id_no, const char *country,
                              struct phi_error *error)
{
    if (!phi_country_is_valid(phi_view_text(country)))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "country", "not a code of GB/T 2659");
    if (id_no.len == 0 || id_no.len > PHI_ID_NO_MAX)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "idNo", "not of 1 to %d characters",
                             PHI_ID_NO_MAX);
    const struct form *form = form_of(id_type, id_no);
    if (!form)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "idType",
                             "not a type of GB/T 38961 annex A");
    if (!is_country_of(form, country))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "country",
                             "not a country whose people hold this document");
    if (!form->is_form(id_no, country))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "idNo",
                             "not a number of this type of document");
    return PHI_OK;
}
