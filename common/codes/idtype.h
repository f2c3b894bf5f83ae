/* Identity document types (身份证件类型代码, GB/T 38961 annex A) and the form of their numbers.
 *
 *   111 resident id card (GB 11643)
 *   400 passport
 *   511 mainland travel permit, Taiwan (8 or 10 digits)
 *   516 mainland travel permit, Hong Kong and Macao (H or M and 8 or 10 digits), and foreigner's
 *       permanent residence card, printed under the same number
 *   551 residence permit, Hong Kong and Macao (18 digits, 81…/82…)
 *   552 residence permit, Taiwan (83…)
 *   553 permanent residence card under its own number (GA/T 2000.156)
 *   999 other
 *
 *   PHI_GUARD(phi_idtype_check("111", phi_view_text("11010519491231002X"), "CHN", error));
 *
 * Pure functions; any thread; nothing blocks or allocates.
 */
#ifndef PHI_CODES_IDTYPE_H
#define PHI_CODES_IDTYPE_H

#include "base/bytes.h"

#define PHI_ID_NO_MAX 32

/* Checks type, number and country together: form, birth date, region, check digit, and that the
 * country (three letters of GB/T 2659) agrees with the document. The number is in its canonical
 * form (upper case, no spaces); 111 also takes the 15-digit form of before 1999. Errors:
 * PHI_ERR_FIELD_VALUE, place "idType", "idNo" or "country". */
enum phi_err phi_idtype_check(const char *id_type, struct phi_view id_no, const char *country,
                              struct phi_error *error) PHI_MUST_USE;

/* True when the type is one of annex A's or 553. */
bool phi_idtype_is_known(const char *id_type);

/* True when a number under 516 or 553 has a permanent residence card's form: three letters and 12
 * digits, or 18 digits beginning with 9. */
bool phi_idtype_is_residence_card(struct phi_view id_no);

/* The check character of ISO 7064 MOD 11-2 over the first 17 digits ('0'..'9' or 'X'), as GB 11643
 * has it. */
char phi_idtype_check_digit(const uint8_t digits[17]);

/* 18 characters from the 15-digit form (19 before the year, check digit after), without an ending
 * zero. Errors: PHI_ERR_FIELD_VALUE (not 15 digits). */
enum phi_err phi_idtype_to_18(struct phi_view id_no_15, uint8_t out[18]) PHI_MUST_USE;

#endif
