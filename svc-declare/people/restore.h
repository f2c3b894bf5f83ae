/* What was declared and reported, and persons' data keys, made again of the topics that they were
 * told on, where the database is a backup's (service/catch_up.h). Facts carry the health side's
 * MAC, keys are wrapped under its key: what others wrote is passed over. Of somebody whose key was
 * destroyed nothing sealed is kept.
 *
 *   PHI_GUARD(declare_restore(service, error));      // in start, before anything is taken in
 */
#ifndef SVC_DECLARE_RESTORE_H
#define SVC_DECLARE_RESTORE_H

#include "service/service.h"

/* Errors and blocking of phi_service_catch_up. */
enum phi_err declare_restore(struct phi_service *service, struct phi_error *error) PHI_MUST_USE;

#endif
