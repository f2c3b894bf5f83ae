/* Sealed bytes: personal text as it is stored or carried on a topic.
 *
 *   key id (u32 big-endian) ‖ nonce (16) ‖ SM4-CTR ciphertext ‖ HMAC-SM3 (32)
 *
 *   struct phi_seal_key *key = NULL;
 *   PHI_GUARD(phi_seal_key_new(7, data_key, &key));
 *   PHI_GUARD(phi_seal(key, "codegen.consent_record", subject, record, arena, &sealed));
 *   PHI_GUARD(phi_unseal(key, "codegen.consent_record", subject, sealed, arena, &plain));
 *
 * The MAC covers context (`schema.column` or `stream.field`), 0x00, subject, key id, nonce and
 * ciphertext, so that a value can't be moved to another column or person. Any thread; nothing
 * blocks.
 */
#ifndef PHI_CRYPTO_SEAL_H
#define PHI_CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/time.h"

#define PHI_SEAL_NONCE_LEN   16
#define PHI_SEAL_MAC_LEN     32
#define PHI_SEAL_OVERHEAD    (4 + PHI_SEAL_NONCE_LEN + PHI_SEAL_MAC_LEN)
#define PHI_SEAL_SUBJECT_LEN 16

struct phi_seal_key; /* opaque, immutable; wiped when freed */

/* Derives the encryption and the MAC key from `data_key` (16..64 bytes, copied); the caller frees.
 * Errors: PHI_ERR_KEY (length), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_seal_key_new(uint32_t key_id, struct phi_view data_key,
                              struct phi_seal_key **out) PHI_MUST_USE;
void phi_seal_key_free(struct phi_seal_key *key); /* NULL is fine */
uint32_t phi_seal_key_id(const struct phi_seal_key *key);
/* Whether a key of that id is in the chain, in its time or not. */
bool phi_seal_key_has(const struct phi_seal_key *chain, uint32_t key_id);

/* The time of a key, [from_us, to_us): it seals from then on, until a newer one of its chain does,
 * and unseals up to the end of its time. Without a call: always. Before other threads have it. */
void phi_seal_key_time(struct phi_seal_key *key, int64_t from_us, int64_t to_us);
/* Puts another key of the same use behind this one and takes it over: what is sealed under either
 * unseals, and the newest whose time has come by `clock` (NULL: the system's) seals. Before other
 * threads have it. Errors: PHI_ERR_KEY (its id is there already), then `other` stays the caller's.
 */
enum phi_err phi_seal_key_add(struct phi_seal_key *key, struct phi_seal_key *other,
                              const struct phi_clock *clock) PHI_MUST_USE;
/* Counts every sealing and unsealing with this very key; before other threads have it. */
struct phi_counter;
void phi_seal_key_count(struct phi_seal_key *key, struct phi_counter *uses);

/* Seals `plain` under a fresh random nonce; the result is the arena's.
 * Errors: PHI_ERR_KEY (no key's time has come), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_seal(const struct phi_seal_key *key, const char *context,
                      const uint8_t subject[PHI_SEAL_SUBJECT_LEN], struct phi_view plain,
                      struct phi_arena *arena, struct phi_view *sealed) PHI_MUST_USE;

/* Checks first, then decrypts; the result is the arena's.
 * Errors: PHI_ERR_DATA_BROKEN (too short, of a key that is not in the chain or out of its time,
 * altered, or of another context or subject), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_unseal(const struct phi_seal_key *key, const char *context,
                        const uint8_t subject[PHI_SEAL_SUBJECT_LEN], struct phi_view sealed,
                        struct phi_arena *arena, struct phi_view *plain) PHI_MUST_USE;

/* The key id that sealed bytes name, to find the key. Errors: PHI_ERR_DATA_BROKEN (too short). */
enum phi_err phi_sealed_key_id(struct phi_view sealed, uint32_t *key_id) PHI_MUST_USE;

#endif
