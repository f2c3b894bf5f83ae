/* What is revoked, in memory: asked by every verification without a lock, told by one thread at a
 * time. An entry is an id and the deadlines of the codes that it meets; it is dropped when the last
 * of these is past, since an expired code is refused anyway.
 *
 *   struct phi_revocations *set = phi_revocations_new(1000000);
 *   PHI_GUARD(phi_revocations_put(set, &(struct phi_revocation){.kind = PHI_REVOKED_CODE,
 *       .platform = "320000", .id = …, .until_s = deadline_s, .version = version}, now_s));
 *   if (phi_revocations_has(set, "320000", id, code.deadline_s)) …
 *   phi_revocations_free(set);
 */
#ifndef PHI_CODES_REVOCATION_H
#define PHI_CODES_REVOCATION_H

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/sm3.h"

#define PHI_REVOCATION_ID_LEN 16

enum phi_revoked_kind {
    PHI_REVOKED_CODE, /* id: first 16 bytes of SM3(platform ‖ serial), phi_jkm1_revocation_id */
    PHI_REVOKED_KEY_SET, /* id: key set id, fifteen zero bytes */
    PHI_REVOKED_SUBJECT, /* id: keyed by the issuer, whom alone it tells something */
    PHI_REVOKED_KINDS
};
const char *phi_revoked_kind_name(enum phi_revoked_kind kind); /* "code", "key-set", "subject" */
enum phi_err phi_revoked_kind_parse(struct phi_view name, enum phi_revoked_kind *out) PHI_MUST_USE;

struct phi_revocation {
    enum phi_revoked_kind kind;
    char platform[7]; /* who revokes: its own codes only */
    uint8_t id[PHI_REVOCATION_ID_LEN];
    int64_t from_s; /* codes whose deadline is in from … until, both included */
    int64_t until_s;
    uint64_t version; /* of what said so; a later one about the same id and `from` replaces it */
};

/* Pure. */
void phi_revocation_key_set_id(uint8_t key_set, uint8_t out[PHI_REVOCATION_ID_LEN]);
/* First 16 bytes of HMAC-SM3(serial key, "revoked" ‖ subject). PHI_ERR_CRYPTO. */
enum phi_err phi_revocation_subject_id(const struct phi_hmac_key *key, const uint8_t subject[16],
                                       uint8_t out[PHI_REVOCATION_ID_LEN]) PHI_MUST_USE;

struct phi_revocations;

/* An empty set that holds up to `max` entries; NULL when out of memory. The caller frees. */
struct phi_revocations *phi_revocations_new(size_t max);
void phi_revocations_free(struct phi_revocations *set); /* NULL is fine; nobody asks any more */

/* Any thread; a mutex. PHI_ERR_STATE: over already, or not newer than what is held;
 * PHI_ERR_OVERLOAD: `max` are held; PHI_ERR_MEMORY. */
enum phi_err phi_revocations_put(struct phi_revocations *set, const struct phi_revocation *entry,
                                 int64_t now_s) PHI_MUST_USE;
/* Drops what is over; PHI_ERR_MEMORY, with nothing dropped. Any thread. */
enum phi_err phi_revocations_drop(struct phi_revocations *set, int64_t now_s) PHI_MUST_USE;

/* Any thread, without a lock and without waiting. */
bool phi_revocations_has(struct phi_revocations *set, const char *platform,
                         const uint8_t id[PHI_REVOCATION_ID_LEN], int64_t deadline_s);
size_t phi_revocations_count(struct phi_revocations *set);
size_t phi_revocations_count_of(struct phi_revocations *set, enum phi_revoked_kind kind);
uint64_t phi_revocations_last_version(struct phi_revocations *set);
uint64_t phi_revocations_changes(struct phi_revocations *set); /* how often it has changed */

/* Each entry, under the writers' mutex; `each` doesn't call back into the set. */
void phi_revocations_each(struct phi_revocations *set,
                          void (*each)(void *context, const struct phi_revocation *entry),
                          void *context);

#endif
