/* What is done once a day, on a thread of its own: the root over all chains (anchor/),
 * the report of fairness (fairness/), the end of what was kept long enough (retention/).
 *
 *   PHI_GUARD(daily_start(service));
 *   daily_stop(correction);              // joins; fine when it never began
 *
 * Each replica looks every second whether something is due; a table's key makes it happen once.
 */
#ifndef SVC_CORRECTION_DAILY_H
#define SVC_CORRECTION_DAILY_H

#include "svc-correction/correction.h"

/* PHI_ERR_MEMORY, PHI_ERR_INTERNAL. */
enum phi_err daily_start(struct phi_service *service) PHI_MUST_USE;
void daily_stop(struct correction *correction);

#endif
