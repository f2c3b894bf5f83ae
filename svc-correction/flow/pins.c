#include "svc-correction/flow/pins.h"

#include <stdio.h>

enum phi_err pins_take(struct phi_service *service, enum phi_trust_use use, int64_t at_us,
                       struct pins *out)
{
    *out = (struct pins){.trust = phi_trust_acquire(phi_service_trust(service))};
    const struct phi_trust_platform *platform =
        phi_trust_platform(out->trust, phi_service_region(service));
    for (size_t i = 0; platform != NULL && i < platform->key_count && out->count < PINS_MAX; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use != use || at_us < key->from_us || at_us >= key->to_us)
            continue;
        struct phi_pinned_key *pinned = &out->keys[out->count++];
        snprintf(pinned->key_serial, sizeof(pinned->key_serial), "%s", key->serial);
        pinned->key = key->public_key;
    }
    return platform == NULL ? PHI_ERR_NEIGHBOUR : PHI_OK;
}

void pins_release(struct pins *pins)
{
    if (pins->trust != NULL)
        phi_trust_release(pins->trust);
    pins->trust = NULL;
}
