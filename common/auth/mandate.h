/* A mandate to act for somebody (guardians of minors, family or community workers for others): a
 * statement signed by a registered institution whose app has the role "mandate".
 *
 *   PHI_GUARD(phi_mandate_read(&behalf, &mandate, error));        // form
 *   PHI_GUARD(phi_mandate_check(&mandate, &asked, arena, error));  // signature, time, parties
 *
 * What is signed: canonical JSON (RFC 8785) of {type, region, mandateId, relation, from, until,
 * guardian {idType, idNo, country}, ward {name, idType, idNo, country}}, the values as they were
 * sent; `guardian` is who the identity token names, so that a mandate is of use to nobody else.
 * SM2 as everywhere, with a key of the issuer that is in force now.
 */
#ifndef PHI_AUTH_MANDATE_H
#define PHI_AUTH_MANDATE_H

#include "auth/registry.h"
#include "codes/subject.h"
#include "json/json.h"

#define PHI_MANDATE_ROLE     "mandate"
#define PHI_MANDATE_TYPE     "phi-mandate-1"
#define PHI_MANDATE_WORD_MAX 64

/* Texts are the document's. */
struct phi_mandate {
    struct phi_person ward;
    const char *mandate_id;
    const char *relation; /* "parent", "child", "community" …: a word, recorded as it came */
    const char *issuer;
    const char *key_serial;
    const char *from;
    const char *until;
    int64_t from_us;
    int64_t until_us;
    uint8_t signature[PHI_SM2_SIG_LEN];
};

struct phi_mandate_ask {
    const struct phi_registry_view *registry;
    const struct phi_person *guardian;
    const char *region;
    int64_t max_days;
    int64_t now_us;
};

/* The member `onBehalfOf` of a body: {ward, mandate}. PHI_ERR_FIELD_*, and PHI_ERR_RULE
 * for a document of the ward that can't be. */
enum phi_err phi_mandate_read(const struct phi_json_at *at, struct phi_mandate *out,
                              struct phi_error *error) PHI_MUST_USE;

/* PHI_ERR_MANDATE with the member and the reason; PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err phi_mandate_check(const struct phi_mandate *mandate, const struct phi_mandate_ask *ask,
                               struct phi_arena *arena, struct phi_error *error) PHI_MUST_USE;

/* The bytes that are signed. PHI_ERR_MEMORY, PHI_ERR_FIELD_VALUE. */
enum phi_err phi_mandate_statement(const struct phi_mandate *mandate,
                                   const struct phi_person *guardian, const char *region,
                                   struct phi_arena *arena, struct phi_view *out) PHI_MUST_USE;

/* A person as the member `at` of a body names one: name, idType, idNo, country. PHI_ERR_FIELD_*,
 * PHI_ERR_RULE (no such document, or a name that no record can hold). Texts are the document's. */
enum phi_err phi_mandate_read_person(const struct phi_json_at *at, struct phi_person *out,
                                     struct phi_error *error) PHI_MUST_USE;

#endif
