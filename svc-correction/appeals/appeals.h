/* 申诉 (GB/T 38961 6.3): a refused case goes once, within PHI_APPEAL_DAYS, to the unified platform.
 * It is told on `dispute.up` with its steps, the head of its chain and, sealed to the platform,
 * what the person says; two officers of the platform decide, and their word comes back on
 * `dispute.down`, signed by the platform's correction key. It is carried out as any decision.
 *
 *   {.method = "POST", .path = "/v1/corrections/{id}/appeal", …, .handle = appeal_lodge}
 *   PHI_GUARD(appeal_take_decision(&letter, error));       // of handed.c, the signature was right
 *
 * Each blocks on the database.
 */
#ifndef SVC_CORRECTION_APPEALS_H
#define SVC_CORRECTION_APPEALS_H

#include "svc-correction/correction.h"

/* PHI_ERR_STATE (not refused, appealed before, or another case about it is open), PHI_ERR_RULE (too
 * late), PHI_ERR_NEIGHBOUR (the platform takes no appeals). */
enum phi_err appeal_lodge(struct phi_api_call *call, struct phi_error *error);

struct appeal_letter {
    struct phi_service *service;
    struct phi_conn *tx; /* for the answer */
    struct phi_arena *arena;
    const char *topic;
    const struct phi_json_at *root;
    const struct phi_sm2_private *key; /* opens it */
};

/* Carries the decision out once, and answers on dispute.up; a decision that can't be (one of the
 * officers is the person, or had a part in the case) is answered as returned, and changes nothing.
 * The readers' errors: malformed. */
enum phi_err appeal_take_decision(const struct appeal_letter *letter,
                                  struct phi_error *error) PHI_MUST_USE;

#endif
