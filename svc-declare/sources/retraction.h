/* Bulk retraction of a bad batch: every record of one source and institution within a time range,
 * as one act of two officers of different accounts and units. The records are those that were taken
 * up to the approval; each leaves as a signed record of its own on correction.decided, which names
 * (region, source, institution, record number).
 *
 *   POST /v1/sources/{kind}/retractions         declare_retraction_propose
 *   POST /v1/retractions/{id}/approval          declare_retraction_approve
 *   POST /v1/retractions/{id}/refusal           declare_retraction_refuse
 *   GET  /v1/retractions/{id}                   declare_retraction_show
 *   while (… retraction_work(service, &is_done, error) == PHI_OK && !is_done) …   // the watch
 *
 * Blocks on the database.
 */
#ifndef SVC_DECLARE_RETRACTION_H
#define SVC_DECLARE_RETRACTION_H

#include "svc-declare/declare.h"

#define RETRACTION_BATCH  500
#define RETRACTION_ID_LEN 16

/* Tells svc-directory of the next records of an approved retraction, at most RETRACTION_BATCH in
 * one transaction; `is_done`: none are left. One replica at a time for a retraction. */
enum phi_err retraction_work(struct phi_service *service, bool *is_done,
                             struct phi_error *error) PHI_MUST_USE;

#endif
