/* What was declared, settled and reported, and persons' data keys, made again of the topics that
 * they were told on, where the database is a backup's (service/catch_up.h). Records carry the
 * health side's MAC, keys are wrapped under its key: what others wrote is passed over. Of somebody
 * whose key was destroyed nothing sealed is kept.
 *
 *   PHI_GUARD(declare_restore(service, error));      // in start, before anything is taken in
 */
#ifndef SVC_DECLARE_RESTORE_H
#define SVC_DECLARE_RESTORE_H

#include "bus/event.h"
#include "service/service.h"

/* Errors and blocking of phi_service_catch_up. */
enum phi_err declare_restore(struct phi_service *service, struct phi_error *error) PHI_MUST_USE;

/* --- its parts, in restore_settled.c; the reader's thread, in its transaction --- */

/* A record of declare.person: phi_catch_up_stream's `keep`. */
enum phi_err restore_settled(struct phi_service *service, const struct phi_msg *msg,
                             struct phi_conn *tx, struct phi_arena *arena, bool *is_new,
                             struct phi_error *error) PHI_MUST_USE;

/* What the tables hold of somebody sealed goes, as at an erasure. Errors of phi_conn_exec. */
enum phi_err restore_forget(struct phi_conn *tx, const uint8_t *subject,
                            struct phi_error *error) PHI_MUST_USE;

#endif
