/* The data keys of those whose facts are about to be sealed: found, or made at first need together
 * with their events, in the caller's transaction or in one of their own.
 *
 *   PHI_GUARD(keys_for_facts(&from, tx, arena, facts, count, events, &event_count, error));
 *   PHI_GUARD(keys_for_person(call, conn, subject, &key, error));       // its own transaction
 *
 * A worker's thread; blocks on the database. Nothing is remembered between calls: a key that was
 * destroyed through another replica must not be sealed under here.
 */
#ifndef SVC_DECLARE_KEYS_H
#define SVC_DECLARE_KEYS_H

#include "person/keys.h"
#include "svc-declare/declare.h"

/* On whose behalf keys are made; all borrowed, the last two NULL where no request is behind it. */
struct keys_from {
    struct phi_service *service;
    int64_t now_us;
    const char *request_id;
    const char *traceparent;
};

/* Sets `key` of each fact, and adds one whole event for each key that was made; the caller lays
 * `events` into the outbox before those of the facts, so that they are on their way first. `events`
 * has room for `count`. Parts are the arena's. */
enum phi_err keys_for_facts(const struct keys_from *from, struct phi_conn *tx,
                            struct phi_arena *arena, struct fact *const *facts, size_t count,
                            struct phi_event *events, size_t *event_count,
                            struct phi_error *error) PHI_MUST_USE;

/* The person's kept key; one that has to be made is committed, and on its way, when this returns.
 * Outside a transaction. Its parts are the call's arena's. */
enum phi_err keys_for_person(struct phi_api_call *call, struct phi_conn *conn,
                             const uint8_t *subject, struct phi_person_key *out,
                             struct phi_error *error) PHI_MUST_USE;

/* An event of person.key with everything filled. */
enum phi_err keys_event(struct phi_api_call *call, const struct phi_person_key *key,
                        struct phi_arena *arena, struct phi_event *out) PHI_MUST_USE;

#endif
