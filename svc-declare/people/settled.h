/* What a person has settled with svc-declare, told on `declare.person` so that a database restored
 * from a backup gets it again (restore_settled.c): consents given and ended, basic information, and
 * links of documents. What is personal travels sealed under the person's data key.
 *
 *   json_t *content = json_pack("{s:s}", "purpose", PURPOSE_CODE);
 *   PHI_GUARD(settled_tell(call, subject, SETTLED_CONSENT_END, content));
 */
#ifndef SVC_DECLARE_SETTLED_H
#define SVC_DECLARE_SETTLED_H

#include "svc-declare/declare.h"

#define SETTLED_STREAM "declare.person"

enum settled_kind {
    SETTLED_CONSENT,
    SETTLED_CONSENT_END,
    SETTLED_BASIC,
    SETTLED_LINK,
    SETTLED_KINDS
};

/* The words of the kinds on the topic, by enum settled_kind. */
extern const char *const settled_words[SETTLED_KINDS];

/* An event of the call's commit; takes the reference of `content`, whose members
 * docs/schemas/declare.person.json names. PHI_ERR_MEMORY (also for a NULL content),
 * PHI_ERR_CRYPTO. */
enum phi_err settled_tell(struct phi_api_call *call, const uint8_t *subject, enum settled_kind kind,
                          json_t *content) PHI_MUST_USE;

/* All consents of `subject` for `purpose` end now: row and event. PHI_ERR_MEMORY,
 * PHI_ERR_CRYPTO. */
enum phi_err settled_end_consents(struct phi_api_call *call, const uint8_t *subject,
                                  const char *purpose) PHI_MUST_USE;

/* `bytes` in base64, the arena's; NULL without memory. */
const char *settled_base64(struct phi_arena *arena, struct phi_view bytes);

#endif
