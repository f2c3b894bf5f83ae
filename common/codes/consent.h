/* The consent record (授权记录, GB/T 38961 §4.2) whose SM3 stands in a code.
 *
 *   name|idNo|idType|country|time          the form for passing; time YYYYMMDDHHMMSS in UTC+8
 *
 *   PHI_GUARD(phi_consent_format(&person, now_s, arena, &record));
 *   PHI_GUARD(phi_consent_digest(record, digest));
 *
 * Pure; any thread; nothing blocks. The full record of Table 1 for other scenes is JSON and
 * svc-codegen's (record.h); the digest is the same for both.
 */
#ifndef PHI_CODES_CONSENT_H
#define PHI_CODES_CONSENT_H

#include "codes/subject.h"

#define PHI_CONSENT_NAME_MAX 100 /* code points */

/* The record of a person at a time; the bytes are the arena's. The name goes in NFC; the number
 * without spaces and in upper case; a permanent residence card under 553 goes as annex A's 516.
 * Errors: PHI_ERR_FIELD_VALUE (a name that is empty, too long, not UTF-8, or has `|` or a control
 * character; or phi_idtype_check refused the document), PHI_ERR_MEMORY. */
enum phi_err phi_consent_format(const struct phi_person *person, int64_t time_s,
                                struct phi_arena *arena, struct phi_view *record) PHI_MUST_USE;

/* SM3 of the record. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_consent_digest(struct phi_view record, uint8_t out[PHI_SM3_LEN]) PHI_MUST_USE;

/* Reads a record back into borrowed views and a time, for the holder's and the auditor's view.
 * Errors: PHI_ERR_DATA_BROKEN. */
enum phi_err phi_consent_parse(struct phi_view record, struct phi_person *person,
                               int64_t *time_s) PHI_MUST_USE;

#endif
