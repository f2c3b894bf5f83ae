/* Signed registry records: what stands on a compacted registry topic, in its owner's tables and in
 * each reader's kept copy. The bytes that are signed, and the headers, are those of bus/signed.h.
 *
 *   PHI_GUARD(phi_record_sign("phi.registry", &signer, arena, &record));     // the owner
 *   PHI_GUARD(phi_record_event("phi.registry", &record, "/000000/svc-platform", arena, &event));
 *   PHI_GUARD(phi_producer_send(producer, &event, done, context));
 *   …
 *   PHI_GUARD(phi_record_of_msg(msg, &record, &error));                      // a reader
 *   PHI_GUARD(phi_record_verify("phi.registry", &record, &pinned, 1, &error));
 */
#ifndef PHI_AUTH_RECORD_H
#define PHI_AUTH_RECORD_H

#include "bus/event.h"
#include "bus/signed.h"
#include "store/store.h"

#define PHI_RECORD_KEY_MAX   512
#define PHI_RECORD_VALUE_MAX PHI_EVENT_VALUE_MAX

struct phi_record {
    struct phi_view key;        /* "app:hz-app", "trust-list" */
    uint64_t version;           /* rising; max(last + 1, now in µs) */
    struct phi_view value;      /* canonical JSON */
    struct phi_view key_serial; /* of the signer, 16 hex digits */
    struct phi_view signature;  /* base64 of r‖s */
};

/* Fills key_serial and signature (in the arena) of a record whose key, version and value are set.
 * PHI_ERR_FIELD_VALUE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. Pure; any thread. */
enum phi_err phi_record_sign(const char *topic, const struct phi_signer *signer,
                             struct phi_arena *arena, struct phi_record *record) PHI_MUST_USE;

/* Errors of phi_signed_verify: PHI_ERR_KEY (not the pinned owner), PHI_ERR_SIGNATURE,
 * PHI_ERR_HEADER. Pure. */
enum phi_err phi_record_verify(const char *topic, const struct phi_record *record,
                               const struct phi_pinned_key *pinned, size_t pinned_count,
                               struct phi_error *error) PHI_MUST_USE;

/* The record as an event (type "cn.phi.registry.record", a fresh id, the version as time), parts
 * borrowed from the record or in the arena. PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err phi_record_event(const char *topic, const struct phi_record *record,
                              const char *source, struct phi_arena *arena,
                              struct phi_event *out) PHI_MUST_USE;

/* Reads a message's parts, borrowed; nothing is verified yet. PHI_ERR_UNSIGNED, PHI_ERR_HEADER.
 * Pure. */
enum phi_err phi_record_of_msg(const struct phi_msg *msg, struct phi_record *out,
                               struct phi_error *error) PHI_MUST_USE;

/* The kept copy: table auth_registry in the store's schema, all topics in one. Both block on the
 * database at most its statement time-out: PHI_ERR_STORE. Saving never replaces a newer version;
 * loading calls `each` for every row of the topic and stops at nothing (a bad row is the callback's
 * to refuse). */
enum phi_err phi_record_save(struct phi_store *store, const char *topic,
                             const struct phi_record *record, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_record_load(struct phi_store *store, const char *topic,
                             void (*each)(const struct phi_record *record, void *context),
                             void *context, struct phi_error *error) PHI_MUST_USE;

#endif
