/* Reasons of a grade in two bytes each: which reason, by which rule, of which version. The table
 * reason_codes says what a code stands for; a code once given keeps its meaning, also when its rule
 * is gone.
 *
 *   struct reasons *reasons = NULL;
 *   PHI_GUARD(reasons_new(store, &reasons));
 *   PHI_GUARD(reasons_encode(reasons, list, count, bytes));      // 2 × count bytes
 *   PHI_GUARD(reasons_decode(reasons, view, &json));             // [{"reason","rule","version"}]
 *   reasons_free(reasons);
 *
 * Any thread. Blocks only for a code that this process hasn't met: on a connection of its own, so
 * that no transaction of the caller waits for another's. PHI_ERR_STORE, PHI_ERR_OVERLOAD,
 * PHI_ERR_MEMORY; PHI_ERR_DATA_BROKEN for bytes that are no codes.
 */
#ifndef SVC_DIRECTORY_REASONS_H
#define SVC_DIRECTORY_REASONS_H

#include "codes/entry.h"
#include "json/json.h"
#include "store/store.h"

#define REASONS_CODE_LEN 2
#define REASONS_LEN_MAX  (PHI_ENTRY_REASONS_MAX * REASONS_CODE_LEN)

struct reason {
    const char *reason;
    const char *rule;
    int64_t version;
};

struct reasons;

enum phi_err reasons_new(struct phi_store *store, struct reasons **out) PHI_MUST_USE;
void reasons_free(struct reasons *reasons); /* NULL is fine */

/* At most PHI_ENTRY_REASONS_MAX are kept; the length in bytes is written with the codes. */
enum phi_err reasons_encode(struct reasons *reasons, const struct reason *list, size_t count,
                            uint8_t out[REASONS_LEN_MAX], size_t *len) PHI_MUST_USE;
/* The caller's reference. */
enum phi_err reasons_decode(struct reasons *reasons, struct phi_view codes,
                            json_t **out) PHI_MUST_USE;

#endif
