/* A person's age by the birth date in the number of their document.
 *
 *   if (phi_age_in_years(&person, now_s, &years) && years < policy->own_age_years) …
 *
 * Pure; any thread.
 */
#ifndef PHI_CODES_AGE_H
#define PHI_CODES_AGE_H

#include "codes/subject.h"

/* The date of birth that stands in the number, eight digits YYYYMMDD; false where none does. */
bool phi_age_birth(const struct phi_person *person, uint8_t out[8]);

/* Full years on the day of `now_s` in China, by the calendar: born on 29 February, one is older on
 * 1 March of a year without one. False where the number tells no date of birth (passports, travel
 * permits, residence cards of the older form, other documents). The number is a checked one. */
bool phi_age_in_years(const struct phi_person *person, int64_t now_s, int *years);

#endif
