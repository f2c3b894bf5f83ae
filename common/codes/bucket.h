/* Buckets: the first 12 bits of a subject. Province and nation compare their lists bucket by
 * bucket, by the sum of the entries' digests (codes/entry.h), which travels as a mark on the
 * directory topic, in the bucket's own partition.
 *
 *   struct phi_bucket_sum sum = {0};
 *   PHI_GUARD(phi_bucket_sum_add(&sum, &entry, arena));             // each entry of the bucket
 *   struct phi_bucket_mark mark = {.kind = PHI_BUCKET_DIGEST, .bucket = 163, .sum = sum, …};
 *   PHI_GUARD(phi_bucket_mark_format(&mark, arena, &json));         // the record's value
 *   phi_bucket_mark_key(PHI_BUCKET_DIGEST, 163, key);               // and its key
 *
 * Bytes in docs/codes.md. Pure; any thread; nothing blocks.
 */
#ifndef PHI_CODES_BUCKET_H
#define PHI_CODES_BUCKET_H

#include "codes/entry.h"

#define PHI_BUCKETS 4096

enum phi_bucket_kind {
    PHI_BUCKET_DIGEST, /* what the bucket holds, all of it sent before */
    PHI_BUCKET_BEGIN,  /* all of the bucket follows, up to its next digest */
    PHI_BUCKET_KIND_COUNT
};
const char *phi_bucket_kind_name(enum phi_bucket_kind kind); /* "digest", "begin" */

struct phi_bucket_sum {
    uint64_t count;
    uint8_t digest[PHI_ENTRY_DIGEST_LEN];
};

struct phi_bucket_mark {
    enum phi_bucket_kind kind;
    uint16_t bucket;
    char region[7];
    uint64_t version; /* max(last + 1, now in µs), of the region's marks */
    struct phi_bucket_sum sum;
};

uint16_t phi_bucket_of(const uint8_t subject[PHI_SUBJECT_LEN]);
/* The lowest and the highest subject of a bucket. */
void phi_bucket_range(uint16_t bucket, uint8_t low[PHI_SUBJECT_LEN], uint8_t high[PHI_SUBJECT_LEN]);

/* Takes an entry in; `arena` holds its JSON for the time of the call. Errors: phi_entry_format's,
 * phi_entry_digest's. */
enum phi_err phi_bucket_sum_add(struct phi_bucket_sum *sum, const struct phi_entry *entry,
                                struct phi_arena *arena) PHI_MUST_USE;
bool phi_bucket_sum_equal(const struct phi_bucket_sum *a, const struct phi_bucket_sum *b);

/* 16 bytes, as a subject's key, so that a mark lies in the partition of its bucket. */
void phi_bucket_mark_key(enum phi_bucket_kind kind, uint16_t bucket, uint8_t key[PHI_SUBJECT_LEN]);
/* Whether a record's key is a mark's; `kind` and `bucket` are written then. */
bool phi_bucket_mark_is(struct phi_view key, enum phi_bucket_kind *kind, uint16_t *bucket);
/* Canonical JSON (RFC 8785): bucket, count, digest, kind, region, version; the text is the arena's.
 * Errors: PHI_ERR_FIELD_VALUE (an unknown region, bucket or kind), PHI_ERR_MEMORY. */
enum phi_err phi_bucket_mark_format(const struct phi_bucket_mark *mark, struct phi_arena *arena,
                                    struct phi_view *json) PHI_MUST_USE;

#endif
