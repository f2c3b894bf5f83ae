/* 信封: what one platform says to another on the platform bus and nobody else may read, sealed to the
 * receiver's encryption keys of the trust list: SM2 carries a fresh key for SM4 and HMAC-SM3.
 *
 *   {"keys": [{"serial", "key": base64}], "sealed": base64}
 *
 *   const struct phi_letter letter = {.topic = topic, .context = "dispute.down",
 *       .member = "sealed"};
 *   PHI_GUARD(phi_letter_seal(&letter, platform, now_us, plain, arena, json, error));
 *   … and on the other side …
 *   PHI_GUARD(phi_letter_open(&letter, &root, key, arena, &plain, error));
 *
 * Several keys of a receiver may be in force at a change of keys.
 * The seal holds for one topic and context. Pure but for random numbers; any thread.
 */
#ifndef PHI_SERVICE_LETTER_H
#define PHI_SERVICE_LETTER_H

#include "auth/trust.h"
#include "json/json.h"

#define PHI_LETTER_KEYS_MAX  16
#define PHI_LETTER_BYTES_MAX (1024 * 1024) /* sealed */

struct phi_letter {
    const char *topic;
    const char *context;
    const char *member;           /* of the sealed bytes */
    enum phi_trust_holder holder; /* whom it is sealed to */
};

/* How many keys of that service of the platform letters are sealed to now. */
size_t phi_letter_keys(const struct phi_trust_platform *platform, enum phi_trust_holder holder,
                       int64_t now_us);

/* Adds `keys` and the sealed member to the object. PHI_ERR_NOT_FOUND: the platform has no key;
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_letter_seal(const struct phi_letter *letter, const struct phi_trust_platform *to,
                             int64_t now_us, struct phi_view plain, struct phi_arena *arena,
                             json_t *object, struct phi_error *error) PHI_MUST_USE;

/* `plain` is the arena's. PHI_ERR_FIELD_*, PHI_ERR_KEY (sealed to others only), PHI_ERR_DATA_BROKEN
 * (altered, or of another topic), PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err phi_letter_open(const struct phi_letter *letter, const struct phi_json_at *object,
                             const struct phi_sm2_private *key, struct phi_arena *arena,
                             struct phi_view *plain, struct phi_error *error) PHI_MUST_USE;

/* The keys of a use that the trust list has in force for an active platform, pinned for
 * bus/signed.h; 0 for none, an unknown or a suspended one. `pinned` has room for
 * PHI_LETTER_KEYS_MAX. */
struct phi_pinned_key;
size_t phi_letter_pin(const struct phi_trust_platform *platform, enum phi_trust_use use,
                      int64_t now_us, struct phi_pinned_key *pinned);

#endif
