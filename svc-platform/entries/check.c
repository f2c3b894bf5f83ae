#include "svc-platform/entries/check.h"

#include "base/text.h"
#include "svc-platform/platform.h"

#include <stdio.h>
#include <string.h>

/* "phi.320000.directory": the pattern guarantees the form. */
void check_region(const char *topic, char out[7])
{
    snprintf(out, 7, "%.6s", topic + strlen("phi."));
}

size_t check_keys(const struct phi_trust_platform *province, int64_t now_us,
                  struct phi_pinned_key *out)
{
    size_t count = 0;
    for (size_t i = 0; i < province->key_count && count < PHI_TRUST_KEYS; i++) {
        const struct phi_trust_key *key = &province->keys[i];
        if (key->use != PHI_TRUST_DIRECTORY || now_us < key->from_us || now_us >= key->to_us)
            continue;
        memcpy(out[count].key_serial, key->serial, sizeof(out[count].key_serial));
        out[count++].key = key->public_key;
    }
    return count;
}

static enum phi_err agree(const char *region, const char *topic, uint64_t version,
                          uint64_t signed_version, struct phi_error *error)
{
    char own[7];
    check_region(topic, own);
    if (strcmp(region, own) != 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.region", "not the topic's region");
    if (version != signed_version)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.version",
                             "not what the record's headers say");
    return PHI_OK;
}

enum phi_err check_entry(const struct phi_signed_job *job, struct phi_arena *arena,
                         struct phi_entry *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(platform_entry_read(job->msg->value, arena, out, error));
    if (!phi_view_equal(job->msg->key, phi_view_of(out->subject, PHI_SUBJECT_LEN)))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.subject", "not the record's key");
    PHI_GUARD(agree(out->region, job->msg->topic, out->version, job->version, error));
out:
    return err;
}

enum phi_err check_mark(const struct phi_signed_job *job, struct phi_arena *arena,
                        struct phi_bucket_mark *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    enum phi_bucket_kind kind = PHI_BUCKET_DIGEST;
    uint16_t bucket = 0;
    PHI_GUARD(heal_mark_read(job->msg->value, arena, out, error));
    bool is_keyed = phi_bucket_mark_is(job->msg->key, &kind, &bucket) && kind == out->kind &&
                    bucket == out->bucket;
    if (!is_keyed)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.bucket", "not the record's key");
    PHI_GUARD(agree(out->region, job->msg->topic, out->version, job->version, error));
out:
    return err;
}
