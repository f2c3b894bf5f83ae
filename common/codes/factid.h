/* Fact ids: the first 16 bytes of SM3(region ‖ source ‖ institution ‖ record number ‖ revision),
 * each in UTF-8 and preceded by its length as u16 big-endian; the revision in decimal.
 *
 *   PHI_GUARD(phi_declaration_record_no(route, custom, serial, subject, arena, &record_no));
 *   PHI_GUARD(phi_fact_id(region, source, app, record_no, 1, fact_id));
 *
 * Pure; any thread.
 */
#ifndef PHI_CODES_FACTID_H
#define PHI_CODES_FACTID_H

#include "codes/subject.h"

#define PHI_FACT_ID_LEN 16

/* Errors: PHI_ERR_FIELD_VALUE (a field past 65,535 bytes), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_fact_id(struct phi_view region, struct phi_view source,
                         struct phi_view institution, struct phi_view record_no, uint32_t revision,
                         uint8_t out[PHI_FACT_ID_LEN]) PHI_MUST_USE;

/* The record number of a self-declaration: route, customNumber, bizSerialNum and the subject in 32
 * hex digits, each preceded by its length (u16). These are bytes, not text; in JSON they go as
 * lower-case hex and are turned back into bytes before phi_fact_id. The result is the arena's.
 * Errors: PHI_ERR_FIELD_VALUE (a field past 65,535 bytes), PHI_ERR_MEMORY. */
enum phi_err phi_declaration_record_no(struct phi_view route, struct phi_view custom_number,
                                       struct phi_view biz_serial_num,
                                       const uint8_t subject[PHI_SUBJECT_LEN],
                                       struct phi_arena *arena, struct phi_view *out) PHI_MUST_USE;

#endif
