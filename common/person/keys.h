/* The wrapped data keys of persons in a service's own schema: what svc-declare makes, and what
 * svc-directory and svc-correction keep of it. A row's version only rises, so that records of
 * person.key may come in any order, twice, or again from the topic's beginning.
 *
 *   PHI_GUARD(phi_person_keys_keep(tx, keys, count, error));              // a batch of the topic
 *   PHI_GUARD(phi_person_keys_find(conn, subject, arena, &key, error));   // zero version: none yet
 *   PHI_GUARD(phi_person_keys_ensure(tx, health, subjects, count, arena, keys, is_made, error));
 *
 * The table (sql/120_… of each service):
 *   person_keys (subject bytea PRIMARY KEY, version bigint, wrapped bytea, changed_us bigint)
 *
 * Each blocks like a statement; the connection's thread.
 */
#ifndef PHI_PERSON_KEYS_H
#define PHI_PERSON_KEYS_H

#include "person/key.h"
#include "store/store.h"

/* Keeps what is newer than what is there; `keys` in any order, also several of one person. Errors
 * of phi_conn_exec, PHI_ERR_MEMORY. */
enum phi_err phi_person_keys_keep(struct phi_conn *tx, const struct phi_person_key *keys,
                                  size_t count, int64_t now_us,
                                  struct phi_error *error) PHI_MUST_USE;

/* A batch of person.key into the table, inside the transaction that moves its offset; what is no
 * key of ours goes to the dlq, `dead` counts them. `erased`, when not NULL, gets the subjects whose
 * key the batch says is destroyed (bytes). Errors as above and of phi_dlq_put. */
struct phi_dlq;
enum phi_err phi_person_keys_take(struct phi_conn *tx, const struct phi_msg *msgs, size_t count,
                                  const char *region, const struct phi_seal_key *health,
                                  struct phi_dlq *dlq, int64_t now_us, struct phi_arena *arena,
                                  struct phi_array *erased, size_t *dead,
                                  struct phi_error *error) PHI_MUST_USE;

/* One person's; version 0 when nothing is known. `wrapped` is the arena's. */
enum phi_err phi_person_keys_find(struct phi_conn *conn, const uint8_t *subject,
                                  struct phi_arena *arena, struct phi_person_key *out,
                                  struct phi_error *error) PHI_MUST_USE;

/* The kept key of each subject (sorted, each once), made where there is none or where it was
 * destroyed, inside the caller's transaction. `is_made[i]`: this call made it, so its event has to
 * go with the transaction. Of two callers at once one makes the key and the other waits for it. */
enum phi_err phi_person_keys_ensure(struct phi_conn *tx, const struct phi_seal_key *health,
                                    const uint8_t (*subjects)[PHI_SUBJECT_LEN], size_t count,
                                    int64_t now_us, struct phi_arena *arena,
                                    struct phi_person_key *keys, bool *is_made,
                                    struct phi_error *error) PHI_MUST_USE;

#endif
