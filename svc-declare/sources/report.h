/* What of a source was taken, for the institution that sends it: counts, the last record number,
 * what was rejected and why.
 *
 *   PHI_GUARD(report_keep(intake, tx, error));   // with the lines' own transaction
 *   GET /v1/sources/{kind}/report                // declare_report
 *
 * Blocks on the database.
 */
#ifndef SVC_DECLARE_REPORT_H
#define SVC_DECLARE_REPORT_H

#include "svc-declare/sources/intake.h"

#define REPORT_PROBLEMS_KEPT 1000 /* of one source and institution; older ones go */

/* Adds the decided lines to the marks and the rejected ones to the problems. Only the lines' own
 * writer (intake's lock) may call it for a source and institution. */
enum phi_err report_keep(struct intake *intake, struct phi_conn *tx,
                         struct phi_error *error) PHI_MUST_USE;

/* A problem that belongs to no line: a letter on intake.<app> that could not be opened. `source` is
 * "-" when the kind is not known. */
enum phi_err report_letter(struct phi_conn *tx, const char *source, const char *institution,
                           const char *reason, int64_t now_us,
                           struct phi_error *error) PHI_MUST_USE;

#endif
