/* CURVE keys of ZeroMQ (Curve25519, 32 bytes each half) and their written forms.
 *
 *   uint8_t public_key[PHI_CURVE_KEY_LEN], secret_key[PHI_CURVE_KEY_LEN];
 *   PHI_GUARD(phi_curve_keypair(public_key, secret_key));
 *   char text[PHI_CURVE_Z85_LEN + 1];
 *   phi_curve_z85_format(public_key, text);                // what the registries carry
 *   phi_wipe(secret_key, sizeof(secret_key));
 */
#ifndef PHI_RPC_CURVE_H
#define PHI_RPC_CURVE_H

#include "base/bytes.h"

#define PHI_CURVE_KEY_LEN 32
#define PHI_CURVE_Z85_LEN 40
#define PHI_CURVE_HEX_LEN 64

/* A fresh pair. PHI_ERR_CRYPTO when libzmq has no CURVE. Any thread; doesn't block. */
enum phi_err phi_curve_keypair(uint8_t public_key[PHI_CURVE_KEY_LEN],
                               uint8_t secret_key[PHI_CURVE_KEY_LEN]) PHI_MUST_USE;

/* The public half of a secret key. PHI_ERR_CRYPTO. Any thread. */
enum phi_err phi_curve_public(const uint8_t secret_key[PHI_CURVE_KEY_LEN],
                              uint8_t public_key[PHI_CURVE_KEY_LEN]) PHI_MUST_USE;

/* Z85 (ZeroMQ RFC 32) with an ending zero; hex is phi_hex_encode's. */
void phi_curve_z85_format(const uint8_t key[PHI_CURVE_KEY_LEN], char out[PHI_CURVE_Z85_LEN + 1]);

/* Reads 40 characters of Z85 or 64 of hex. PHI_ERR_KEY for anything else; `key` is written only on
 * success. Any thread. */
enum phi_err phi_curve_parse(struct phi_view text, uint8_t key[PHI_CURVE_KEY_LEN]) PHI_MUST_USE;

#endif
