/* The consent record behind a code (授权记录, GB/T 38961 4.2): the short one for passing, the
 * elements of Table 1 for other scenes and wherever somebody else than the holder granted it.
 *
 *   PHI_GUARD(record_make(&(struct record_input){.policy = …, .scene = …, .holder = &person,
 *                         .grantor = &person, …}, arena, &record));
 *
 * The full one is canonical JSON (RFC 8785): SQZT who granted, YXQX when and for how long, BSQZT to
 * whom, XXKZZ who keeps the data, XXLB which, XXSY about whom, CZQX to do what. Pure; any thread.
 */
#ifndef SVC_CODEGEN_RECORD_H
#define SVC_CODEGEN_RECORD_H

#include "codes/subject.h"
#include "svc-codegen/policy/policy.h"

/* By what right somebody else acts; texts are borrowed. */
struct record_mandate {
    const char *mandate_id;
    const char *issuer; /* the app whose key signed it */
    const char *relation;
};

/* An institution that took the holder's consent down on paper. */
struct record_collector {
    const char *app_id;
    const char *institution;
    const char *consent_ref; /* its number of the paper */
};

struct record_input {
    const struct policy *policy;
    const struct policy_scene *scene;
    const char *region;
    const struct phi_person *holder;
    const struct phi_person *grantor;         /* the holder, or who acts on behalf */
    const struct record_mandate *mandate;     /* NULL unless on behalf */
    const struct record_collector *collector; /* NULL unless collected */
    int64_t now_s;
    int64_t deadline_s;
};

/* The bytes are the arena's. PHI_ERR_FIELD_VALUE (a name or document that no record can hold),
 * PHI_ERR_MEMORY. */
enum phi_err record_make(const struct record_input *input, struct phi_arena *arena,
                         struct phi_view *out) PHI_MUST_USE;

#endif
