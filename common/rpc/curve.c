#include "rpc/curve.h"

#include <string.h>
#include <zmq.h>

enum phi_err phi_curve_keypair(uint8_t public_key[PHI_CURVE_KEY_LEN],
                               uint8_t secret_key[PHI_CURVE_KEY_LEN])
{
    enum phi_err err = PHI_ERR_CRYPTO;
    char public_text[PHI_CURVE_Z85_LEN + 1];
    char secret_text[PHI_CURVE_Z85_LEN + 1];
    if (zmq_curve_keypair(public_text, secret_text) != 0)
        return PHI_ERR_CRYPTO;
    if (zmq_z85_decode(public_key, public_text) != NULL &&
        zmq_z85_decode(secret_key, secret_text) != NULL)
        err = PHI_OK;
    phi_wipe(secret_text, sizeof(secret_text));
    return err;
}

enum phi_err phi_curve_public(const uint8_t secret_key[PHI_CURVE_KEY_LEN],
                              uint8_t public_key[PHI_CURVE_KEY_LEN])
{
    char secret_text[PHI_CURVE_Z85_LEN + 1];
    char public_text[PHI_CURVE_Z85_LEN + 1];
    phi_curve_z85_format(secret_key, secret_text);
    int rc = zmq_curve_public(public_text, secret_text);
    phi_wipe(secret_text, sizeof(secret_text));
    if (rc != 0 || zmq_z85_decode(public_key, public_text) == NULL)
        return PHI_ERR_CRYPTO;
    return PHI_OK;
}

void phi_curve_z85_format(const uint8_t key[PHI_CURVE_KEY_LEN], char out[PHI_CURVE_Z85_LEN + 1])
{
    zmq_z85_encode(out, key,
                   PHI_CURVE_KEY_LEN); /* can't fail for a length that is a multiple of 4 */
}

static enum phi_err parse_z85(struct phi_view text, uint8_t key[PHI_CURVE_KEY_LEN])
{
    char copy[PHI_CURVE_Z85_LEN + 1] = {0};
    char again[PHI_CURVE_Z85_LEN + 1];
    uint8_t bytes[PHI_CURVE_KEY_LEN];
    memcpy(copy, text.data, PHI_CURVE_Z85_LEN);
    enum phi_err err = PHI_ERR_KEY;
    /* the way back must give the same text: a zero inside would otherwise end it early */
    if (strlen(copy) == PHI_CURVE_Z85_LEN && zmq_z85_decode(bytes, copy) != NULL) {
        phi_curve_z85_format(bytes, again);
        if (phi_equal_secret(copy, again, PHI_CURVE_Z85_LEN)) {
            memcpy(key, bytes, sizeof(bytes));
            err = PHI_OK;
        }
    }
    phi_wipe(copy, sizeof(copy));
    phi_wipe(again, sizeof(again));
    phi_wipe(bytes, sizeof(bytes));
    return err;
}

enum phi_err phi_curve_parse(struct phi_view text, uint8_t key[PHI_CURVE_KEY_LEN])
{
    uint8_t bytes[PHI_CURVE_KEY_LEN];
    if (text.len == PHI_CURVE_Z85_LEN)
        return parse_z85(text, key);
    if (text.len != PHI_CURVE_HEX_LEN || phi_hex_decode(text, bytes, sizeof(bytes)) != PHI_OK)
        return PHI_ERR_KEY;
    memcpy(key, bytes, sizeof(bytes));
    phi_wipe(bytes, sizeof(bytes));
    return PHI_OK;
}
