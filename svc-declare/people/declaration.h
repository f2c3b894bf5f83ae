/* What a declaration of health and one of trips have in common: whose it is, whether it may be
 * made, whether it was made before, and what goes down with its commit.
 *
 *   PHI_GUARD(declaration_begin(call, "declare.health", &d, error));
 *   PHI_GUARD(declaration_add(&d, PATH, observed_us, content, personal));
 *   PHI_GUARD(declaration_check(&d, error));   // consent in force, facts that are there already
 *   PHI_GUARD(declaration_find_key(&d, error)); // once nothing can be refused any more
 *   PHI_GUARD(declaration_keep(&d));           // row and event of each, unless kept before
 *
 * A worker's thread; declaration_check blocks on the database within the call's deadline.
 */
#ifndef SVC_DECLARE_DECLARATION_H
#define SVC_DECLARE_DECLARATION_H

#include "svc-declare/people/acting.h"
#include "svc-declare/people/keys.h"

#define DECLARATION_FACTS_MAX 20

struct declaration {
    struct phi_api_call *call;
    const char *stream;
    struct acting acting;
    uint8_t subject[PHI_SUBJECT_LEN]; /* acting.subject */
    json_t *identity;                 /* of whom it is about */
    struct fact facts[DECLARATION_FACTS_MAX];
    bool is_kept[DECLARATION_FACTS_MAX]; /* was declared before, the same */
    size_t count;
    bool has_basic;
    const char *basic_region;  /* as declared before; NULL without */
    struct phi_person_key key; /* by declaration_find_key */
};

enum phi_err declaration_begin(struct phi_api_call *call, const char *stream,
                               struct declaration *out, struct phi_error *error) PHI_MUST_USE;

/* `route` with customNumber, bizSerialNum and the subject makes the record number: one fact each.
 * The identity is added to `personal`. */
enum phi_err declaration_add(struct declaration *declaration, const char *route,
                             int64_t observed_us, json_t *content, json_t *personal) PHI_MUST_USE;

/* PHI_ERR_CONSENT; PHI_ERR_CONFLICT when the same number was used for another declaration, however
 * long ago. */
enum phi_err declaration_check(struct declaration *declaration,
                               struct phi_error *error) PHI_MUST_USE;

/* The person's data key, made where there is none, in a transaction of its own: so only for what is
 * going to be kept, and a refusal leaves nothing behind. */
enum phi_err declaration_find_key(struct declaration *declaration,
                                  struct phi_error *error) PHI_MUST_USE;
enum phi_err declaration_keep(struct declaration *declaration) PHI_MUST_USE;

#endif
