#include "phictl/code/filter.h"

#include "phictl/files.h"

#include <stdlib.h>
#include <string.h>

#define FILTER_MAX (PHI_FILTER_BITS_MAX / 8 + 16384)

static const struct phi_trust_key *key_of(const struct phi_trust_list *list,
                                          const struct phi_filter *filter, int64_t now_us)
{
    for (size_t i = 0; i < list->platform_count; i++) {
        const struct phi_trust_platform *platform = &list->platforms[i];
        if (strcmp(platform->id, filter->platform) == 0 && platform->status == PHI_TRUST_ACTIVE)
            return phi_trust_key(platform, PHI_TRUST_REVOCATION, filter->key_serial, now_us);
    }
    return NULL;
}

enum phi_err ctl_filter_read(const struct ctl_args *args, const struct phi_trust_list *list,
                             int64_t now_us, struct phi_arena *arena, struct phi_filter *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t *bytes = NULL;
    size_t len = 0;
    PHI_GUARD(ctl_read_all(ctl_get(args, "filter"), FILTER_MAX, &bytes, &len, error));
    struct phi_view kept = phi_arena_view(arena, phi_view_of(bytes, len));
    PHI_GUARD(kept.data == NULL && len > 0 ? PHI_ERR_MEMORY : PHI_OK);
    if (phi_filter_read(kept, out, NULL) != PHI_OK)
        PHI_GUARD(phi_error_set(error, PHI_ERR_FRAME, "--filter", "not a revocation filter"));
    const struct phi_trust_key *key = key_of(list, out, now_us);
    if (key == NULL) {
        err = phi_error_set(error, PHI_ERR_KEY, "--filter",
                            "not signed by a key of its platform that the list has in force");
        goto out;
    }
    if (phi_filter_verify(out, key->public_key) != PHI_OK)
        PHI_GUARD(phi_error_set(error, PHI_ERR_SIGNATURE, "--filter", "does not verify"));
    if (now_us / 1000000 > out->not_after_s)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "--filter", "is past its notAfter"));
out:
    free(bytes);
    return err;
}

enum phi_err ctl_filter_judge(const struct phi_filter *filter, const struct phi_jkm1 *code,
                              bool is_own)
{
    enum phi_err err = PHI_OK;
    uint8_t serial[PHI_JKM1_SERIAL_LEN], id[PHI_REVOCATION_ID_LEN];
    PHI_GUARD(phi_jkm1_serial(code, is_own, serial));
    PHI_GUARD(phi_jkm1_revocation_id(code->platform, serial, id));
    bool is_revoked =
        phi_filter_has(filter, id) ||
        (is_own && phi_filter_has_key_set(filter, code->platform, code->key_set, code->deadline_s));
    err = is_revoked ? PHI_ERR_CODE_REVOKED : PHI_OK;
out:
    return err;
}
