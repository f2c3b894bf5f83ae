/* person.key from where this service's tables stand to the topic's end, before anything personal is
 * opened: a service that was away, or was restored from a backup, has not heard yet whose key was
 * destroyed since. What it reads goes into person_keys; the consumer's offsets stay, and it reads
 * the same again, which changes nothing.
 *
 *   PHI_GUARD(phi_person_replay_open(&options, &replay, error));          // in start
 *   (void)phi_person_replay_wait(replay, phi_deadline_in_ms(3000));
 *   … if (phi_person_replay_is_done(replay)) phi_person_unseal(…) …
 *   phi_person_replay_close(replay);
 *
 * Without a broker it goes on trying, and is not done until one has answered.
 */
#ifndef PHI_PERSON_REPLAY_H
#define PHI_PERSON_REPLAY_H

#include "bus/bus.h"
#include "person/keys.h"

struct phi_person_replay;

/* `health` and `store` outlive the replay; texts are copied. */
struct phi_person_replay_options {
    struct phi_bus_options bus;
    const char *topic;
    const char *region;
    struct phi_store *store;
    const struct phi_seal_key *health;
};

/* Starts the replay's own thread. PHI_ERR_MEMORY. */
enum phi_err phi_person_replay_open(const struct phi_person_replay_options *options,
                                    struct phi_person_replay **out,
                                    struct phi_error *error) PHI_MUST_USE;
bool phi_person_replay_is_done(const struct phi_person_replay *replay); /* any thread */
/* Blocks until it is done. PHI_ERR_DEADLINE. */
enum phi_err phi_person_replay_wait(struct phi_person_replay *replay, struct phi_deadline deadline);
void phi_person_replay_close(struct phi_person_replay *replay); /* joins; NULL is fine */

#endif
