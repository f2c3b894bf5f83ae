/* Applications, consent records and codes whose time of keeping is over, by the policy's days:
 * deleted in the background, a bounded number of rows at a time.
 *
 *   PHI_GUARD(retain_start(&options, &retain));    // in the service's start
 *   retain_stop(retain);                           // in its stop
 *
 * An application goes applicationKeepDays after its term, a code with its consent record and its
 * batch line consentKeepDays after its deadline: both are a day at least, so that what is in force
 * stays.
 */
#ifndef SVC_CODEGEN_RETAIN_H
#define SVC_CODEGEN_RETAIN_H

#include "store/store.h"
#include "svc-codegen/policy/policy.h"

/* All borrowed; must outlive the thread. */
struct retain_options {
    struct phi_store *store;
    const struct phi_clock *clock;
    const struct policy *policy;
};

struct retain;

/* Starts the thread, which looks at once and then every minute. Doesn't block. PHI_ERR_MEMORY. */
enum phi_err retain_start(const struct retain_options *options, struct retain **out) PHI_MUST_USE;
/* Ends it and frees; waits for the statement that is running. NULL is fine. One thread. */
void retain_stop(struct retain *retain);

struct retain_deleted {
    size_t applications;
    size_t codes;
    size_t
        looks; /* auditors': requests a day after their time, looks as long as a consent record */
};

/* One step: at most `max` of each kind. Replicas that do so at once share the work. Blocks on the
 * database, for its statements; one thread at a time per connection. The store's errors. */
enum phi_err retain_step(struct phi_conn *conn, const struct policy *policy, int64_t now_us,
                         size_t max, struct retain_deleted *out,
                         struct phi_error *error) PHI_MUST_USE;

#endif
