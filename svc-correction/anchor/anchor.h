/* 每日锚定: once a day the Merkle root over the heads of all cases' chains, as they were at the day's
 * end in China, is published on `audit`, signed: from then on no step of before can be rewritten
 * unseen (docs/corrections.md).
 *
 *   PHI_GUARD(anchor_look(service, &is_made, error));            // every second or so
 *   PHI_GUARD(anchor_proof(conn, case_id, day, &json, error));   // that a case is in it
 *
 * The heads of a day are the same whenever they are looked at, so a kill or a second replica
 * changes nothing: the row and the event of a day are one commit, whose key is the day.
 * Block for the database; any thread.
 */
#ifndef SVC_CORRECTION_ANCHOR_H
#define SVC_CORRECTION_ANCHOR_H

#include "svc-correction/correction.h"

#define ANCHOR_DAY_MAX 32

/* The turns of `turn_s` seconds that begin at midnight in China. */
struct anchor_turn {
    int64_t number;
    int64_t cut_us; /* its end */
    char day[ANCHOR_DAY_MAX];
};

/* The newest that ended `after_s` ago or earlier. Pure. */
void anchor_newest(int64_t now_us, int64_t turn_s, int64_t after_s, struct anchor_turn *out);
/* The turn of that number. Pure. */
void anchor_of(int64_t number, int64_t turn_s, struct anchor_turn *out);

/* Makes the roots that are due, at most 31 of them. PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO,
 * PHI_ERR_DEADLINE. `is_made`: an event waits in the outbox. */
enum phi_err anchor_look(struct phi_service *service, bool *is_made,
                         struct phi_error *error) PHI_MUST_USE;

/* {day, until, count, index, head, root, path} of the newest root of the day; JSON null where the
 * day has none, or the case was not there yet. The caller owns it. */
enum phi_err anchor_proof(struct phi_conn *conn, const uint8_t *case_id, const char *day,
                          json_t **out, struct phi_error *error) PHI_MUST_USE;

#endif
