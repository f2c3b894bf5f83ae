/* Records that others act on: signed by their owner's SM2 key, whose serial is pinned by the
 * reader, with a rising version; facts carry an HMAC-SM3 instead. Write access to a bus is not a
 * root of trust.
 *
 * Headers: phi-key (key serial), phi-version (decimal u64), phi-signature (base64 of r‖s) over
 *   topic ‖ 0x0A ‖ key ‖ 0x0A ‖ version ‖ 0x0A ‖ value
 * with SM3 and the standard user id; or phi-mac (base64 of HMAC-SM3 over the same bytes; a record
 * without phi-version counts as version 0). A value with a line feed is refused on both sides
 * (canonical JSON has none), which makes the signed bytes readable in one way only. ce_* headers
 * are not covered: the value holds whatever is acted upon. The topic is covered, and it names the
 * region.
 *
 *   PHI_GUARD(phi_signed_add(&event, &signer, version, arena));
 *   ...
 *   PHI_GUARD(phi_signed_verify(msg, pinned, pinned_count, &version, error));
 */
#ifndef PHI_BUS_SIGNED_H
#define PHI_BUS_SIGNED_H

#include "bus/event.h"
#include "crypto/sm2.h"
#include "crypto/sm3.h"

struct phi_signer {
    const char *key_serial; /* 16 hex digits, phi_key_id_of */
    const struct phi_sm2_private *key;
};

struct phi_pinned_key {
    char key_serial[17];
    const struct phi_sm2_public *key;
};

/* Adds the three headers to `event` (values in `arena`). PHI_ERR_FIELD_VALUE (line feed, no topic
 * or value), PHI_ERR_OVERLOAD (no room for headers), PHI_ERR_MEMORY, PHI_ERR_CRYPTO. Any thread. */
enum phi_err phi_signed_add(struct phi_event *event, const struct phi_signer *signer,
                            uint64_t version, struct phi_arena *arena) PHI_MUST_USE;

/* Many events, each of its own version, signed at once, which takes a third of the time; `errs` has
 * each one's own result as above. The arena holds the signed bytes too. */
void phi_signed_add_many(struct phi_event *events, const uint64_t *versions, enum phi_err *errs,
                         size_t count, const struct phi_signer *signer, struct phi_arena *arena);

/* PHI_ERR_UNSIGNED (a header is missing), PHI_ERR_HEADER (malformed), PHI_ERR_KEY (a serial that is
 * not pinned), PHI_ERR_SIGNATURE. `version` is written on success only; whether it is newer is the
 * caller's to see. A signed tombstone verifies as an empty value. Pure; any thread. */
enum phi_err phi_signed_verify(const struct phi_msg *msg, const struct phi_pinned_key *pinned,
                               size_t pinned_count, uint64_t *version,
                               struct phi_error *error) PHI_MUST_USE;

/* One record of many that are verified at once. */
struct phi_signed_job {
    const struct phi_msg *msg;
    const struct phi_pinned_key *pinned;
    size_t pinned_count;
    uint64_t version; /* written on success only */
    enum phi_err err; /* as the single call's */
};
/* The arena holds the signed bytes. */
void phi_signed_verify_many(struct phi_signed_job *jobs, size_t count, struct phi_arena *arena);

/* The same with the health side's bus key. phi_mac_add takes the version from a phi-version header
 * that the event already has, or 0. Errors as above; a wrong MAC is PHI_ERR_SIGNATURE, compared in
 * constant time. */
enum phi_err phi_mac_add(struct phi_event *event, const struct phi_hmac_key *key,
                         struct phi_arena *arena) PHI_MUST_USE;
enum phi_err phi_mac_verify(const struct phi_msg *msg, const struct phi_hmac_key *key,
                            struct phi_error *error) PHI_MUST_USE;

#endif
