/* What a record of a province's directory must be, whichever way it came: signed by the directory
 * key that the trust list gives the province, about its own region, keyed by what it is about.
 *
 *   size_t count = check_keys(province, now_us, pinned);
 *   phi_signed_verify_many(jobs, n, arena);                  // each under `pinned`
 *   PHI_GUARD(check_entry(&jobs[i], arena, &entry, &error)); // or check_mark
 *
 * Pure; any thread.
 */
#ifndef SVC_PLATFORM_CHECK_H
#define SVC_PLATFORM_CHECK_H

#include "auth/trust.h"
#include "bus/signed.h"
#include "codes/entry.h"
#include "svc-platform/heal/heal.h"

/* "phi.320000.directory": the consumer's pattern, or the caller, guarantees the form. */
void check_region(const char *topic, char out[7]);
/* The province's directory keys in force; how many. They live as long as the view. */
size_t check_keys(const struct phi_trust_platform *province, int64_t now_us,
                  struct phi_pinned_key *out);
/* Of a record whose signature was verified. PHI_ERR_JSON, PHI_ERR_FIELD_*, PHI_ERR_MEMORY. */
enum phi_err check_entry(const struct phi_signed_job *job, struct phi_arena *arena,
                         struct phi_entry *out, struct phi_error *error) PHI_MUST_USE;
enum phi_err check_mark(const struct phi_signed_job *job, struct phi_arena *arena,
                        struct phi_bucket_mark *out, struct phi_error *error) PHI_MUST_USE;

#endif
