/* 保存期限: PHI_CASE_KEEP_DAYS after its last step the data of a closed case goes: what was
 * written, the record's number and institution, who filed for somebody, who looked. Its steps stay
 * with their digests, so that the chain can be checked for good.
 *
 *   PHI_GUARD(retention_look(service, &is_made, &error));       // every second or so
 *
 * Blocks for the database; any thread.
 */
#ifndef SVC_CORRECTION_RETENTION_H
#define SVC_CORRECTION_RETENTION_H

#include "svc-correction/correction.h"

/* A hundred cases at most a time. `is_made` stays false: nothing is told. PHI_ERR_STORE,
 * PHI_ERR_DEADLINE. */
enum phi_err retention_look(struct phi_service *service, bool *is_made,
                            struct phi_error *error) PHI_MUST_USE;

#endif
