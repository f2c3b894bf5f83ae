#include "service/receipts.h"

#include "auth/trust.h"
#include "base/mutant.h"

static bool is_signed(struct phi_service *service, const struct phi_receipt *receipt,
                      struct phi_view signed_part, const uint8_t *sig, int64_t now_us)
{
    const struct phi_trust_view *view = phi_trust_acquire(phi_service_trust(service));
    const struct phi_trust_platform *issuer = phi_trust_platform(view, receipt->issuer);
    const struct phi_trust_key *key =
        issuer == NULL || issuer->status != PHI_TRUST_ACTIVE
            ? NULL
            : phi_trust_key(issuer, PHI_TRUST_RECEIPT, receipt->key_id, now_us);
    bool is_good = key != NULL && (phi_sm2_verify(key->public_key, signed_part, sig) == PHI_OK ||
                                   PHI_MUTANT(forged_receipt_taken));
    phi_trust_release(view);
    return is_good;
}

enum phi_err phi_service_receipt_read(struct phi_service *service, struct phi_view bytes,
                                      struct phi_receipt *out, struct phi_error *error)
{
    struct phi_view signed_part;
    const uint8_t *sig = NULL;
    struct phi_receipt receipt;
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    if (phi_receipt_decode(bytes, &receipt, &signed_part, &sig) != PHI_OK)
        return phi_error_set(error, PHI_ERR_RECEIPT, "receipt", "malformed");
    if (!is_signed(service, &receipt, signed_part, sig, now_us))
        return phi_error_set(error, PHI_ERR_RECEIPT, "receipt", "not signed by its issuer");
    if (!phi_receipt_is_in_force(&receipt, now_us / 1000000))
        return phi_error_set(error, PHI_ERR_RECEIPT, "receipt", "not in force");
    *out = receipt;
    return PHI_OK;
}
