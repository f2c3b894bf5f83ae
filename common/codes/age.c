#include "codes/age.h"

#include "base/text.h"
#include "base/time.h"
#include "codes/idtype.h"

#include <string.h>

#define CHINA_MIN 480

/* Resident cards, residence permits, and residence cards of the newer form: the birth date stands
 * in places 7 to 14. */
static bool has_birth(const struct phi_person *person)
{
    static const char *const types[] = {"111", "551", "552", "516", "553"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (phi_view_equal(person->id_type, phi_view_text(types[i])))
            return true;
    return false;
}

static int number(const uint8_t *digits, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

bool phi_age_birth(const struct phi_person *person, uint8_t out[8])
{
    uint8_t longer[18];
    struct phi_view id_no = person->id_no;
    if (!has_birth(person))
        return false;
    if (id_no.len == 15 && phi_idtype_to_18(id_no, longer) == PHI_OK)
        id_no = phi_view_of(longer, sizeof(longer));
    if (id_no.len != 18 || !phi_text_is_digits(phi_view_of(id_no.data, 17)))
        return false;
    memcpy(out, id_no.data + 6, 8);
    return true;
}

bool phi_age_in_years(const struct phi_person *person, int64_t now_s, int *years)
{
    uint8_t birth[8];
    char today[PHI_TIME14_LEN + 1];
    if (!phi_age_birth(person, birth))
        return false;
    phi_time14_format(now_s, CHINA_MIN, today);
    const uint8_t *now = (const uint8_t *)today;
    bool is_before_birthday = number(now + 4, 4) < number(birth + 4, 4);
    *years = number(now, 4) - number(birth, 4) - (is_before_birthday ? 1 : 0);
    return true;
}
