/* The consent record behind a code: what its holder's and the auditors' ways to it share.
 *
 *   PHI_GUARD(consent_code_parse(call, &code, error));
 *   PHI_GUARD(consent_open(call, &(struct consent_sealed){…}, &record));
 */
#ifndef SVC_CODEGEN_CONSENT_H
#define SVC_CODEGEN_CONSENT_H

#include "svc-codegen/minting/mint.h"

#define CONSENT_REQUEST_LEN   16
#define CONSENT_REFERENCE_MAX 120 /* characters of a legal reference */
#define CONSENT_LOOKS_MAX     100 /* of one code, in its holder's answer */

struct consent_code {
    uint8_t bytes[PHI_JKM1_MAX];
    struct phi_jkm1 code;
    uint8_t serial_hmac[PHI_SM3_LEN];
};

/* A record as it is kept; borrowed from rows. */
struct consent_sealed {
    struct phi_view subject; /* PHI_SUBJECT_LEN bytes */
    struct phi_view digest;
    struct phi_view sealed;
};

/* `code` of the body. PHI_ERR_NOT_FOUND when it is no code of this platform. Any thread. */
enum phi_err consent_code_parse(struct phi_api_call *call, struct consent_code *out,
                                struct phi_error *error) PHI_MUST_USE;
/* The record in the call's arena. PHI_ERR_DATA_BROKEN when it isn't what the code says. */
enum phi_err consent_open(struct phi_api_call *call, const struct consent_sealed *sealed,
                          struct phi_view *record) PHI_MUST_USE;

/* looks.c: those at one code, newest first, as a JSON array. Blocks on the database. */
enum phi_err consent_looks_of(struct phi_conn *conn, const uint8_t serial_hmac[PHI_SM3_LEN],
                              json_t **out, struct phi_error *error) PHI_MUST_USE;

#endif
