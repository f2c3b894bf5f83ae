/* A person's basic information: declared once, with a first declaration of health or by itself, and
 * amended when it changes. One row a person, the latest, sealed but for the region.
 *
 *   PHI_GUARD(basic_check(&d.acting.person, basic, error));   // the birth in the id number
 *   PHI_GUARD(basic_keep(&d, basic, region));                         // into the call's commit
 *
 * A worker's thread.
 */
#ifndef SVC_DECLARE_BASIC_H
#define SVC_DECLARE_BASIC_H

#include "forms/form.h"
#include "svc-declare/people/declaration.h"

/* PHI_ERR_RULE when the declared date of birth is not the one in the number of the document. */
enum phi_err basic_check(const struct phi_person *person, const json_t *basic,
                         struct phi_error *error) PHI_MUST_USE;

/* After declaration_find_key. */
enum phi_err basic_keep(struct declaration *d, const json_t *basic,
                        const char *region) PHI_MUST_USE;

#endif
