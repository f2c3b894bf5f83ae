/* A person's document in canonical form, shared by subject index and consent record. Inside the
 * codes room only.
 *
 *   struct phi_canonical found;
 *   PHI_GUARD(phi_canonical_person(person, arena, &found, error));
 */
#ifndef PHI_CODES_CANONICAL_H
#define PHI_CODES_CANONICAL_H

#include "codes/subject.h"

#define PHI_CANONICAL_ID_NO_MAX 96 /* bytes before normalising: 32 full-width characters */

struct phi_canonical {
    const char *id_type; /* as given: 516 and 553 are not merged here */
    const char *country;
    struct phi_view id_no; /* NFKC, upper case, no spaces; 15 digits stay 15 */
};

/* Normalises and checks; texts are the arena's. Errors: PHI_ERR_FIELD_VALUE with its place,
 * PHI_ERR_MEMORY. */
enum phi_err phi_canonical_person(const struct phi_person *person, struct phi_arena *arena,
                                  struct phi_canonical *out, struct phi_error *error) PHI_MUST_USE;

#endif
