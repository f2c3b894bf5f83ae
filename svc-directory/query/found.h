/* What was found out about one person — here, in the nation, at home — and how a query is answered
 * with it (GB/T 38963 6.4).
 *
 *   struct found found = {.nation_asked = true};
 *   … read, ask …
 *   PHI_GUARD(found_tell(call, &found, &data));
 *
 * Pure but for the JSON it makes; any thread.
 */
#ifndef SVC_DIRECTORY_FOUND_H
#define SVC_DIRECTORY_FOUND_H

#include "svc-directory/query/query.h"

struct found {
    struct person_entry entry; /* ours */
    struct person_identity identity;
    json_t *details; /* the arena's; NULL: the scope shows none, or we have none */
    bool nation_asked;
    const struct phi_json_at *nation; /* {"entries", "leftOut"}; NULL: no answer */
    const char *home;                 /* the platform that knows the person; NULL: this one */
    bool home_asked;
    const struct phi_json_at *home_told; /* {"holder", "entries", "details"}; NULL: no answer */
};

/* {holder, grade, time, entries, notAsked, unanswered, leftOut} and details where there are any:
 * the grade is the strictest of the entries. The caller's reference. PHI_ERR_MEMORY. */
enum phi_err found_tell(struct phi_api_call *call, const struct found *found,
                        json_t **data) PHI_MUST_USE;

#endif
