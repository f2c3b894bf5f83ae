/* The directory entry (个人健康信息目录): one person's grade as a province publishes it, its
 * canonical JSON and the digest by which provinces and nation compare their lists.
 *
 *   PHI_GUARD(phi_entry_format(&entry, arena, &json));              // RFC 8785
 *   PHI_GUARD(phi_entry_digest(entry.subject, entry.version, json, h));
 *
 * Reading the JSON back is for who has the json room. Pure; any thread; nothing blocks.
 */
#ifndef PHI_CODES_ENTRY_H
#define PHI_CODES_ENTRY_H

#include "codes/grade.h"
#include "codes/subject.h"

#define PHI_ENTRY_REASONS_MAX 16
#define PHI_ENTRY_REASON_MAX  48
#define PHI_ENTRY_DIGEST_LEN  16
#define PHI_ENTRY_NEVER_US    INT64_MAX /* `until` of an entry that nothing ends; absent in JSON */

struct phi_entry {
    uint8_t subject[PHI_SUBJECT_LEN];
    char region[7];
    bool is_withdrawn; /* a removal is a versioned entry too */
    enum phi_grade grade;
    enum phi_grade then;   /* the grade after `until` if nothing comes */
    uint32_t sources_mask; /* bit 0 = source a … bit 13 = source n (annex B.2) */
    size_t reasons_count;
    char reasons[PHI_ENTRY_REASONS_MAX][PHI_ENTRY_REASON_MAX + 1]; /* words: rule or reason codes */
    uint64_t version;                                              /* max(last + 1, now in µs) */
    int64_t from_us;
    int64_t until_us; /* PHI_ENTRY_NEVER_US: no end known */
    int64_t updated_us;
};

/* Canonical JSON (RFC 8785) with the members from, grade, reasons, region, sources, subject, then,
 * until, updated, version, withdrawn; times in RFC 3339, version as a decimal string (it passes
 * 2^53), `until` and `then` absent when nothing ends the entry. The text is the arena's. Errors:
 * PHI_ERR_FIELD_VALUE (a reason that is no word, an unknown region), PHI_ERR_MEMORY. */
enum phi_err phi_entry_format(const struct phi_entry *entry, struct phi_arena *arena,
                              struct phi_view *json) PHI_MUST_USE;

/* First 16 bytes of SM3(subject ‖ version u64 big-endian ‖ canonical JSON without signature).
 * Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_entry_digest(const uint8_t subject[PHI_SUBJECT_LEN], uint64_t version,
                              struct phi_view json, uint8_t out[PHI_ENTRY_DIGEST_LEN]) PHI_MUST_USE;

/* sum += h mod 2^128, big-endian: a bucket's digest is the sum of its entries' in any order. */
void phi_entry_digest_add(uint8_t sum[PHI_ENTRY_DIGEST_LEN], const uint8_t h[PHI_ENTRY_DIGEST_LEN]);

/* The grade in force at a time: `grade`, or `then` once `until` is past. */
enum phi_grade phi_entry_grade_at(const struct phi_entry *entry, int64_t now_us);

#endif
