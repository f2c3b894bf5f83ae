/* Reading a bucket's mark; its writer is codes/bucket.c. */
#include "svc-platform/heal/heal.h"

#include "base/text.h"
#include "json/json.h"

#include <stdio.h>

enum phi_err heal_mark_read(struct phi_view json, struct phi_arena *arena,
                            struct phi_bucket_mark *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"bucket", "count", "digest", "kind", "region", "version"};
    static const char *const kinds[] = {"digest", "begin"};
    struct phi_json_at root;
    struct phi_bucket_mark mark = {.kind = PHI_BUCKET_DIGEST};
    const char *region = NULL, *version = NULL;
    int64_t bucket = 0, count = 0, number = 0;
    size_t kind = 0;
    PHI_GUARD(phi_json_read(json, 2, arena, &root, error));
    PHI_GUARD(phi_json_only(&root, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_int(&root, "bucket", 0, PHI_BUCKETS - 1, &bucket, error));
    PHI_GUARD(phi_json_int(&root, "count", 0, INT64_MAX, &count, error));
    PHI_GUARD(phi_json_hex(&root, "digest", mark.sum.digest, sizeof(mark.sum.digest), error));
    PHI_GUARD(phi_json_enum(&root, "kind", kinds, 2, &kind, error));
    PHI_GUARD(phi_json_word(&root, "region", 6, &region, error));
    PHI_GUARD(phi_json_word(&root, "version", 20, &version, error));
    if (phi_text_to_i64(phi_view_text(version), 1, INT64_MAX, &number) != PHI_OK)
        PHI_GUARD(phi_json_refuse(&root, "version", PHI_ERR_FIELD_VALUE, "not a version", error));
    snprintf(mark.region, sizeof(mark.region), "%s", region);
    mark.bucket = (uint16_t)bucket;
    mark.kind = (enum phi_bucket_kind)kind;
    mark.sum.count = (uint64_t)count;
    mark.version = (uint64_t)number;
    *out = mark;
out:
    return err;
}
