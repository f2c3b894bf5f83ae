/* What the trust list says of a certificate: the list revokes, by leaving a key out, by ending its
 * time, by suspending its platform.
 *
 *   struct phi_trust_word word = {.list = phi_trust_list(view), .now_us = now_us};
 *   check.status = phi_trust_certificate_status;
 *   check.context = &word;
 *   PHI_GUARD(phi_certificate_verify(leaf, &check, error));
 *
 * Pure; any thread.
 */
#ifndef PHI_AUTH_CERTIFICATE_H
#define PHI_AUTH_CERTIFICATE_H

#include "auth/trust.h"
#include "crypto/certificate.h"

struct phi_trust_word {
    const struct phi_trust_list *list; /* of a verified record; borrowed */
    int64_t now_us;
};

/* For struct phi_certificate_check; `context` is a struct phi_trust_word. A leaf is GOOD when an
 * active platform has its very key in the list, for one of the certificate's uses and in force;
 * REVOKED when only the time isn't right, SUSPENDED when the platform isn't active, UNLISTED
 * otherwise. A CA is GOOD: whatever it certifies must be in the list itself. */
enum phi_certificate_status phi_trust_certificate_status(void *context,
                                                         const struct phi_certificate_info *info);

#endif
