/* What a person sees of what is kept about them: parts of the copy, read by whoever keeps them, and
 * who looked at it or acted on it.
 *
 *   PHI_GUARD(consents_read(conn, subject, arena, &list, error));
 *   PHI_GUARD(look_keep(call, subject, "copied", "self"));          // into the call's commit
 *
 * Lists are the arena's, bounded, the newest first. Each read blocks like a statement.
 */
#ifndef SVC_DECLARE_OWN_H
#define SVC_DECLARE_OWN_H

#include "svc-declare/people/acting.h"
#include "svc-declare/people/keys.h"

enum phi_err consents_read(struct phi_conn *conn, const uint8_t *subject, struct phi_arena *arena,
                           json_t **out, struct phi_error *error) PHI_MUST_USE;

/* Links with other documents, in force and dissolved; of those in force what the other document is,
 * masked, as it was sealed under `key`. */
enum phi_err documents_read(struct phi_conn *conn, const struct phi_seal_key *health,
                            const struct phi_person_key *key, struct phi_arena *arena, json_t **out,
                            struct phi_error *error) PHI_MUST_USE;

/* `who` is "self" or a unit; `what` a word of docs/privacy.md. PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err look_keep(struct phi_api_call *call, const uint8_t *subject, const char *what,
                       const char *who) PHI_MUST_USE;
enum phi_err looks_read(struct phi_conn *conn, const uint8_t *subject, struct phi_arena *arena,
                        json_t **out, struct phi_error *error) PHI_MUST_USE;

#endif
