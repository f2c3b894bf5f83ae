/* What people wrote about a case: statements and notes, sealed under the data key of the person the
 * case is about, so that an erasure ends them wherever they lie. Of whom no key is known here (no
 * fact of theirs was taken yet, or all was erased) it is the health key, in the table only; an
 * erasure empties that.
 *
 *   PHI_GUARD(case_key_find(call, conn, subject, &key, error));
 *   PHI_GUARD(case_seal(call, &key, CASE_STATEMENT, text, &sealed));
 *   const char *text = case_open(call, &key, CASE_STATEMENT, sealed);   // "已删除" once erased
 *
 *   PHI_GUARD(case_keys_start(service, error));   // follows person.key, first from behind
 *   case_keys_stop(correction, until);
 *
 * A worker's thread; case_key_find blocks on the database.
 */
#ifndef SVC_CORRECTION_TEXTS_H
#define SVC_CORRECTION_TEXTS_H

#include "person/keys.h"
#include "svc-correction/correction.h"

#define CASE_STATEMENT "cases.statement_sealed"
#define CASE_NOTE      "steps.note_sealed"
#define CASE_STEP      "correction.step.sealed"
#define CASE_CONTENT   "steps.content_sealed"

/* PHI_ERR_BUS while person.key was not read to the end that it had at start: nothing personal is
 * opened or sealed before. Its parts are the call's. */
enum phi_err case_key_find(struct phi_api_call *call, struct phi_conn *conn, const uint8_t *subject,
                           struct phi_person_key *out, struct phi_error *error) PHI_MUST_USE;

/* NULL text gives an empty view. */
enum phi_err case_seal(struct phi_api_call *call, const struct phi_person_key *key,
                       const char *column, const char *text, struct phi_view *sealed) PHI_MUST_USE;

/* The same without a call. */
enum phi_err text_seal(const struct phi_seal_key *health, const struct phi_person_key *key,
                       const char *column, const char *text, struct phi_arena *arena,
                       struct phi_view *sealed) PHI_MUST_USE;

/* The same for correction.step, in base64: only under the person's own key, since what is on a
 * topic can't be emptied later; NULL without one, or without text. */
enum phi_err case_seal_told(struct phi_api_call *call, const struct phi_person_key *key,
                            const char *text, const char **out) PHI_MUST_USE;

/* NULL when nothing was written, or it can't be opened. */
const char *case_open(struct phi_api_call *call, const struct phi_person_key *key,
                      const char *column, struct phi_view sealed);

enum phi_err case_keys_start(struct phi_service *service, struct phi_error *error) PHI_MUST_USE;
void case_keys_stop(struct correction *correction, struct phi_deadline until);
void case_keys_close(struct correction *correction);

#endif
