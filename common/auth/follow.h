/* Following one signed registry topic: the kept copy first, then the topic, each record verified
 * against the pinned owner before it is handed on. What registry.c and trust.c share; inside auth
 * only.
 *
 *   PHI_GUARD(phi_follow_open(&options, &follow, error));
 *   PHI_GUARD(phi_follow_load(follow, error));      // kept records → take
 *   PHI_GUARD(phi_follow_start(follow, error));     // the topic's → take, from a thread of its own
 */
#ifndef PHI_AUTH_FOLLOW_H
#define PHI_AUTH_FOLLOW_H

#include "auth/record.h"
#include "bus/bus.h"

struct phi_follow;

struct phi_follow_options {
    struct phi_bus_options bus; /* brokers NULL: the topic is not followed */
    const char *topic;
    const uint8_t *owner;    /* PHI_SM2_PUBLIC_LEN bytes */
    struct phi_store *store; /* NULL: nothing is kept */
    /* A verified record. PHI_OK: taken in, and to be kept; PHI_ERR_STATE: older or the same;
     * others: refused. */
    enum phi_err (*take)(void *context, const struct phi_record *record, bool is_kept,
                         struct phi_error *error);
    void (*caught_up)(void *context); /* may be NULL */
    void *context;
};

/* Options are copied. PHI_ERR_KEY (owner), PHI_ERR_CONFIG, PHI_ERR_MEMORY. */
enum phi_err phi_follow_open(const struct phi_follow_options *options, struct phi_follow **out,
                             struct phi_error *error) PHI_MUST_USE;
void phi_follow_close(struct phi_follow *follow); /* joins the thread; NULL is fine */
enum phi_err phi_follow_load(struct phi_follow *follow, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_follow_start(struct phi_follow *follow, struct phi_error *error) PHI_MUST_USE;

/* Verifies one record, has it taken, keeps and counts it: what the thread does for each. */
enum phi_err phi_follow_offer(struct phi_follow *follow, const struct phi_record *record,
                              struct phi_error *error) PHI_MUST_USE;
bool phi_follow_is_caught_up(const struct phi_follow *follow);

#endif
