/* Fact ids: the first 16 bytes of SM3(region ‖ source ‖ institution ‖ record number ‖ revision),
 * each in UTF-8 and preceded by its length as u16 big-endian; the revision in decimal.
 *
 *   PHI_GUARD(phi_declaration_record_no(route, custom, serial, subject, record_no));
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

#define PHI_DECLARATION_RECORD_LEN 32

/* The record number of a self-declaration, 32 hex digits: the first 16 bytes of SM3(route ‖
 * customNumber ‖ bizSerialNum ‖ the subject's 32 hex digits), each preceded by its length (u16). A
 * digest, because the number travels on topics and an app's number for its customer may say who
 * that is. Errors: PHI_ERR_FIELD_VALUE (a field past 65,535 bytes), PHI_ERR_CRYPTO, PHI_ERR_MEMORY.
 */
enum phi_err phi_declaration_record_no(struct phi_view route, struct phi_view custom_number,
                                       struct phi_view biz_serial_num,
                                       const uint8_t subject[PHI_SUBJECT_LEN],
                                       char out[PHI_DECLARATION_RECORD_LEN + 1]) PHI_MUST_USE;

#endif
