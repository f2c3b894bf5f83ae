/* Inside CertLogic only: its times, as JavaScript's Date has them. */
#ifndef PHI_CERTLOGIC_TIME_H
#define PHI_CERTLOGIC_TIME_H

#include "certlogic/value.h"

#define PHI_CERTLOGIC_TIME_MAX 40

/* "2021-02-30", "2021-02-28T12:00:00.5+08:00" (the offset may be left out), and with `partial` also
 * "2021" and "2021-02", which are their last day. */
enum phi_certlogic_when phi_certlogic_time_parse(struct phi_view text, bool partial, int64_t *ms);
/* "2021", "2021-02" or "2021-02-28" only. */
enum phi_certlogic_when phi_certlogic_birth_parse(struct phi_view text, int64_t *ms);
/* False when the time is out of a Date's range. */
bool phi_certlogic_time_plus(int64_t ms, double amount, enum phi_certlogic_unit unit, int64_t *out);
void phi_certlogic_time_format(int64_t ms, char out[PHI_CERTLOGIC_TIME_MAX]);
/* The midnight (UTC) after it. */
int64_t phi_certlogic_time_next_day(int64_t ms);

#endif
