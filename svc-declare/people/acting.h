/* Who acts for whom: for oneself, or for a ward or family member under a mandate (auth/mandate.h)
 * of an institution, as the member `onBehalfOf` of a body says.
 *
 *   PHI_GUARD(acting_read(call, &acting, error));
 *   … acting.person, acting.subject: whom it is about; acting.actor: who does it …
 *
 * A worker's thread; nothing blocks. Parts are the call's.
 */
#ifndef SVC_DECLARE_ACTING_H
#define SVC_DECLARE_ACTING_H

#include "auth/mandate.h"
#include "svc-declare/declare.h"

struct acting {
    struct phi_person person; /* whom it is about */
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t actor[PHI_SUBJECT_LEN];
    bool is_on_behalf;
    struct phi_mandate mandate; /* when on behalf */
};

/* PHI_ERR_FIELD_*, PHI_ERR_RULE (a document that can't be), PHI_ERR_MANDATE, PHI_ERR_MEMORY,
 * PHI_ERR_CRYPTO. */
enum phi_err acting_read(struct phi_api_call *call, struct acting *out,
                         struct phi_error *error) PHI_MUST_USE;

/* The coded word for who declares: "community", "guardian" or "family", of the mandate's relation.
 */
const char *acting_declarant(const struct acting *acting);

/* Adds {declarant: {…}} to what is sealed, and the coded word to what is not. PHI_ERR_MEMORY. */
enum phi_err acting_put(struct phi_api_call *call, const struct acting *acting, json_t *content,
                        json_t *personal, struct phi_error *error) PHI_MUST_USE;

#endif
