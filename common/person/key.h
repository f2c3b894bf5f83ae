/* Data keys of persons (个人数据密钥): health-side personal text, stored or on topics, is sealed
 * under a key of the person alone, so that destroying that key erases the text wherever it lies.
 *
 *   PHI_GUARD(phi_person_key_make(health, subject, 1, arena, &key));      // svc-declare, once
 *   PHI_GUARD(phi_person_seal(health, &key, "basic.sealed", plain, arena, &sealed));
 *   PHI_GUARD(phi_person_unseal(health, &key, "basic.sealed", sealed, arena, &plain));
 *   PHI_GUARD(phi_person_key_end(health, subject, 2, arena, &key));       // erasure
 *
 * A person's key has a version that only rises: odd while there is a key, even once it is
 * destroyed, 0 before the first. It travels on `person.key`, wrapped: version, state and key are
 * sealed under the province's health-side key, bound to the subject, which also tells that a health
 * side wrote it. What marks the end stays on the compacted topic: a bare tombstone would be
 * compacted away, and a restored backup would then hold the key again unopposed.
 *
 * Text sealed under a person's key names the version as its key id; anything else was sealed under
 * the health key itself, before there were such keys, and counts as version 0. Pure but for random
 * numbers; any thread; nothing blocks.
 */
#ifndef PHI_PERSON_KEY_H
#define PHI_PERSON_KEY_H

#include "bus/event.h"
#include "codes/subject.h"
#include "crypto/seal.h"

#define PHI_PERSON_KEY_LEN         32
#define PHI_PERSON_VERSION_MAX     65535
#define PHI_PERSON_STREAM          "person.key"
#define PHI_PERSON_ERASED_ZH       "已删除"
#define PHI_PERSON_IDENTITY_SEALED "people.identity_sealed" /* context of `identity` of facts */

/* What is known of a person's key; all zero: nothing yet. */
struct phi_person_key {
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t version;
    struct phi_view wrapped; /* borrowed */
};

/* There is a key, and it was not destroyed. */
bool phi_person_key_is_kept(const struct phi_person_key *key);

/* A new random key of an odd version, or the end of one at an even version; `wrapped` is the
 * arena's. PHI_ERR_FIELD_VALUE (a version that isn't so), PHI_ERR_KEY, PHI_ERR_CRYPTO,
 * PHI_ERR_MEMORY. */
enum phi_err phi_person_key_make(const struct phi_seal_key *health, const uint8_t *subject,
                                 int64_t version, struct phi_arena *arena,
                                 struct phi_person_key *out) PHI_MUST_USE;
enum phi_err phi_person_key_end(const struct phi_seal_key *health, const uint8_t *subject,
                                int64_t version, struct phi_arena *arena,
                                struct phi_person_key *out) PHI_MUST_USE;

/* The key itself, ready for phi_seal and phi_unseal; the caller frees it. PHI_ERR_ERASED
 * (destroyed), PHI_ERR_NOT_FOUND (none yet), PHI_ERR_DATA_BROKEN, PHI_ERR_CRYPTO, PHI_ERR_MEMORY.
 */
enum phi_err phi_person_key_open(const struct phi_seal_key *health,
                                 const struct phi_person_key *key,
                                 struct phi_seal_key **out) PHI_MUST_USE;

/* Seals under the person's key, the result is the arena's. Errors of phi_person_key_open and
 * phi_seal. */
enum phi_err phi_person_seal(const struct phi_seal_key *health, const struct phi_person_key *key,
                             const char *context, struct phi_view plain, struct phi_arena *arena,
                             struct phi_view *sealed) PHI_MUST_USE;

/* Opens what was sealed under whichever version. PHI_ERR_ERASED: sealed under a version that was
 * destroyed since, or before an erasure; also for sealed bytes that are empty. PHI_ERR_NOT_FOUND:
 * under a version that is not known here yet. Others as phi_unseal. */
enum phi_err phi_person_unseal(const struct phi_seal_key *health, const struct phi_person_key *key,
                               const char *context, struct phi_view sealed, struct phi_arena *arena,
                               struct phi_view *plain) PHI_MUST_USE;

/* --- on person.key --- */

/* The event's key, type, time and value (docs/schemas/person.key.json); topic, id and source are
 * the caller's to fill. The parts are the arena's and the key's. PHI_ERR_MEMORY. */
enum phi_err phi_person_key_event(const struct phi_person_key *key, const char *region,
                                  int64_t now_us, struct phi_arena *arena,
                                  struct phi_event *event) PHI_MUST_USE;

/* Reads a record and opens what is wrapped, to see that a health side of this province wrote it.
 * `wrapped` is the arena's. PHI_ERR_JSON, PHI_ERR_FIELD_*, PHI_ERR_FORBIDDEN (another region),
 * PHI_ERR_DATA_BROKEN, PHI_ERR_MEMORY. */
enum phi_err phi_person_key_read(const struct phi_msg *msg, const char *region,
                                 const struct phi_seal_key *health, struct phi_arena *arena,
                                 struct phi_person_key *out, struct phi_error *error) PHI_MUST_USE;

#endif
