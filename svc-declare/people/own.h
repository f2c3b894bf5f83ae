/* What a person sees of what is kept about them: parts of the copy, read by whoever keeps them.
 *
 *   PHI_GUARD(consents_read(conn, subject, arena, &list, error));
 *
 * Lists are the arena's, bounded, the newest first. Each blocks like a statement.
 */
#ifndef SVC_DECLARE_OWN_H
#define SVC_DECLARE_OWN_H

#include "svc-declare/people/acting.h"
#include "svc-declare/people/keys.h"

enum phi_err consents_read(struct phi_conn *conn, const uint8_t *subject, struct phi_arena *arena,
                           json_t **out, struct phi_error *error) PHI_MUST_USE;

#endif
