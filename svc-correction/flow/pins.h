/* Whose signature counts on a topic: this province's keys of a use that are in force at a time, as
 * the trust list has them.
 *
 *   struct pins pins;
 *   PHI_GUARD(pins_take(service, PHI_TRUST_DIRECTORY, now_us, &pins));
 *   … phi_signed_verify(msg, pins.keys, pins.count, &version, error) …
 *   pins_release(&pins);                          // also after an error
 *
 * Any thread; doesn't block.
 */
#ifndef SVC_CORRECTION_PINS_H
#define SVC_CORRECTION_PINS_H

#include "auth/trust.h"
#include "bus/signed.h"
#include "svc-correction/correction.h"

#define PINS_MAX 16

struct pins {
    const struct phi_trust_view *trust; /* holds the keys */
    struct phi_pinned_key keys[PINS_MAX];
    size_t count;
};

/* PHI_ERR_NEIGHBOUR: the trust list is not here yet; there are no keys then. */
enum phi_err pins_take(struct phi_service *service, enum phi_trust_use use, int64_t at_us,
                       struct pins *out) PHI_MUST_USE;
void pins_release(struct pins *pins);

#endif
