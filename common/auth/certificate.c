#include "auth/certificate.h"

#include <string.h>

static bool is_certified(const struct phi_trust_key *key, const struct phi_certificate_info *info)
{
    enum phi_certificate_use use;
    return memcmp(key->xy, info->public_key, sizeof(key->xy)) == 0 &&
           phi_certificate_use_parse(phi_trust_use_name(key->use), &use) == PHI_OK &&
           (info->uses & (1u << use)) != 0;
}

static enum phi_certificate_status status_of(const struct phi_trust_platform *platform,
                                             const struct phi_trust_key *key, int64_t now_us)
{
    if (platform->status != PHI_TRUST_ACTIVE)
        return PHI_CERTIFICATE_SUSPENDED;
    return now_us >= key->from_us && now_us < key->to_us ? PHI_CERTIFICATE_GOOD
                                                         : PHI_CERTIFICATE_REVOKED;
}

enum phi_certificate_status phi_trust_certificate_status(void *context,
                                                         const struct phi_certificate_info *info)
{
    const struct phi_trust_word *word = context;
    enum phi_certificate_status found = PHI_CERTIFICATE_UNLISTED;
    if (info->is_ca)
        return PHI_CERTIFICATE_GOOD;
    for (size_t i = 0; i < word->list->platform_count; i++) {
        const struct phi_trust_platform *platform = &word->list->platforms[i];
        for (size_t j = 0; j < platform->key_count; j++) {
            if (!is_certified(&platform->keys[j], info))
                continue;
            enum phi_certificate_status status =
                status_of(platform, &platform->keys[j], word->now_us);
            found = found == PHI_CERTIFICATE_GOOD ? found : status;
        }
    }
    return found;
}
