/* The bounds of watching, as data; their form is in watch.h.
 *
 *   PHI_GUARD(watch_policy_read(path, &policy, error));
 *   const struct watch_bounds *bounds = watch_policy_find(policy, "320000/svc-directory/scan-app");
 *   watch_policy_free(policy);
 */
#ifndef SVC_VERIFY_WATCH_POLICY_H
#define SVC_VERIFY_WATCH_POLICY_H

#include "svc-verify/watch/watch.h"

#define WATCH_ROWS_MAX 1024

struct watch_bounds {
    char caller[WATCH_NAME_MAX];
    int64_t bounds[WATCH_MEASURES][2]; /* by enum watch_step; a value above it is past it */
    int64_t failed_least; /* verifications in a minute before their share means anything */
};

struct watch_policy;

enum phi_err watch_policy_read(const char *path, struct watch_policy **out,
                               struct phi_error *error) PHI_MUST_USE;
void watch_policy_free(struct watch_policy *policy); /* NULL is fine */
/* The row of this caller, else of its app, else "*"'s; never NULL. */
const struct watch_bounds *watch_policy_find(const struct watch_policy *policy, const char *caller);

#endif
