/* What analysts see of a record: the person under a pseudonym of the project and the month,
 * regions by their first four digits, times by the hour, coded members; everything else is left
 * out. The one list of what may be seen stands in view.c: a member that is not on it is never
 * shown.
 *
 *   phi_open_month(now_us, month);                                   // "2026-11", at +08:00
 *   PHI_GUARD(phi_open_key_new(secret, "flu-study", month, &key));
 *   PHI_GUARD(phi_open_view(key, value, &view));                     // the caller's reference
 *   phi_hmac_key_free(key);
 *
 * Pure; any thread; nothing blocks.
 */
#ifndef PHI_OPEN_VIEW_H
#define PHI_OPEN_VIEW_H

#include "crypto/sm3.h"
#include "json/json.h"

#define PHI_OPEN_SECRET_LEN 32
#define PHI_OPEN_MONTH_LEN  7
#define PHI_OPEN_PERSON_LEN 16
#define PHI_OPEN_HOUR_US    (3600 * 1000000LL)

/* The month at +08:00. */
void phi_open_month(int64_t at_us, char out[PHI_OPEN_MONTH_LEN + 1]);

/* The start of the hour; +08:00 and UTC have the same hours. */
int64_t phi_open_hour(int64_t at_us);

/* The key of a project's month, from the project's secret; the caller frees it. Whoever has only a
 * month's key learns nothing of another month's. PHI_ERR_CRYPTO, PHI_ERR_KEY, PHI_ERR_MEMORY. */
enum phi_err phi_open_key_new(struct phi_view secret, const char *project, const char *month,
                              struct phi_hmac_key **out) PHI_MUST_USE;

/* The pseudonym of what `id` names (a subject, a record), apart for each `kind` ("person",
 * "record"). PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_open_pseudonym(const struct phi_hmac_key *key, const char *kind,
                                struct phi_view id, uint8_t out[PHI_OPEN_PERSON_LEN]) PHI_MUST_USE;

/* The view of a record's JSON: a new object, the caller's. `subject`, `person` and `serialHmac` are
 * shown as `person` and `code`, pseudonyms. What is no object gives an empty one. PHI_ERR_CRYPTO,
 * PHI_ERR_MEMORY. */
enum phi_err phi_open_view(const struct phi_hmac_key *key, const json_t *value,
                           json_t **out) PHI_MUST_USE;

#endif
