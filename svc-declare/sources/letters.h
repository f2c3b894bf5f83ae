/* intake.<app>: reads every topic of that form of this region, one letter at a time; its right
 * lines are taken as over HTTP, within the transaction that moves the offset. A letter that can't
 * be opened, or holds a wrong line, goes to the dlq and into the institution's report.
 *
 *   PHI_GUARD(letters_open(service, &declare->letters, error));   // with the key
 *   PHI_GUARD(letters_start(declare->letters, error));
 *   letters_stop(declare->letters, until);
 *   letters_close(declare->letters);                              // NULL is fine
 */
#ifndef SVC_DECLARE_LETTERS_H
#define SVC_DECLARE_LETTERS_H

#include "service/service.h"

struct letters;

enum phi_err letters_open(struct phi_service *service, struct letters **out,
                          struct phi_error *error) PHI_MUST_USE;
enum phi_err letters_start(struct letters *letters, struct phi_error *error) PHI_MUST_USE;
void letters_stop(struct letters *letters, struct phi_deadline until);
void letters_close(struct letters *letters);

#endif
