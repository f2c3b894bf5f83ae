/* 统一平台受理 (GB/T 38961 6.3): cases that a citizen filed at the unified platform. They come sealed on
 * `dispute.down` of the platform bus, signed by the nation's answer key, and are filed as any
 * other; each number of the platform once. How such a case stands is told on `dispute.up`, signed
 * by the key of decisions, whatever moved it.
 *
 *   PHI_GUARD(handed_open(service, &correction->handed, error));   // NULL without an intake key
 *   PHI_GUARD(handed_start(service, error));                        // follows dispute.down
 *   handed_tell(service);                                           // the clock's, at each tick
 *   handed_stop(correction, until);
 *   handed_close(correction->handed);                               // NULL is fine
 */
#ifndef SVC_CORRECTION_HANDED_H
#define SVC_CORRECTION_HANDED_H

#include "svc-correction/correction.h"

#define DISPUTE_LEN  16
#define DISPUTE_DOWN "dispute.down"
#define DISPUTE_UP   "dispute.up"

struct handed;

enum phi_err handed_open(struct phi_service *service, struct handed **out,
                         struct phi_error *error) PHI_MUST_USE;
enum phi_err handed_start(struct phi_service *service, struct phi_error *error) PHI_MUST_USE;
void handed_stop(struct correction *correction, struct phi_deadline until);
void handed_close(struct handed *handed);

/* Tells the unified platform of the cases that moved since it was told; blocks for the database. */
void handed_tell(struct phi_service *service);

/* An event on dispute.up, signed by the key of decisions, into the transaction. */
enum phi_err handed_say(struct phi_service *service, struct phi_conn *tx, const char *type,
                        json_t *json, struct phi_arena *arena,
                        struct phi_error *error) PHI_MUST_USE;

#endif
