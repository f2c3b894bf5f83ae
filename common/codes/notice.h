/* As whom an app is told of a person (notice.<app>): an HMAC of the app's own number for them,
 * under a key that is the app's. Who reads the topic without it can't tell who is meant.
 *
 *   PHI_GUARD(phi_notice_key(bus_key, phi_view_text("citizen-app"), key));
 *   PHI_GUARD(phi_notice_person(key, phi_view_text(custom_number), person));
 *
 * Pure; any thread. PHI_ERR_CRYPTO, PHI_ERR_MEMORY.
 */
#ifndef PHI_CODES_NOTICE_H
#define PHI_CODES_NOTICE_H

#include "crypto/sm3.h"

#define PHI_NOTICE_KEY_LEN    PHI_SM3_LEN
#define PHI_NOTICE_PERSON_LEN 16

/* HMAC-SM3 of "notice", 0x0A and the app's id under the health side's bus key; the caller wipes it.
 */
enum phi_err phi_notice_key(const struct phi_hmac_key *bus_key, struct phi_view app_id,
                            uint8_t out[PHI_NOTICE_KEY_LEN]) PHI_MUST_USE;

/* The first 16 bytes of HMAC-SM3 of customNumber under that key. */
enum phi_err phi_notice_person(const uint8_t key[PHI_NOTICE_KEY_LEN], struct phi_view custom_number,
                               uint8_t out[PHI_NOTICE_PERSON_LEN]) PHI_MUST_USE;

#endif
