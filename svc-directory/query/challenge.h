/* Challenges handed to svc-verify and not yet answered: a receipt counts only with one of ours that
 * is outstanding, and spends it; so no ledger of receipts is needed.
 *
 *   PHI_GUARD(challenge_issue(challenges, now_us, challenge));
 *   …
 *   if (!challenge_spend(challenges, receipt.challenge, now_us)) return PHI_ERR_RECEIPT;
 *
 * Bounded at creation, in memory; any thread; never blocks but for a short lock.
 */
#ifndef SVC_DIRECTORY_CHALLENGE_H
#define SVC_DIRECTORY_CHALLENGE_H

#include "base/err.h"

#include <stdint.h>

#define CHALLENGE_LEN     16
#define CHALLENGE_LIFE_US 5000000LL

struct challenges;

struct challenges *challenges_new(size_t max);       /* NULL when out of memory; at most 2^24 */
void challenges_free(struct challenges *challenges); /* NULL is fine */

/* A fresh random one. PHI_ERR_OVERLOAD when `max` are outstanding, PHI_ERR_CRYPTO. */
enum phi_err challenge_issue(struct challenges *challenges, int64_t now_us,
                             uint8_t out[CHALLENGE_LEN]) PHI_MUST_USE;
/* True once, for one that was issued here at most 5 s ago. */
bool challenge_spend(struct challenges *challenges, const uint8_t challenge[CHALLENGE_LEN],
                     int64_t now_us);
size_t challenges_outstanding(struct challenges *challenges, int64_t now_us);

#endif
