/* Several documents of one person (一人多证): a link between two, made by the holder with identity
 * tokens of both, or by two officers of different units; reversible. Each change is a fact about
 * both, on `declare.documents`, so that svc-directory gives both the grade of the union.
 *
 *   PHI_GUARD(documents_find(call, &one, &other, &link, error));     // in order
 *   PHI_GUARD(documents_check(&link, true, error));                  // may it become so?
 *   PHI_GUARD(documents_keep(call, &link, true, &by, error));        // rows and events
 *
 * Links make groups of at most DOCUMENTS_MAX. A change takes the next number of everyone of the
 * groups that it touches (link_changes): of two at once that share a person one is refused, so the
 * bound and the revisions hold without a lock.
 *
 * A worker's thread; blocks on the database.
 */
#ifndef SVC_DECLARE_DOCUMENTS_H
#define SVC_DECLARE_DOCUMENTS_H

#include "svc-declare/people/own.h"

#define DOCUMENTS_LINK_LEN 16
#define DOCUMENTS_MAX      4 /* of one person */
#define DOCUMENTS_STREAM   "declare.documents"
#define DOCUMENTS_VIEW     "links.view"
/* of the facts: one record of a link, whichever app changes it */
#define DOCUMENTS_INSTITUTION "svc-declare"

struct documents_side {
    struct phi_person person; /* empty texts when found by the link's id */
    uint8_t subject[PHI_SUBJECT_LEN];
    struct phi_person_key key; /* by documents_keep */
};

struct documents_member {
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t changes; /* of links of theirs so far */
};

struct documents_link {
    struct documents_side sides[2]; /* the lesser subject first */
    uint8_t link_id[DOCUMENTS_LINK_LEN];
    int64_t revision; /* of the last change; 0: never linked */
    bool is_linked;
    struct documents_member members[2 * DOCUMENTS_MAX]; /* of both groups, each once */
    size_t member_count;
};

/* On whose word a link changes. */
struct documents_by {
    const char *proof; /* "holder" or "officers" */
    const char *who;   /* "self", or the unit of the officer who confirmed */
};

/* PHI_ERR_RULE when both are the same document, or one can't be; PHI_ERR_STORE … */
enum phi_err documents_find(struct phi_api_call *call, const struct phi_person *one,
                            const struct phi_person *other, struct documents_link *out,
                            struct phi_error *error) PHI_MUST_USE;

/* The same of a link that is known by its id. PHI_ERR_NOT_FOUND. */
enum phi_err documents_find_by_id(struct phi_api_call *call, const uint8_t *link_id,
                                  struct documents_link *out, struct phi_error *error) PHI_MUST_USE;

bool documents_has_member(const struct documents_link *link, const uint8_t *subject);

/* PHI_ERR_STATE when the link is so already, PHI_ERR_RULE for a fifth document of one person. */
enum phi_err documents_check(const struct documents_link *link, bool is_linked,
                             struct phi_error *error) PHI_MUST_USE;

/* The change as the next revision, into the call's commit; after documents_check. */
enum phi_err documents_keep(struct phi_api_call *call, struct documents_link *link, bool is_linked,
                            const struct documents_by *by, struct phi_error *error) PHI_MUST_USE;

/* {linkId, state, changedAt} as the answer. */
void documents_tell(struct phi_api_call *call, const struct documents_link *link);

#endif
